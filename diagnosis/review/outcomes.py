"""What earlier actions achieved: their problem's hazard before and after, or their measure in the quarters around."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import pandas as pd

from diagnosis.actions import Action
from diagnosis.problems.follow_up import follow_up
from diagnosis.problems.joining import fault_id
from diagnosis.recurrence.beginning import beginning_of
from diagnosis.recurrence.verdict import monitored_rows
from diagnosis.review.definitions import BY_NAME
from diagnosis.review.history import ReviewHistory
from diagnosis.review.quarters import Quarter
from diagnosis.review.samples import Sample, change_of
from diagnosis.times import as_utc, format_utc

Verdict = Literal["held", "did not hold", "cannot tell yet"]
MONTH = 30.0  # days: hazards are told as episodes in so many


def outcomes(history: ReviewHistory, actions: Iterable[Action]) -> list[dict[str, Any]]:
    """Return what each action that is done has achieved, those that hold first.

    A problem's action is judged by the hazard of its fault before and after, as the service last counted it, or as the
    records have it where the service has not (its source is the fault's id, or its evidence names incidents); any other
    by its measure, of its team where its evidence names one: the quarter before the one in which it was done against
    the quarter after. Until that one is over it cannot be told, and ``until`` says when it can.
    """
    found = [entry for action in actions if (entry := _outcome(history, action)) is not None]
    order = {"held": 0, "did not hold": 1, "cannot tell yet": 2}
    return sorted(found, key=lambda entry: (order[entry["verdict"]], entry["title"]))


def _outcome(history: ReviewHistory, action: Action) -> dict[str, Any] | None:
    if action.status != "done" or action.done_at is None:
        return None
    head = {"title": action.title, "action": action.id, "done_at": format_utc(action.done_at)}
    if action.result and "verdict" in action.result:
        return head | _of_problem(history, action.result)
    if action.source_kind == "problem" and (followed := _followed(history, action, action.done_at)) is not None:
        return head | _of_problem(history, followed)
    if action.measure in BY_NAME:
        return head | _of_measure(history, action, action.done_at)
    return None


def _followed(history: ReviewHistory, action: Action, done_at: datetime) -> dict[str, Any] | None:
    """Return the hazard of an action's fault before and after it; None where the records do not know the fault."""
    fault = _fault_of(history, action)
    if not fault:
        return None
    of_fault = history.faults == fault
    times, is_monitored = history.opened[of_fault], monitored_rows(history.frame)[of_fault]
    first = beginning_of(history.opened, history.end)
    followed = follow_up(times, None, pd.Timestamp(done_at), first=first, end=history.end, is_monitored=is_monitored)
    return None if followed is None else followed.to_dict("")


def _fault_of(history: ReviewHistory, action: Action) -> str:
    """Return the fault whose id is the action's source, else the one that most incidents of its evidence have."""
    signature = history.fault_signature
    if signature is None:
        return ""
    numbers = {str(item["number"]) for item in action.evidence if "number" in item}
    rows = history.frame["number"].isin(numbers | {action.source}).to_numpy()
    counts = Counter(str(fault) for fault in history.faults[rows].tolist() if fault)
    if counts:
        return counts.most_common(1)[0][0]
    faults: dict[str, str] = {
        fault_id(signature.fields, fault): fault for fault in dict.fromkeys(history.faults.tolist()) if fault
    }
    return faults.get(action.source, "")


def _of_problem(history: ReviewHistory, result: Mapping[str, Any]) -> dict[str, Any]:
    days = (result.get("days_before") or 0.0, result.get("days_after") or 0.0)
    counts = (result.get("episodes_before") or 0, result.get("episodes_after") or 0)
    rates = [MONTH * count / length if length else None for count, length in zip(counts, days, strict=True)]
    wait = result.get("days_until_told")
    counted_at = pd.Timestamp(result["counted_at"]) if result.get("counted_at") else history.as_of
    until = _local_day(history, counted_at + timedelta(days=wait)) if wait else None
    return {
        "measure": "episodes",
        "unit": "episodes",
        "before": rates[0],
        "after": rates[1],
        "ratio": [result.get("lower"), result.get("upper")],
        "interval": None,
        "verdict": result["verdict"],
        "until": until,
    }


def _of_measure(history: ReviewHistory, action: Action, done_at: datetime) -> dict[str, Any]:
    definition = BY_NAME[action.measure]
    done = Quarter.of(done_at, history.settings.zone)
    _, over = done.following.bounds(history.settings.zone)
    plain: dict[str, Any] = {"measure": action.measure, "unit": definition.unit, "before": None, "after": None}
    plain |= {"ratio": None, "interval": None, "verdict": "cannot tell yet", "until": None}
    before = _sample(history, action, done.previous)
    earlier = before.estimate() if before is not None else None
    if earlier is not None:
        plain["before"] = earlier.value
    if history.as_of < over:
        return plain | {"until": _local_day(history, over)}
    after = _sample(history, action, done.following)
    later = after.estimate() if after is not None else None
    if earlier is None or later is None:
        return plain
    change = change_of(later, earlier)
    better = (change.difference < 0) == definition.lower_is_better
    verdict: Verdict = "cannot tell yet" if not change.changed else "held" if better else "did not hold"
    return plain | {"after": later.value, "interval": [change.lower, change.upper], "verdict": verdict}


def _local_day(history: ReviewHistory, moment: pd.Timestamp) -> str:
    """Return the day of a moment in the organisation's zone, as ISO text."""
    return as_utc(moment).tz_convert(history.settings.zone).date().isoformat()


def _sample(history: ReviewHistory, action: Action, quarter: Quarter) -> Sample | None:
    sample = history.sample(action.measure, quarter)
    teams = [str(item["team"]) for item in action.evidence if "team" in item]
    if sample is None or not teams or action.measure in history.events:
        return sample
    return sample.take(history.column("assignment_group")[sample.rows] == teams[0])
