package RT::Action::Faultwise;

# Sends a ticket to Faultwise as REST2 would answer it. Copy it to local/lib/RT/Action/ (Debian:
# /usr/local/share/request-tracker5/lib/RT/Action/); set-up.pl makes the scrips that call it.
# RT does not wait for it longer than two seconds, and a ticket is never lost because of it.

use strict;
use warnings;
use base 'RT::Action';

use Digest::SHA qw(hmac_sha256_hex);
use HTTP::Tiny;
use JSON;

my %EVENTS = (Create => 'create', Status => 'status');

sub Prepare { return 1 }

sub Commit {
    my $self = shift;
    my $url = RT->Config->Get('FaultwiseURL') or return 1;
    my $body = JSON->new->utf8->canonical->encode($self->Payload);
    my %headers = ('Content-Type' => 'application/json');
    if (my $secret = RT->Config->Get('FaultwiseSecret')) {
        $headers{'X-Hub-Signature'} = 'sha256=' . hmac_sha256_hex($body, $secret);
    }
    elsif (my $key = RT->Config->Get('FaultwiseKey')) {
        $headers{'X-API-Key'} = $key;
    }
    my $client = HTTP::Tiny->new(timeout => RT->Config->Get('FaultwiseTimeout') || 2);
    my $answer = $client->post("$url/v1/integrations/rt", { headers => \%headers, content => $body });
    RT->Logger->warning("Faultwise did not take ticket " . $self->TicketObj->id . ": $answer->{status} $answer->{reason}")
        unless $answer->{success} || $answer->{status} == 409;    # 409: it has this already
    return 1;
}

sub Payload {
    my $self = shift;
    my ($ticket, $transaction) = ($self->TicketObj, $self->TransactionObj);
    my $first = $ticket->Transactions;
    $first->Limit(FIELD => 'Type', VALUE => 'Create');
    my $create = $first->First;
    my %record = (
        type => 'ticket',
        id => $ticket->id + 0,
        Subject => $ticket->Subject,
        Status => $ticket->Status,
        Priority => $ticket->Priority + 0,
        Queue => { id => $ticket->Queue . '', Name => $ticket->QueueObj->Name },
        Owner => { id => $ticket->OwnerObj->Name, Name => $ticket->OwnerObj->Name },
        Creator => { id => $ticket->CreatorObj->Name },
        Requestor => [ map { { id => $_->Name, Name => $_->Name, RealName => $_->RealName, EmailAddress => $_->EmailAddress } }
                @{ $ticket->Requestors->UserMembersObj->ItemsArrayRef } ],
        Created => $ticket->CreatedObj->W3CDTF(Timezone => 'UTC'),
        Resolved => $ticket->ResolvedObj->Unix > 0 ? $ticket->ResolvedObj->W3CDTF(Timezone => 'UTC') : undef,
        Content => $create ? text_of($create) : '',
        CustomFields => [ map { custom_field($ticket, $_) } @{ $ticket->CustomFields->ItemsArrayRef } ],
    );
    my %event = (
        event => $EVENTS{ $transaction->Type } || (($transaction->Field || '') eq 'Queue' ? 'queue' : 'update'),
        ticket => \%record,
        transaction => { id => $transaction->id + 0, type => $transaction->Type },
    );
    if (!$ticket->QueueObj->LifecycleObj->IsActive($ticket->Status) && !$ticket->QueueObj->LifecycleObj->IsInitial($ticket->Status)) {
        my $answer = $self->Answer;
        $record{Resolution} = $answer if length $answer;
    }
    return \%event;
}

# The last words to the requestor, or the last comment where there are none; not our own.
sub Answer {
    my $self = shift;
    my %requestors = map { $_->id => 1 } @{ $self->TicketObj->Requestors->UserMembersObj->ItemsArrayRef };
    my $history = $self->TicketObj->Transactions;
    $history->Limit(FIELD => 'Type', OPERATOR => 'IN', VALUE => [ 'Correspond', 'Comment' ]);
    my @said = grep { !$requestors{ $_->Creator } && ($_->Data || '') !~ /^Faultwise/ } @{ $history->ItemsArrayRef };
    return '' unless @said;
    my $last = $said[-1];
    my $closing = $self->TransactionObj->CreatedObj->Unix - $last->CreatedObj->Unix <= 2;    # it came with the resolution
    my @answers = grep { $_->Type eq 'Correspond' } @said;
    return text_of($closing || !@answers ? $last : $answers[-1]);
}

sub text_of {
    my $transaction = shift;
    my $plain = $transaction->ContentObj(Type => 'text/plain');
    my $any = $plain || $transaction->ContentObj;
    return $any ? $any->Content : '';
}

sub custom_field {
    my ($ticket, $field) = @_;
    my $values = $ticket->CustomFieldValues($field->id);
    return { id => $field->id . '', name => $field->Name, values => [ map { $_->Content } @{ $values->ItemsArrayRef } ] };
}

RT::Base->_ImportOverlays();

1;
