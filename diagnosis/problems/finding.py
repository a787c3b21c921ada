"""find_problems: a history in, its chronic faults out, those first that are worth most to prevent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import numpy as np
import pandas as pd

from diagnosis.arrays import Floats, Ints
from diagnosis.calendars import Calendar
from diagnosis.errors import InputError
from diagnosis.incident import IncidentBatch
from diagnosis.phrases import Phrase
from diagnosis.problems.chances import return_chances
from diagnosis.problems.facts import FaultFacts
from diagnosis.problems.forecast import FaultForecast, HolidayDays
from diagnosis.problems.hours import HoursLost
from diagnosis.problems.identity import ProblemDecision, settle
from diagnosis.problems.joining import Joining, fault_id, join, join_by_fields, texts_of
from diagnosis.problems.prevention import MeasureEffect, PreventedShares, effect_of_resolutions
from diagnosis.problems.problem import CHRONIC, Problem, ProblemReport, rank
from diagnosis.problems.twins import join_twins, likely_twins, with_later_incidents
from diagnosis.recurrence.outcomes import cohort
from diagnosis.recurrence.signature import Signature
from diagnosis.times import as_utc, days_of

Stage = Literal["joining", "forecasting", "counting"]
STAGES: tuple[Stage, ...] = get_args(Stage)
FIX = "fix"  # the kind of measure that a problem without one is reckoned with
FAULTY = "incident"  # the type of record that tells of a fault; a request and a complaint do not


@dataclass(frozen=True)
class ProblemContext:
    """What is known beside the incidents.

    Attributes
    ----------
    calendar : Calendar or None
        Whose holidays to come are quiet.
    effects : sequence of MeasureEffect
        What measures have achieved, from which the preventable share is learned.
    earlier : mapping of str to sequence of str
        `Lineage.members` of the last time: their ids go on.
    decisions : sequence of ProblemDecision
        What people decided, the oldest first.
    ended : mapping of str to str
        Ids that likeness merged before, each to the id that had its incidents then.
    """

    calendar: Calendar | None = None
    effects: Sequence[MeasureEffect] = ()
    earlier: Mapping[str, Sequence[str]] = field(default_factory=dict)
    decisions: Sequence[ProblemDecision] = ()
    ended: Mapping[str, str] = field(default_factory=dict)


def find_problems(
    frame: pd.DataFrame,
    signature: Signature,
    *,
    as_of: pd.Timestamp,
    horizon: int = 90,
    fewest: int = CHRONIC,
    texts: bool = False,
    context: ProblemContext | None = None,
    on_stage: Callable[[Stage], None] = lambda _stage: None,
) -> ProblemReport:
    """Join incidents into problems, and rank them by what preventing them is worth.

    Parameters
    ----------
    frame : DataFrame
        Canonical incident frame; service requests and complaints are no faults and are left out.
    horizon : int
        Days that are forecast.
    fewest : int
        Incidents that a problem needs; with 1 every fault is listed.
    texts : bool
        Whether likeness of texts joins where fields do not say it (`join`); otherwise the signature alone does.
    context : ProblemContext, optional
        What is known beside the incidents; by default nothing.
    on_stage : callable
        Called when each of `STAGES` begins.

    Raises
    ------
    InputError
        If the horizon is no number of days, no incident can be judged, or none belongs to a fault.
    """
    if horizon < 1:
        raise InputError(Phrase("problem_horizon_wrong", {"value": horizon}))
    context = context or ProblemContext()
    is_fault = (frame["type"] == FAULTY).to_numpy()
    eligible = cohort(frame if is_fault.all() else frame[is_fault], as_of)
    incidents = IncidentBatch.from_frame(eligible.frame)
    on_stage("joining")
    numbers = incidents.column("number")
    words = texts_of(incidents) if texts else []
    joining = join_by_fields(incidents, signature) if not texts else join(incidents, signature, words)
    opened, decisions = days_of(eligible.frame["opened_at"]), context.decisions
    if texts:
        parts, joining = joining, join_twins(joining, incidents, words, context.earlier)
        decisions = with_later_incidents(decisions, parts, joining, numbers, opened)
    joining, lineage = settle(joining, numbers, context.earlier, decisions, context.ended)
    rows = np.flatnonzero(joining.codes >= 0)
    if not len(rows):
        raise InputError(Phrase("problems_without_signature", {"fields": signature.fields, "n": len(incidents)}))
    end = float(days_of(pd.Series([as_utc(as_of)]))[0])
    holidays = (
        None if context.calendar is None else HolidayDays.of(context.calendar, as_utc(as_of).to_pydatetime(), horizon)
    )
    forecast = FaultForecast.fit(end - opened[rows], joining.codes[rows], horizon, holidays)
    on_stage("counting")
    # A cohort has no times that cannot be; of which incidents nobody can say when they ended, these tell.
    facts = FaultFacts(incidents, opened, end, HoursLost.of(frame[is_fault].iloc[eligible.rows], end))
    members = joining.members()
    facts.learn(members)
    shares = PreventedShares([*context.effects, *_effects_of_resolutions(facts, opened, members, end)])
    as_counted = _problems(facts, joining, members, forecast, shares, fewest)
    alike = likely_twins(joining, incidents, words) if texts else {}
    problems = [
        replace(p, title=lineage.titles.get(p.id, p.title), may_be_one_with=alike.get(p.id, ())) for p in as_counted
    ]
    return ProblemReport(
        as_utc(as_of),
        horizon,
        signature,
        tuple(sorted(problems, key=rank)),
        len(incidents),
        len(incidents) - len(rows),
        {**eligible.left_out, "requests and complaints": int((~is_fault).sum())},
        forecast.origins,
        joining,
        tuple(numbers),
        lineage,
        shares,
        keys=tuple(signature.keys(incidents)) if texts else (),
        chances=return_chances(joining, opened, end) if texts else {},
        own_titles={problem.id: problem.title for problem in as_counted},
    )


def problem_id(signature: Signature, key: str) -> str:
    """Return the id of a problem that fields joined."""
    return fault_id(signature.fields, key)


def _problems(
    facts: FaultFacts,
    joining: Joining,
    members: Sequence[Ints],
    forecast: FaultForecast,
    shares: PreventedShares,
    fewest: int,
) -> list[Problem]:
    listed = [place for place, rows in enumerate(members) if len(rows) >= fewest]
    of_listed = [members[place] for place in listed]
    faults = [joining.faults[place] for place in listed]
    titles = facts.titles(faults, of_listed)
    share = shares.of(FIX)
    return [
        facts.problem(fault, title, rows, forecast, place, share)
        for fault, title, rows, place in zip(faults, titles, of_listed, listed, strict=True)
    ]


def _effects_of_resolutions(
    facts: FaultFacts, opened: Floats, members: Sequence[Ints], end: float
) -> list[MeasureEffect]:
    is_fix = facts.is_resolved & ~facts.is_workaround
    effect = effect_of_resolutions(opened, members, is_fix, facts.is_resolved & facts.is_workaround, end)
    return [] if effect is None else [effect]
