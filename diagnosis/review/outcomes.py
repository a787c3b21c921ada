"""What earlier actions achieved: their problem's hazard before and after, or their measure before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

import pandas as pd

from diagnosis.actions import Action
from diagnosis.problems.follow_up import follow_up
from diagnosis.problems.joining import fault_id
from diagnosis.recurrence.beginning import beginning_of
from diagnosis.recurrence.verdict import monitored_rows
from diagnosis.review.baselines import baseline_of, local_day, sample_of
from diagnosis.review.definitions import BY_NAME
from diagnosis.review.history import ReviewHistory
from diagnosis.review.quarters import Quarter
from diagnosis.review.samples import change_of
from diagnosis.times import format_utc

Verdict = Literal["held", "did not hold", "no change shown", "too few", "not recorded", "cannot tell yet"]
_ORDER = {verdict: place for place, verdict in enumerate(get_args(Verdict))}
MONTH = 30.0  # days: hazards are told as episodes in so many


def outcomes(history: ReviewHistory, actions: Iterable[Action]) -> list[dict[str, Any]]:
    """Return what each action that is done has achieved, those that hold first.

    A problem's action is judged by the hazard of its fault before and after, as the service last counted it, or as the
    records have it where the service has not (its source is the fault's id, or its evidence names incidents); any other
    by its measure, of its team where its evidence names one: its ``baseline`` (`ActionBaseline.to_dict`; None where
    there is none) against the quarter after the one in which it was done, of ``n_after`` records. Until that one is
    over it cannot be told, and ``until`` says when it can; then it held, did not hold, or no change is shown, unless
    the records before or after are too few or the measure is not recorded.
    """
    found = [entry for action in actions if (entry := _outcome(history, action)) is not None]
    return sorted(found, key=lambda entry: (_ORDER[entry["verdict"]], entry["title"]))


def _outcome(history: ReviewHistory, action: Action) -> dict[str, Any] | None:
    if action.status != "done" or action.done_at is None:
        return None
    head = {"title": action.title, "action": action.id, "done_at": format_utc(action.done_at)}
    if action.result and "verdict" in action.result:
        return head | _of_problem(history, action.result, action.done_at)
    if action.source_kind == "problem" and (followed := _followed(history, action, action.done_at)) is not None:
        return head | _of_problem(history, followed, action.done_at)
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


def _of_problem(history: ReviewHistory, result: Mapping[str, Any], done_at: datetime) -> dict[str, Any]:
    days = (result.get("days_before") or 0.0, result.get("days_after") or 0.0)
    counts = (result.get("episodes_before") or 0, result.get("episodes_after") or 0)
    rates = [MONTH * count / length if length else None for count, length in zip(counts, days, strict=True)]
    wait = result.get("days_until_told")
    counted_at = pd.Timestamp(result["counted_at"]) if result.get("counted_at") else history.as_of
    until = local_day(counted_at + timedelta(days=wait), history.settings.zone) if wait else None
    return {
        "measure": "episodes",
        "unit": "episodes",
        "before": rates[0],
        "after": rates[1],
        "ratio": [result.get("lower"), result.get("upper")],
        "interval": None,
        "verdict": result["verdict"],
        "until": until,
        "baseline": _own_history(history, done_at, days[0], counts[0]),
        "n_after": counts[1],
    }


def _own_history(history: ReviewHistory, done_at: datetime, days: float, episodes: int) -> dict[str, Any] | None:
    """Return the days before an action in which its fault was watched; None where the service has not counted them."""
    if not days:
        return None
    zone, done = history.settings.zone, pd.Timestamp(done_at)
    first, last = local_day(done - timedelta(days=days), zone), local_day(done, zone)
    return {"code": "since_first", "first_day": first, "last_day": last, "n": episodes}


def _of_measure(history: ReviewHistory, action: Action, done_at: datetime) -> dict[str, Any]:
    definition, zone = BY_NAME[action.measure], history.settings.zone
    following = Quarter.of(done_at, zone).following.bounds(zone)
    plain: dict[str, Any] = {"measure": action.measure, "unit": definition.unit, "before": None, "after": None}
    plain |= {"ratio": None, "interval": None, "verdict": "cannot tell yet", "until": None}
    baseline = baseline_of(history, action, done_at)
    plain |= {"baseline": baseline.to_dict(zone) if baseline is not None else None, "n_after": None}
    if baseline is not None:
        plain["before"] = baseline.estimate.value
    if history.as_of < following[1]:
        return plain | {"until": local_day(following[1], zone) if baseline is not None else None}
    sample = sample_of(history, action, *following)
    if sample is None:
        return plain | {"verdict": "not recorded"}
    later = sample.estimate()
    if later is None:
        return plain | {"verdict": "too few"}
    plain |= {"after": later.value, "n_after": later.n}
    if baseline is None or later.n < history.settings.fewest_of(action.measure):
        return plain | {"verdict": "too few"}
    change = change_of(later, baseline.estimate)
    better = (change.difference < 0) == definition.lower_is_better
    verdict: Verdict = "no change shown" if not change.changed else "held" if better else "did not hold"
    return plain | {"interval": [change.lower, change.upper], "verdict": verdict}
