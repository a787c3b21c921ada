"""Events: what happened here, told to those who subscribed to it.

Payloads are thin: ids and decisions, not the words of a report; who needs more asks the API for it by id.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from itertools import repeat
from typing import Any, Literal

from ulid import ULID

from api.telemetry import current_trace
from diagnosis.store import Store
from diagnosis.store.feedback import Feedback
from diagnosis.store.outbox import RETENTION, OutgoingCall
from diagnosis.times import format_utc, utc_now

EventType = Literal[
    "diagnosis.created",
    "feedback.recorded",
    "release.published",
    "certificate.revoked",
    "incident.updated",
    "problem.proposed",
    "problem.returned",
    "surge.started",
    "surge.ended",
    "major_incident.declared",
    "action.due",
    "service_level.at_risk",
    "service_level.missed",
]
MAX_BYTES = 20_000  # Standard Webhooks: payloads under 20 kB
KIND = "webhook"


class Events:
    """Owes each event to each subscriber, in the store, before what caused it is acknowledged.

    Parameters
    ----------
    store : Store

    Attributes
    ----------
    outbox_changed : callable
        Called when something is owed; the courier of this process, once it runs, looks at the outbox then.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.outbox_changed: Callable[[], None] = lambda: None

    def emit(
        self,
        event: EventType,
        occurrences: Iterable[tuple[str, Mapping[str, Any]]],
        traces: Iterable[str] | None = None,
    ) -> bool:
        """Tell subscribers that something happened, once for each key; return whether anybody is to be told.

        Parameters
        ----------
        occurrences : iterable of (str, mapping)
            What makes each occurrence one of its own, and the event's data; not looked at where nobody has subscribed.
        traces : iterable of str, optional
            The ``traceparent`` of the request behind each, where it is not the one being handled.
        """
        if not (subscribers := self.store.subscriptions.to(event)):
            return False
        moment = format_utc(utc_now())
        calls = [
            OutgoingCall(
                KIND,
                subscriber.id,
                f"{event}:{key}:{subscriber.id}",
                {"type": event, "timestamp": moment, "data": dict(data)},
                trace=trace,
            )
            for (key, data), trace in zip(occurrences, traces or repeat(current_trace()), strict=False)
            for subscriber in subscribers
        ]
        if calls:
            self.store.outbox.add(calls)
            self.outbox_changed()
        return bool(calls)

    def diagnosed(self, diagnoses: Iterable[Mapping[str, Any]], traces: Iterable[str]) -> bool:
        """Tell that diagnoses were made, each for a request of its own; return whether anybody is to be told."""
        return self.emit("diagnosis.created", ((diagnosis["id"], thin(diagnosis)) for diagnosis in diagnoses), traces)

    def updated(self, numbers: Iterable[str]) -> None:
        """Tell that incidents were stored or changed."""
        self.emit("incident.updated", [(str(ULID()), {"number": number}) for number in numbers])

    def feedback(self, feedback: Feedback) -> None:
        """Tell that a person said something of a diagnosis, without the comment."""
        names = ("id", "diagnosis", "incident", "kind", "target", "predicted", "value", "suggestion", "actor")
        self.emit("feedback.recorded", [(feedback.id, {name: getattr(feedback, name) for name in names})])

    def published(self, release: str, at: datetime) -> None:
        """Tell that a release was put into service; once, whichever replicas notice it and however often they start."""
        if utc_now() - at < RETENTION:  # the outbox remembers no longer what it told
            self.emit("release.published", [(f"{release}@{at.isoformat()}", {"release": release})])


def thin(diagnosis: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an event says of a diagnosis: decisions, risk, and the numbers of what was found, under 20 kB."""
    names = ("id", "incident", "release", "created_at", "language")
    identity = {name: diagnosis[name] for name in names}
    of_a_prediction = ("decision", "value", "probability", "certified_precision", "reason", "alternatives")
    data = {
        **identity,
        "predictions": {t: {name: p[name] for name in of_a_prediction} for t, p in diagnosis["predictions"].items()},
        "recurrence": diagnosis["recurrence"] and {"horizons": diagnosis["recurrence"]["horizons"]},
        "similar_incidents": [
            {"number": s["number"], "similarity": s["similarity"]} for s in diagnosis["similar_incidents"]
        ],
        "suggestions": [{n: s[n] for n in ("id", "source", "number", "score")} for s in diagnosis["suggestions"]],
        "warnings": diagnosis["warnings"],
    }
    return data if len(encode(data)) < MAX_BYTES - 500 else identity  # 500 for the envelope


def encode(body: Mapping[str, Any]) -> bytes:
    """Return a body as the bytes that are signed and sent."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
