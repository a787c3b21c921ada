"""WebhookService: who is told of which events, and the calls that are owed to other systems."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import httpx

from api.audit.service import AuditService
from api.outgoing.addresses import resolve
from api.outgoing.mail import MailSettings
from api.webhooks.delivery import mail_address, new_secret
from api.webhooks.events import Events, EventType
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.store import Store
from diagnosis.store.outbox import OutgoingCall
from diagnosis.store.subscriptions import Format, Language, Subscription
from diagnosis.web import check_url

CallState = Literal["waiting", "done", "dead"]


class WebhookService:
    """Adds, changes and removes subscriptions, and lists and repeats calls.

    Parameters
    ----------
    store : Store
    events : Events
    audit : AuditService
    allow_private : bool
        Whether a subscriber may have a private address, and be reached without TLS.
    mail : MailSettings
        The server that mail goes through.
    """

    def __init__(
        self, store: Store, events: Events, audit: AuditService, *, allow_private: bool, mail: MailSettings
    ) -> None:
        self._store = store
        self._events = events
        self._audit = audit
        self._allow_private = allow_private
        self._mail = mail

    def subscribe(
        self,
        actor: str,
        url: str,
        events: Sequence[EventType],
        *,
        message_format: Format = "webhook",
        language: Language = "en",
        secret: str = "",
    ) -> Subscription:
        """Subscribe a URL to events.

        Parameters
        ----------
        actor, url : str
        events : sequence of str
        message_format : {"webhook", "wecom", "dingtalk", "feishu", "email"}
        language : {"en", "zh"}
            Of messages to people.
        secret : str
            Of a group robot that asks for signatures; a webhook's is made here.

        Raises
        ------
        InputError
            If no call may be made to the URL, or a secret stands where none is used.
        """
        self._check(url, message_format)
        if secret and message_format not in ("dingtalk", "feishu"):
            raise InputError(Phrase("secret_not_used"))
        secret = new_secret() if message_format == "webhook" else secret
        with self._store.transaction():
            added = self._store.subscriptions.add(
                url, events, secret, actor, message_format=message_format, language=language
            )
            self._audit.note(actor, "subscription.add", added.id, events=list(added.events), format=message_format)
        return added

    def subscriptions(self) -> list[Subscription]:
        """Return every subscription, oldest first."""
        return self._store.subscriptions.all()

    def get(self, subscription: str) -> Subscription:
        """Return one subscription.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        """
        return self._store.subscriptions.get(subscription)

    def change(
        self, actor: str, subscription: str, url: str, events: Sequence[EventType], *, enabled: bool
    ) -> Subscription:
        """Change where events are sent and which, or switch the subscription off and on.

        Raises
        ------
        InputError
            If no call may be made to the URL.
        RecordNotFoundError
            If there is no such subscription.
        """
        self._check(url, self._store.subscriptions.get(subscription).format)
        with self._store.transaction():
            changed = self._store.subscriptions.change(subscription, url, events, enabled)
            self._audit.note(actor, "subscription.change", subscription, events=list(changed.events), enabled=enabled)
        return changed

    def rotate_secret(self, actor: str, subscription: str) -> Subscription:
        """Sign with a new secret, the present one beside it for a day.

        Raises
        ------
        RecordNotFoundError
            If there is no such subscription.
        InputError
            If it is one of people: a robot's secret is made by the robot.
        """
        if (existing := self._store.subscriptions.get(subscription)).format != "webhook":
            raise InputError(Phrase("secret_not_ours", {"format": existing.format}))
        with self._store.transaction():
            changed = self._store.subscriptions.rotate(subscription, new_secret())
            self._audit.note(actor, "subscription.rotate", subscription)
        return changed

    def unsubscribe(self, actor: str, subscription: str) -> None:
        """Remove a subscription and what is still owed to it.

        Raises
        ------
        RecordNotFoundError
            If there is no such subscription.
        """
        with self._store.transaction():
            self._store.subscriptions.delete(subscription)
            self._audit.note(actor, "subscription.delete", subscription)

    def calls(
        self,
        limit: int,
        state: CallState | None = None,
        destination: str | None = None,
        older_than: str | None = None,
    ) -> list[OutgoingCall]:
        """Return up to `limit` calls to other systems, newest first, those older than an id."""
        return self._store.outbox.page(limit, state, destination, older_than)

    def repeat_call(self, actor: str, call: str) -> OutgoingCall:
        """Try a call again that was given up.

        Raises
        ------
        RecordNotFoundError
            If there is no such call.
        """
        with self._store.transaction():
            repeated = self._store.outbox.again(call)
            self._audit.note(actor, "outbox.again", call)
        self._events.outbox_changed()
        return repeated

    def _check(self, url: str, message_format: Format) -> None:
        if message_format == "email":
            mail_address(url)
            if not self._mail.host:
                raise InputError(Phrase("mail_server_missing"))
            return
        parsed = httpx.URL(check_url(url))
        if parsed.scheme != "https" and not self._allow_private:
            raise InputError(Phrase("https_expected", {"found": parsed.scheme}))
        try:
            resolve(parsed.host, parsed.port or 443, self._allow_private)
        except httpx.ConnectError as error:
            values = {"host": parsed.host, "fault": str(error.__cause__)}
            raise InputError(Phrase("host_unresolved", values)) from error
