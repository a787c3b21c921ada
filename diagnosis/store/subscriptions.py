"""Subscriptions: who is told of which events, and the secrets that sign what they are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from diagnosis.ids import new_id
from diagnosis.phrases import Phrase
from diagnosis.store import tables
from diagnosis.store.database import Database, RecordNotFoundError
from diagnosis.times import as_utc, utc_now

Format = Literal["webhook", "wecom", "dingtalk", "feishu", "email"]
Language = Literal["en", "zh"]

OVERLAP = timedelta(hours=24)  # how long the secret before a rotation still signs


@dataclass(frozen=True, slots=True)
class Subscription:
    """One receiver of events.

    Attributes
    ----------
    format : {"webhook", "wecom", "dingtalk", "feishu", "email"}
        An event for a program, or a message for people.
    language : {"en", "zh"}
        Of a message.
    secret, previous_secret : str
        Of a webhook base64 with the prefix ``whsec_``, and the previous one also signs until `previous_until`; of a
        group robot the secret in its settings, or empty.
    enabled : bool
        False once the receiver said 410 Gone, or a person switched it off; `reason` says which.
    """

    id: str
    url: str
    events: tuple[str, ...]
    secret: str
    previous_secret: str | None
    previous_until: datetime | None
    enabled: bool
    reason: str
    created_at: datetime
    created_by: str
    format: Format = "webhook"
    language: Language = "en"

    def secrets(self, moment: datetime) -> list[str]:
        """Return the secrets that sign at a moment, newest first."""
        overlaps = self.previous_until is not None and moment < self.previous_until
        return [self.secret, *([self.previous_secret] if self.previous_secret and overlaps else [])]


class Subscriptions:
    """Subscriptions by id."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(
        self,
        url: str,
        events: Sequence[str],
        secret: str,
        actor: str,
        *,
        message_format: Format = "webhook",
        language: Language = "en",
    ) -> Subscription:
        """Store a new subscription."""
        row = {
            "id": new_id(),
            "url": url,
            "events": list(events),
            "secret": secret,
            "previous_secret": None,
            "previous_until": None,
            "enabled": True,
            "reason": "",
            "created_at": utc_now(),
            "created_by": actor,
            "format": message_format,
            "language": language,
        }
        with self.database.write() as connection:
            connection.execute(sa.insert(tables.subscriptions).values(row))
        return self.get(str(row["id"]))

    def get(self, subscription: str) -> Subscription:
        """Return one subscription.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        """
        t = tables.subscriptions
        with self.database.read() as connection:
            row = connection.execute(sa.select(t).where(t.c.id == subscription)).one_or_none()
        if row is None:
            raise RecordNotFoundError(Phrase("no_subscription", {"id": subscription}))
        return _subscription(row)

    def all(self) -> list[Subscription]:
        """Return every subscription, oldest first."""
        t = tables.subscriptions
        with self.database.read() as connection:
            return [_subscription(row) for row in connection.execute(sa.select(t).order_by(t.c.id))]

    def to(self, event: str) -> list[Subscription]:
        """Return the enabled subscriptions to one sort of event."""
        return [subscription for subscription in self.all() if subscription.enabled and event in subscription.events]

    def change(self, subscription: str, url: str, events: Sequence[str], enabled: bool) -> Subscription:
        """Change where and of what it is told, or switch it on or off."""
        reason = "" if enabled else "switched off by a person"
        return self._set(subscription, url=url, events=list(events), enabled=enabled, reason=reason)

    def disable(self, subscription: str, reason: str) -> Subscription:
        """Switch a subscription off."""
        return self._set(subscription, enabled=False, reason=reason)

    def rotate(self, subscription: str, secret: str) -> Subscription:
        """Sign with a new secret; the present one signs beside it for `OVERLAP`."""
        previous = self.get(subscription).secret
        return self._set(subscription, secret=secret, previous_secret=previous, previous_until=utc_now() + OVERLAP)

    def delete(self, subscription: str) -> None:
        """Remove a subscription and what is still owed to it.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        """
        t, owed = tables.subscriptions, tables.outbox
        with self.database.write() as connection:
            if not connection.execute(sa.delete(t).where(t.c.id == subscription)).rowcount:
                raise RecordNotFoundError(Phrase("no_subscription", {"id": subscription}))
            connection.execute(sa.delete(owed).where(owed.c.destination == subscription, owed.c.state == "waiting"))

    def _set(self, subscription: str, **values: Any) -> Subscription:  # noqa: ANN401 - columns
        t = tables.subscriptions
        with self.database.write() as connection:
            connection.execute(sa.update(t).where(t.c.id == subscription).values(**values))
        return self.get(subscription)


def _subscription(row: sa.Row[Any]) -> Subscription:
    values = dict(row._mapping) | {"events": tuple(row.events), "created_at": as_utc(row.created_at)}
    return Subscription(**values | {"previous_until": as_utc(row.previous_until) if row.previous_until else None})
