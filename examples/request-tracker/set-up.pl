#!/usr/bin/perl
# Makes what Faultwise needs in Request Tracker 5: a user with its rights and a token, and the scrips. Run it once, as the user
# that RT runs as (Debian: su -s /bin/sh www-data -c 'perl set-up.pl'); run again, it makes what is missing.
# It prints the token, which can be read only now; --new-token makes another.
use strict;
use warnings;
use lib '/usr/local/share/request-tracker5/lib', '/usr/share/request-tracker5/lib', '/opt/rt5/local/lib', '/opt/rt5/lib';
use RT -init;

my $system = RT->SystemUser;
my $name = 'faultwise';

sub must { my ($what, $done, $message) = @_; die "$what: $message\n" unless $done; print STDERR "$what\n" }

my $user = RT::User->new($system);
$user->Load($name);
must("user $name", $user->Create(Name => $name, RealName => 'Faultwise', Privileged => 1)) unless $user->id;

for my $right (qw(SeeQueue ShowTicket ShowTicketComments CommentOnTicket ModifyTicket SeeCustomField ModifyCustomField
        CreateTicket ShowArticle SeeClass)) {
    next if $user->PrincipalObj->HasRight(Right => $right, Object => RT->System);
    must("right $right", $user->PrincipalObj->GrantRight(Right => $right, Object => RT->System));
}
# The owner of a token must be allowed to have one.
must('right ManageAuthTokens', $user->PrincipalObj->GrantRight(Right => 'ManageAuthTokens', Object => RT->System))
    unless $user->PrincipalObj->HasRight(Right => 'ManageAuthTokens', Object => RT->System);

my $action = RT::ScripAction->new($system);
$action->LoadByCols(Name => 'Send to Faultwise');
must('action', $action->Create(Name => 'Send to Faultwise', Description => 'Send the ticket to Faultwise', ExecModule => 'Faultwise'))
    unless $action->id;

# What else our fields are read from: custom fields, subject, priority, owner, requestors. What we wrote ourselves is no news.
my $changed = <<'CODE';
my $change = $self->TransactionObj;
return 0 if $change->CreatorObj->Name eq 'faultwise';
return 1 if $change->Type eq 'CustomField';
return ($change->Field || '') =~ /^(?:Subject|Priority|Owner|Requestor)$/;
CODE

for my $condition ('On Create', 'On Status Change', 'On Queue Change', 'On Change') {
    my $description = "Faultwise $condition";
    my $scrip = RT::Scrip->new($system);
    $scrip->LoadByCols(Description => $description);
    next if $scrip->id;
    my @when = $condition eq 'On Change'
        ? (ScripCondition => 'User Defined', CustomIsApplicableCode => $changed)
        : (ScripCondition => $condition);
    # After the transaction is committed: a call back must find the ticket.
    must("scrip $condition", $scrip->Create(Description => $description, Queue => 0, Stage => 'TransactionBatch',
        @when, ScripAction => 'Send to Faultwise', Template => 'Blank'));
}

my $current = RT::CurrentUser->new($user);
my $tokens = RT::AuthTokens->new($system);
$tokens->LimitOwner(VALUE => $user->id);
if (!$tokens->Count || grep { $_ eq '--new-token' } @ARGV) {
    my ($id, $message, $token) = RT::AuthToken->new($current)->Create(Owner => $user->id, Description => 'Faultwise');
    must('token', $id, $message);
    print "$token\n";
}
