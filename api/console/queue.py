"""The queue: each incident once, by its newest diagnosis, with what was decided and what people said of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.console.incident_view import standing
from api.service import Service
from diagnosis.store.feedback import Feedback

LENGTH = 50
TARGETS = ("assignment_group", "category")  # shown first; the others follow on the incident's page


@dataclass(frozen=True, slots=True)
class Row:
    """One incident of the queue."""

    said: Mapping[str, Any]
    title: str
    predictions: Mapping[str, Mapping[str, Any]]
    risk: float | None
    voices: Mapping[str, Feedback]


def rows(service: Service, before: str | None = None) -> tuple[list[Row], str | None]:
    """Return a page of the queue, newest first, and where the next one starts.

    What was only tried out, and so is no incident of the store, is not in it.
    """
    page = service.store.diagnoses.page(LENGTH, None, before)
    newest: dict[str, Mapping[str, Any]] = {}
    for said in page:
        newest.setdefault(said["incident"], said)
    known = service.store.incidents.known(list(newest))
    feedback = service.store.feedback.of(*[said["id"] for said in newest.values()])
    shown = [
        Row(
            said,
            str(known[number].body.get("short_description") or known[number].body.get("description", ""))[:300],
            {t: said["predictions"][t] for t in _targets(said)},
            said["recurrence"]["horizons"][min(1, len(said["recurrence"]["horizons"]) - 1)]["probability"]
            if said["recurrence"]
            else None,
            standing([one for one in feedback if one.diagnosis == said["id"]]),
        )
        for number, said in newest.items()
        if number in known
    ]
    return shown, page[-1]["id"] if len(page) == LENGTH else None


def _targets(said: Mapping[str, Any]) -> list[str]:
    have = list(said["predictions"])
    return [t for t in TARGETS if t in have] or have[:2]
