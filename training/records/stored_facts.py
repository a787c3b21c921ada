"""What a store, or a replayed history, holds for a review besides the records."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from math import inf
from typing import Any

import numpy as np
import pandas as pd

from diagnosis.review.facts import Comment, MeasuredEvents, Outage, ReviewFacts
from diagnosis.store import Store
from diagnosis.store.monitoring import StoredAlert
from diagnosis.store.observations import Observation
from diagnosis.store.surges import StoredSurge

TARGET = "assignment_group"
MOST_SURGES = 2_000
_MOST_ALERTS = 1_000  # while one surge lasts
_MONITORING = "monitoring"  # contact_type of what monitoring filed itself: its alert, and no answer to it
SILENCE = "silence"  # a kind of surge that is no outage
_MOST_OF_AN_HOUR = 1_000  # questions: who floods a page without a sign-in neither fills memory nor moves a quarter
_ARTICLE = "knowledge:"  # begins the id of a suggestion from an article
_DAY = 86_400.0
_BEGIN = datetime.fromisoformat("1990-01-01T00:00:00+00:00")


def facts_of_store(store: Store) -> ReviewFacts:
    """Read what a store knows besides its records."""
    routed = [answer for answer in store.observations.first_answers() if answer.target == TARGET]
    surges = store.surges.page(MOST_SURGES)
    first_alert = store.alerts.first_started()
    joined = [_outage(store, surge, first_alert) for surge in surges if _is_outage(surge)]
    outages = [outage for outage in joined if outage.numbers]  # alerts that no incident followed were none
    alerted = [] if first_alert is None else [first_alert]
    watched = [surge.since for surge in surges] or alerted  # alerts of years may have been imported before one watched
    return ReviewFacts(
        by_number=_decisions(routed) | {"fix_failed": _fixes(store)},
        questions=_questions(store),
        routings={answer.incident: (answer.value, answer.truth) for answer in routed if answer.value and answer.truth},
        comments={answer.incident: Comment(answer.comment, answer.rating) for answer in store.survey_answers.all()},
        outages=outages if watched else None,
        watched_since=min(watched, default=None),
        actions=tuple(store.actions.all()),
        spared_at=tuple(answer.predicted_at for answer in routed if _spared_work(answer)) if routed else None,
    )


def facts_marker(store: Store) -> tuple[object, ...]:
    """Return a value that differs once `facts_of_store` would say something else of what is in no record."""
    questions = store.questions.marker()
    answers = len(store.survey_answers.all())
    done = tuple((action.id, action.updated_at) for action in store.actions.all(status="done"))
    return (*store.surges.marker(), *store.alerts.marker(), *store.change_records.marker(), questions, answers, done)


def outages_of(surges: Sequence[Mapping[str, Any]], frame: pd.DataFrame, started: Mapping[str, float]) -> list[Outage]:
    """Return the outages of a replayed history.

    Parameters
    ----------
    surges : sequence of mapping
        As `diagnosis.surges.replay.replay_surges` returns them.
    frame : DataFrame
        The incidents that were replayed.
    started : mapping of str to float
        By id of an alert, when it came, in seconds since 1970.
    """
    records = frame.drop_duplicates("number", keep="last").set_index("number")
    opened, services = records["opened_at"], records["service"].astype("str")
    by_people = frozenset(records.index[records["contact_type"] != _MONITORING])
    first_alert = min(started.values(), default=None)
    outages = []
    for surge in surges:
        numbers = [number for number in surge["numbers"] if number in opened.index]
        if surge["kind"] == SILENCE or not numbers:
            continue
        first = min((opened.loc[number].timestamp() for number in numbers if number in by_people), default=inf)
        counts = services.loc[numbers].value_counts().to_dict()
        outages.append(
            Outage(
                pd.Timestamp(surge["since"]).to_pydatetime(),
                surge["scope"].get("service") or _most({str(name): int(n) for name, n in counts.items() if name}),
                numbers,
                len(surge["alerts"]),
                None
                if first_alert is None or pd.Timestamp(surge["at"]).timestamp() < first_alert
                else any(started[alert] <= first for alert in surge["alerts"]),
                surge["likely_change"] or "",
            )
        )
    return outages


def _is_outage(surge: StoredSurge) -> bool:
    return surge.kind != SILENCE and surge.dismissed_at is None


def _outage(store: Store, surge: StoredSurge, first_alert: datetime | None) -> Outage:
    numbers, joined = store.surges.members(surge.id)
    alerts = store.alerts.find(joined) | _alerts_of_scope(store, surge, frozenset(numbers))
    started = [alert.started_at for alert in alerts.values()]
    bodies = [record.body for record in store.incidents.find(numbers).values()]
    opened = [body.get("opened_at") for body in bodies if body.get("contact_type") != _MONITORING]
    first = min((str(moment) for moment in opened if moment), default="")
    service = surge.scope_value if surge.scope_kind == "service" else _most(surge.members.get("service", {}))
    items = list(surge.members.get("cmdb_ci", {}))
    changes = store.change_records.on(items, [service], surge.since - timedelta(days=1), surge.at, 1)
    return Outage(
        surge.since,
        service,
        numbers,
        len(alerts),
        None
        if first_alert is None or surge.at < first_alert
        else any(not first or moment <= pd.Timestamp(first) for moment in started),
        changes[0].number if changes else "",
    )


def _alerts_of_scope(store: Store, surge: StoredSurge, numbers: Collection[str]) -> dict[str, StoredAlert]:
    """Return the alerts of a surge that it did not join.

    Those that were made into its incidents, and those that it would have joined, had they been there when it was found:
    imported later, say.
    """
    start = min(surge.at - timedelta(seconds=surge.window), surge.since)
    alerts = store.alerts.started_between(start, surge.over_at or surge.latest, _MOST_ALERTS)
    is_place = surge.scope_kind in ("service", "cmdb_ci")
    return {
        alert.id: alert
        for alert in alerts
        if alert.incident in numbers
        or (is_place and not alert.incident and getattr(alert, surge.scope_kind) == surge.scope_value)
    }


def _decisions(routed: Sequence[Observation]) -> dict[str, pd.Series]:
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


def _fixes(store: Store) -> pd.Series:
    """Return by number whether the article that was suggested failed, as people last said."""
    failed = {
        entry.incident: float(entry.kind == "suggestion_failed")
        for entry in store.feedback.all()
        if entry.suggestion is not None and entry.suggestion.startswith(_ARTICLE)
    }
    return pd.Series(failed, dtype=np.float64)


def _questions(store: Store) -> MeasuredEvents | None:
    """Return each question put to self-service and whether it needed no ticket, as if asked when its hour began."""
    counts = sorted(store.questions.by_hour(_BEGIN).items())
    times, met = [], []
    for hour, count in counts:
        questions = min(count.questions, _MOST_OF_AN_HOUR)
        solutions = min(round(count.solutions * questions / count.questions), questions) if questions else 0
        times += [hour.timestamp() / _DAY] * questions
        met += [True] * solutions + [False] * (questions - solutions)
    return MeasuredEvents.of(times, met) if times else None


def _spared_work(answer: Observation) -> bool:
    """Return whether a routing was made without a person, and none has put it right since."""
    return answer.decision == "automatic" and not answer.taken_back and answer.truth in (None, answer.value)


def _most(counts: Mapping[str, int]) -> str:
    return max(counts, key=lambda name: counts[name], default="")
