"""Reminders: each action that is due soon, or late, is brought to mind once a day."""

from __future__ import annotations

from datetime import date, timedelta

from api.webhooks.events import Events
from diagnosis.background import BackgroundLoop
from diagnosis.review.quarters import zone_of
from diagnosis.store import Store
from diagnosis.times import utc_now

_EVERY = 900.0  # seconds


class Reminders:
    """Tells subscribers of actions that are due, in a thread of its own.

    Replicas may all run it: an event that was sent is not sent again.

    Parameters
    ----------
    store : Store
    events : Events
    days : int
        How long before it is due a reminder is sent first.
    zone : str
        The organisation's, whose days are counted.
    """

    def __init__(self, store: Store, events: Events, days: int, zone: str = "UTC") -> None:
        self._store = store
        self._events = events
        self._days = days
        self._zone = zone_of(zone)
        self._sent_ids: tuple[date, frozenset[str]] = (date.min, frozenset())
        self._loop = BackgroundLoop("reminders", self.remind, _EVERY)

    def start(self) -> None:
        """Begin, at once."""
        self._loop.start()
        self._loop.wake()

    def stop(self) -> None:
        """End."""
        self._loop.stop()

    def remind(self) -> None:
        """Tell of each action that is due within the days, late ones too, once a day."""
        today = utc_now().astimezone(self._zone).date()
        sent_ids = self._sent_ids[1] if self._sent_ids[0] == today else frozenset()
        due = [action for action in self._store.actions.due_by(today + timedelta(days=self._days)) if action.due]
        fresh = [action for action in due if action.id not in sent_ids]
        self._events.emit(
            "action.due",
            [
                (
                    f"{action.id}@{today.isoformat()}",
                    {
                        "action": action.id,
                        "title": action.title,
                        "owner": action.owner,
                        "due": action.due.isoformat() if action.due else None,
                        "status": action.status,
                        "days_left": (action.due - today).days if action.due else None,
                    },
                )
                for action in fresh
            ],
        )
        self._sent_ids = (today, sent_ids | {action.id for action in fresh})
