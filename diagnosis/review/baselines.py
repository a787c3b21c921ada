"""What an action's measure was before it, told from records by which the action was not chosen.

A team is given an action because its quarter was the worst of many, and what follows the worst of many is better by
chance alone (regression to the mean; Galton 1886, Barnett, van der Pols and Dobson 2005). So the quarter that raised
an action is left out: what came between it and the action is compared with what came after, and where that is too
little, the quarters before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import pandas as pd

from diagnosis.actions import Action
from diagnosis.errors import InputError
from diagnosis.review.history import ReviewHistory
from diagnosis.review.quarters import Quarter, last_complete_quarter
from diagnosis.review.samples import Estimate, Sample
from diagnosis.times import as_utc, days_of

QUARTERS = 4  # before the one that raised an action
ENOUGH = (
    2  # of what a comparison needs: with fewer a real effect is hardly ever seen, and the quarters before have more
)
_COLUMNS = {"team": "assignment_group", "topic": "category", "service": "service"}  # by name in an action's evidence
SLOW = ("recurrence", "closure")  # watched for weeks, of which some come after the action

Span = tuple[pd.Timestamp, pd.Timestamp]
BaselineCode = Literal["since_raised", "quarters_before"]


@dataclass(frozen=True, slots=True)
class ActionBaseline:
    """What a measure was before an action.

    Attributes
    ----------
    code : {"since_raised", "quarters_before"}
        Whether its records were opened between the quarter that raised the action and the action, or in the quarters
        before that quarter.
    start, stop : Timestamp
        From when to before when they were opened, in UTC.
    estimate : Estimate
    """

    code: BaselineCode
    start: pd.Timestamp
    stop: pd.Timestamp
    estimate: Estimate

    def to_dict(self, zone: str) -> dict[str, Any]:
        """Return what it is as plain JSON values, its days in a zone."""
        first, last = local_day(self.start, zone), local_day(self.stop - timedelta(seconds=1), zone)
        return {"code": self.code, "first_day": first, "last_day": last, "n": self.estimate.n}


def baseline_of(history: ReviewHistory, action: Action, done_at: datetime) -> ActionBaseline | None:
    """Return what an action's measure was before it; None where no record tells that the action was not chosen by.

    The quarter that raised an action is its source, where a review proposed it. Of one that a person wrote down before
    it was done it is taken to be the last that was over then, and only what was opened since is new. Where neither is
    known it is taken to be the quarter before the one in which the action was done, as a review asks for an action by
    the end of the following quarter.
    """
    zone, done = history.settings.zone, as_utc(pd.Timestamp(done_at))
    quarter, since = _raising_quarter(action, done_at, zone)
    fewest = history.settings.fewest_of(action.measure)
    if since is not None:
        recent = _baseline(history, action, "since_raised", (since, done), done)
        if recent is not None and recent.estimate.n >= ENOUGH * fewest:
            return recent
    first = quarter
    for _ in range(QUARTERS):
        first = first.previous
    span = first.bounds(zone)[0], quarter.bounds(zone)[0]
    earlier = _baseline(history, action, "quarters_before", span, done)
    return earlier if earlier is not None and earlier.estimate.n >= fewest else None


def sample_of(history: ReviewHistory, action: Action, start: pd.Timestamp, stop: pd.Timestamp) -> Sample | None:
    """Return the records of some time that an action's measure is of: of what its evidence says that it is for.

    That is a team, a topic or a service, as the first entry of its evidence names them that does.
    """
    sample = history.sample_between(action.measure, start, stop)
    scope = next((item for item in action.evidence if any(name in item for name in _COLUMNS)), {})
    if sample is None:
        return None
    if action.measure in history.events:
        services = history.event_services(action.measure, start, stop)
        return sample.take(services == str(scope["service"])) if "service" in scope else sample
    for name, column in _COLUMNS.items():
        if name in scope:
            sample = sample.take(history.column(column)[sample.rows] == str(scope[name]))
    return sample


def local_day(moment: pd.Timestamp, zone: str) -> str:
    """Return the day of a moment in a zone, as ISO text."""
    return as_utc(moment).tz_convert(zone).date().isoformat()


def _raising_quarter(action: Action, done_at: datetime, zone: str) -> tuple[Quarter, pd.Timestamp | None]:
    """Return the quarter that raised an action, and since when records are new to who chose it; None: not known."""
    done = Quarter.of(done_at, zone)
    if action.source_kind == "review":
        try:
            quarter = Quarter.parse(action.source)
        except InputError:  # such as the programme's timetable
            pass
        else:
            return min(quarter, done), quarter.bounds(zone)[1]
    if action.created_at is not None and action.created_at < done_at:
        return last_complete_quarter(action.created_at, zone), as_utc(pd.Timestamp(action.created_at))
    return done.previous, None


def _baseline(
    history: ReviewHistory, action: Action, code: BaselineCode, span: Span, done: pd.Timestamp
) -> ActionBaseline | None:
    """Return the baseline of a span of time, as it was known when the action was done; None: nothing tells it."""
    sample = sample_of(history, action, *span)
    if sample is None:
        return None
    if action.measure in SLOW:  # what the action spared is no part of how it was before
        sample = sample.watched_for(days_of(pd.Series([done]))[0] - history.opened[sample.rows])
    estimate = sample.estimate()
    first = max(span[0], history.frame["opened_at"].iloc[0])
    return None if estimate is None else ActionBaseline(code, first, span[1], estimate)
