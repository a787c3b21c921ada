"""What a review of the service rests on besides its records: decisions, self-service, surges, actions and answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from ulid import ULID

from diagnosis.arrays import Floats
from diagnosis.review import Events, ReviewHistory, ReviewSettings
from diagnosis.service_levels import ServiceLevelRules
from diagnosis.store import Store
from diagnosis.store.observations import Observation
from diagnosis.store.surges import StoredSurge
from training.records.stored import read_stored

TARGET = "assignment_group"
MOST_SURGES = 2_000
_ASKED, _SOLVED = "help.asked", "help.solved"
_DAY = 86_400.0


def review_history(
    store: Store,
    settings: ReviewSettings,
    moment: datetime,
    coverage: Callable[[pd.DataFrame], pd.Series] | None,
    rules: ServiceLevelRules | None = None,
) -> ReviewHistory:
    """Return the service's records with everything else that a review measures.

    Parameters
    ----------
    coverage : callable, optional
        Returns by number how probably an article answers an incident.
    rules : ServiceLevelRules, optional
        By default the programme's.
    """
    frame = _with_answers(read_stored(store).incidents, store)
    values = _decisions(store.observations.first_answers())
    if coverage is not None:
        values["coverage"] = coverage(frame)
    events = {"deflection": _deflection(store), "warnings": _warnings(store, store.surges.page(MOST_SURGES))}
    return ReviewHistory.read(frame, settings, as_of=pd.Timestamp(moment), rules=rules, values=values, events=events)


def blind_spots(store: Store, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """Return the services whose outages of a period came without an alert, the most outages first."""
    by_service: dict[str, list[StoredSurge]] = {}
    for surge in store.surges.page(MOST_SURGES):
        if since <= surge.since < until and surge.kind != "silence" and surge.dismissed_at is None:
            service = surge.scope_value if surge.scope_kind == "service" else _most(surge.members.get("service", {}))
            if service and not store.surges.members(surge.id)[1]:
                by_service.setdefault(service, []).append(surge)
    spots = []
    for service, surges in by_service.items():
        numbers = [number for surge in surges for number in store.surges.members(surge.id)[0]]
        spots.append({"service": service, "outages": len(surges), "numbers": numbers[:10]})
    return sorted(spots, key=_most_outages)


def automatic_decisions(store: Store, since: datetime, until: datetime) -> int:
    """Return how many routings of a period were made without a person."""
    return sum(
        answer.target == TARGET and answer.decision == "automatic" and since <= answer.predicted_at < until
        for answer in store.observations.first_answers()
    )


def _most_outages(spot: Mapping[str, Any]) -> tuple[int, str]:
    return -spot["outages"], spot["service"]


def _most(counts: Mapping[str, int]) -> str:
    return max(counts, key=lambda name: counts[name], default="")


def _with_answers(frame: pd.DataFrame, store: Store) -> pd.DataFrame:
    """Return the frame with callers' answers to the survey where a record has no rating."""
    ratings = {answer.incident: answer.rating for answer in store.survey_answers.all()}
    if not ratings:
        return frame
    asked = frame["number"].map(ratings).astype("Int64")
    return frame.assign(satisfaction=frame["satisfaction"].fillna(asked))


def _decisions(answers: Sequence[Observation]) -> dict[str, pd.Series]:
    routed = [answer for answer in answers if answer.target == TARGET]
    automatic = {answer.incident: float(answer.decision == "automatic") for answer in routed}
    right = {
        answer.incident: float(answer.truth == answer.value and not answer.taken_back)
        for answer in routed
        if answer.decision == "automatic" and (answer.truth is not None or answer.taken_back)
    }
    return {
        "automatic": pd.Series(automatic, dtype=np.float64),
        "automatic_right": pd.Series(right, dtype=np.float64),
    }


def _deflection(store: Store) -> Events:
    """Return each question put to self-service and whether it needed no ticket; its id says when it was asked."""
    start = datetime.fromisoformat("1990-01-01T00:00:00+00:00")
    asked = sorted(store.audit.objects(_ASKED, start))
    solved = store.audit.objects(_SOLVED, start)
    times = [ULID.from_str(question).timestamp / _DAY for question in asked]
    return Events(_floats(times), _floats([float(question in solved) for question in asked]))


def _warnings(store: Store, surges: Sequence[StoredSurge]) -> Events:
    """Return each outage that was announced and whether an alert came before its first incident."""
    outages = [surge for surge in surges if surge.kind != "silence" and surge.dismissed_at is None]
    warned = []
    for surge in outages:
        numbers, alerts = store.surges.members(surge.id)
        started = [alert.started_at for alert in store.alerts.find(alerts).values()]
        opened = [record.body.get("opened_at") for record in store.incidents.find(numbers).values()]
        first = min((str(moment) for moment in opened if moment), default="")
        before = [moment for moment in started if not first or moment <= pd.Timestamp(first)]
        warned.append(float(bool(before)))
    return Events(_floats([surge.since.timestamp() / _DAY for surge in outages]), _floats(warned))


def _floats(values: Sequence[float]) -> Floats:
    return np.array(values, dtype=np.float64)
