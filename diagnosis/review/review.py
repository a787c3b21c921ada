"""The review of a quarter: everything that its page, document and tables show, as plain JSON values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

import pandas as pd

from diagnosis.actions import Action
from diagnosis.errors import InputError
from diagnosis.knowledge_health.gaps import Gap
from diagnosis.phrases import Phrase
from diagnosis.problems import Problem, find_problems
from diagnosis.review.facts import ReviewFacts
from diagnosis.review.history import ReviewHistory
from diagnosis.review.measures import measures
from diagnosis.review.needs import training_needs
from diagnosis.review.outcomes import outcomes
from diagnosis.review.proposals import proposals
from diagnosis.review.quarters import Quarter
from diagnosis.review.voice import channels, topics
from diagnosis.review.workload import Hours, expected_workload
from diagnosis.times import format_utc

FORMAT = 1  # of the content, for reviews that were frozen
HORIZON = 90  # days that problems are forecast for
MOST_PROBLEMS = 10
MOST_GAPS = 10
MOST_RECORDS = 200_000  # from which problems are found: the newest


@dataclass(frozen=True)
class ReviewExtras:
    """What a review shows that is not in the records; empty where nobody has recorded it.

    Attributes
    ----------
    gaps : sequence of mapping or None
        Chronic faults that no article answers: ``id``, ``title``, ``incidents``, ``hours_lost``, ``numbers``.
    outcomes : sequence of mapping
        What earlier actions have achieved: ``title``, ``verdict`` and the counts behind it.
    blind_spots : sequence of mapping
        Services with outages that no alert came before: ``service``, ``outages``, ``numbers``.
    outages : sequence of mapping or None
        Of the quarter: ``since``, ``service``, ``incidents``, ``warned``, ``change``, ``numbers``.
    outages_from : str or None
        From when on they are known, where that is within the quarter.
    available : mapping of (str, str) to float
        Hours that a group has in the week of a Monday, or in every week where that is empty.
    saved_hours : float or None
        What automatic decisions spared.
    actions : sequence of mapping
        Actions of this and earlier reviews, as they stand.
    """

    gaps: Sequence[Mapping[str, Any]] | None = None
    outcomes: Sequence[Mapping[str, Any]] = ()
    blind_spots: Sequence[Mapping[str, Any]] = ()
    outages: Sequence[Mapping[str, Any]] | None = None
    outages_from: str | None = None
    available: Hours = field(default_factory=dict)
    saved_hours: float | None = None
    actions: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


def extras_of(
    history: ReviewHistory,
    quarter: Quarter,
    facts: ReviewFacts,
    gaps: Sequence[Mapping[str, Any]] | None = None,
    minutes_saved: float = 0.0,
    available: Hours | None = None,
) -> ReviewExtras:
    """Return what a review shows of facts that are in no record.

    Parameters
    ----------
    minutes_saved : float
        Of work, by one automatic routing.
    available : mapping of (str, str) to float, optional
        As of `ReviewExtras`.
    """
    since, quarter_end = (bound.to_pydatetime() for bound in quarter.bounds(history.settings.zone))
    until = min(quarter_end, history.as_of.to_pydatetime())  # nothing of after the moment at which it is looked at
    n_spared = facts.spared_between(since, until)
    return ReviewExtras(
        gaps=gaps,
        outcomes=outcomes(history, facts.actions),
        blind_spots=facts.blind_spots(since, until),
        outages=facts.outages_between(since, until),
        outages_from=facts.outages_known_from(since, until),
        available=available or {},
        saved_hours=None if n_spared is None else n_spared * minutes_saved / 60,
        actions=[plain_action(action) for action in facts.actions if action.status != "proposed"],
    )


def plain_gaps(gaps: Iterable[Gap]) -> list[dict[str, Any]]:
    """Return the gaps of a knowledge base as a review lists them, the first ones."""
    names = ("id", "title", "incidents", "hours_lost", "numbers")
    return [{name: getattr(gap, name) for name in names} | {"numbers": list(gap.numbers)} for gap in gaps][:MOST_GAPS]


def plain_action(action: Action) -> dict[str, Any]:
    """Return an action as a review lists it."""
    names = ("id", "title", "kind", "owner", "status", "measure", "source_kind", "source")
    due = action.due.isoformat() if action.due else None
    effect = dict(action.result) if action.result else None
    record = dict(action.record) if action.record and action.record["number"] else None
    return {name: getattr(action, name) for name in names} | {"due": due, "effect": effect, "record": record}


def review_quarter(history: ReviewHistory, quarter: Quarter, extras: ReviewExtras | None = None) -> dict[str, Any]:
    """Return the review of a quarter.

    Raises
    ------
    InputError
        If the quarter has not begun when the records were known, or none was opened in it.
    """
    extra = extras or ReviewExtras()
    start, stop = quarter.bounds(history.settings.zone)
    _check(history, quarter, start)
    measured = measures(history, quarter)
    problems = _problems(history)
    needs = training_needs(history, quarter)
    workload = expected_workload(history, quarter, extra.available)
    signature = history.fault_signature
    rows = history.rows_of(quarter)
    return {
        "format": FORMAT,
        "quarter": str(quarter),
        "previous_quarter": str(quarter.previous),
        "year_before": str(quarter.year_before),
        "zone": history.settings.zone,
        "as_of": format_utc(history.as_of.to_pydatetime(), timespec="seconds"),
        "first_day": _day(start, history.settings.zone),
        "last_day": _day(stop - timedelta(seconds=1), history.settings.zone),
        "complete": bool(history.as_of >= stop),
        "data_hash": history.data_hash,
        "settings": asdict(history.settings),
        "rules": [rule.to_dict() for rule in history.rules.rules],
        "signature": list(signature.fields) if signature else [],
        "horizon_days": HORIZON,
        "records": {
            "quarter": len(rows),
            "previous": len(history.rows_of(quarter.previous)),
            "year_before": len(history.rows_of(quarter.year_before)),
            "types": {str(k): int(v) for k, v in history.frame["type"].iloc[rows].astype("str").value_counts().items()},
            "left_out": {reason: count for reason, count in history.left_out.items() if count},
        },
        "measures": [measure.to_dict() for measure in measured],
        "problems": [problem.to_dict() for problem in problems[:MOST_PROBLEMS]],
        "voice": {"channels": channels(history, quarter), "topics": topics(history, quarter)},
        "needs": needs,
        "outages": extra.outages,
        "outages_from": extra.outages_from,
        "workload": workload,
        "saved_hours": extra.saved_hours,
        "gaps": extra.gaps,
        "outcomes": list(extra.outcomes),
        "proposals": proposals(
            quarter,
            measured,
            problems,
            needs,
            gaps=extra.gaps or (),
            blind_spots=extra.blind_spots,
            workload=workload,
            persons=history.persons,
        ),
        "actions": list(extra.actions),
    }


def _check(history: ReviewHistory, quarter: Quarter, start: pd.Timestamp) -> None:
    if start >= history.as_of:
        known_up_to = _day(history.as_of, history.settings.zone)
        raise InputError(Phrase("review_not_begun", {"quarter": str(quarter), "day": known_up_to}))
    if not len(history.rows_of(quarter)):
        opened = history.frame["opened_at"]
        first, last = (_day(moment, history.settings.zone) for moment in (opened.iloc[0], opened.iloc[-1]))
        raise InputError(Phrase("review_empty", {"quarter": str(quarter), "first": first, "last": last}))


def _problems(history: ReviewHistory) -> list[Problem]:
    """Return the chronic faults, those worth most to prevent first; none where nothing says what a fault is."""
    if history.fault_signature is None:
        return []
    incidents = history.frame[(history.frame["type"] == "incident").to_numpy()].tail(MOST_RECORDS)
    text = {str(name): "str" for name in incidents.columns if isinstance(incidents[name].dtype, pd.CategoricalDtype)}
    frame = incidents.astype(text).assign(description="", close_notes="")
    try:
        report = find_problems(frame, history.fault_signature, as_of=history.as_of, horizon=HORIZON)
    except InputError:  # no incident has the signature
        return []
    return list(report.problems)


def _day(moment: pd.Timestamp, zone: str) -> str:
    return f"{moment.tz_convert(zone):%Y-%m-%d}"
