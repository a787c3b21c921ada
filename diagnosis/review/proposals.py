"""Actions that a review proposes: from problems, gaps, late clocks, routing errors and blind spots, with evidence."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from hashlib import blake2b
from typing import Any

from diagnosis.problems import Problem
from diagnosis.review.measures import BreakdownRow, Measure
from diagnosis.review.quarters import Quarter

MOST = 3  # of each kind
EVIDENCE = 10
_CLOCKS = {"clock_worse": "clock", "clock_missed": "clock"}  # one proposal, however its figures move
_LATE = ("response", "restoration", "requests", "complaints", "closure")


def proposals(
    quarter: Quarter,
    measured: Sequence[Measure],
    problems: Iterable[Problem],
    needs: Sequence[Mapping[str, Any]],
    *,
    gaps: Sequence[Mapping[str, Any]] = (),
    blind_spots: Sequence[Mapping[str, Any]] = (),
    workload: Mapping[str, Any] | None = None,
    persons: Collection[str] = (),
) -> list[dict[str, Any]]:
    """Return proposed actions, those with the most hours to spare first.

    Each has an ``id`` that stays while records change figures and order, a ``code`` with ``values`` for its title, a
    ``kind`` of action, the ``measure`` it is judged by, the ``expected_effect``, its ``evidence`` and until when it is
    ``due``: the end of the quarter after the reviewed one.
    No action is asked of ``persons``: groups, in lower case, that are one.
    """
    due = _last_day(quarter.following.following if quarter.number else quarter)
    found = [
        *_of_problems(problems),
        *_of_gaps(gaps),
        *_of_late_clocks(measured, persons),
        *_of_needs(needs),
        *_of_blind_spots(blind_spots),
        *_of_workload(workload),
    ]
    return [{"id": _id(quarter, entry), **entry, "due": due.isoformat()} for entry in found]


def _id(quarter: Quarter, entry: Mapping[str, Any]) -> str:
    """Return an id made of what is to be done and of what: a decision on it must not pass on to another proposal."""
    values = entry["values"]
    about = entry["source"] or values.get("gap") or values  # titles of faults and gaps change as records come
    text = json.dumps([_CLOCKS.get(entry["code"], entry["code"]), about], ensure_ascii=False, sort_keys=True)
    return f"{quarter}-{blake2b(text.encode(), digest_size=6).hexdigest()}"


def _last_day(following: Quarter) -> date:
    return date(following.year, 3 * following.number - 2, 1) - timedelta(days=1)


def _of_problems(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    entries = []
    for problem in list(problems)[:MOST]:
        values = " · ".join(filter(None, problem.signature.values()))
        effect = {"preventable_hours": problem.preventable_hours, "expected_incidents": problem.expected_incidents}
        entries.append(
            {
                "code": "prevent",
                "values": {"fault": values},
                "kind": "fix",
                "measure": "recurrence",
                "source": problem.id,
                "expected_effect": {name: value for name, value in effect.items() if value is not None},
                "evidence": _numbers(problem.numbers),
            }
        )
    return entries


def _of_gaps(gaps: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "code": "write_article",
            "values": {"topic": gap["title"], "gap": gap["id"]},
            "kind": "article",
            "measure": "coverage",
            "source": "",
            "expected_effect": {"incidents": gap["incidents"], "hours_lost": gap.get("hours_lost")},
            "evidence": _numbers(gap["numbers"]),
        }
        for gap in gaps[:MOST]
    ]


def _of_late_clocks(measured: Sequence[Measure], persons: Collection[str]) -> list[dict[str, Any]]:
    """Return an action for each team that missed a clock's target or got slower, the most records first.

    Where no team stands out and the figure of all did, the action is the whole desk's: its team is ``""``.
    """
    late: list[tuple[bool, float, Measure, str, BreakdownRow | Measure]] = []
    for measure in measured:
        if measure.name not in _LATE:
            continue
        rows = measure.by.get("assignment_group", [])
        teams = [(row.name, row) for row in rows if _is_late(row) and row.name.casefold() not in persons]
        every: list[tuple[str, BreakdownRow | Measure]] = [("", measure)] if _is_late(measure) else []
        late += [(_got_worse(row), _gain(measure, row), measure, team, row) for team, row in teams or every]
    late.sort(key=lambda entry: (-entry[0], -entry[1], entry[2].name, entry[3]))
    return [
        {
            "code": "clock_worse" if worse else "clock_missed",
            "values": {"team": team, "measure": measure.name},
            "kind": "process",
            "measure": measure.name,
            "source": "",
            "expected_effect": {"from": row.value, "to": measure.target, "records": row.n},
            "evidence": [{"kind": "measure", "measure": measure.name, "n": row.n} | ({"team": team} if team else {})],
        }
        for worse, _, measure, team, row in late[:MOST]
    ]


def _is_late(row: BreakdownRow | Measure) -> bool:
    return row.value is not None and (_got_worse(row) or row.verdict == "missed")


def _got_worse(row: BreakdownRow | Measure) -> bool:
    return row.previous is not None and row.previous.changed == "worse"


def _gain(measure: Measure, row: BreakdownRow | Measure) -> float:
    """Return what reaching the target would bring to the records of a row together."""
    return 0.0 if measure.target is None or row.value is None else abs(row.value - measure.target) * row.n


def _of_needs(needs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    codes = {
        "fix_fails": ("renew_fix", "article", "recurrence"),
        "advice_fails": ("renew_advice", "article", "recurrence"),
        "bounces": ("clear_routing", "process", "response"),
        "overridden": ("train_routing", "training", "automatic_right"),
    }
    return [
        {
            "code": codes[need["kind"]][0],
            "values": {name: need[name] for name in ("team", "topic", "right_team") if name in need},
            "kind": codes[need["kind"]][1],
            "measure": codes[need["kind"]][2],
            "source": "",
            "expected_effect": {"from": need["value"], "to": need["usual"], "records": need["n"]},
            "evidence": [_scope(codes[need["kind"]][2], need, "team", "topic"), *_numbers(need["numbers"])],
        }
        for need in [need for need in needs if need["kind"] in codes and need.get("right_team") != ""][:MOST]
    ]


def _of_blind_spots(blind_spots: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "code": "monitor",
            "values": {"service": spot["service"]},
            "kind": "monitoring",
            "measure": "warnings",
            "source": "",
            "expected_effect": {"outages": spot["outages"]},
            "evidence": [_scope("warnings", spot, "service"), *_numbers(spot["numbers"])],
        }
        for spot in blind_spots[:MOST]
    ]


def _of_workload(workload: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return an action for each team whose hours are fewer than even the lower bound of what is expected takes."""
    short = [team for team in (workload or {}).get("teams", ()) if team["weeks_short"]]
    return [
        {
            "code": "staff",
            "values": {"team": team["team"]},
            "kind": "staffing",
            "measure": "response",
            "source": "",
            "expected_effect": {"weeks_short": team["weeks_short"], "hours": team["hours"], "has": team["available"]},
            "evidence": [{"kind": "measure", "measure": "response", "team": team["team"]}],
        }
        for team in sorted(short, key=_most_weeks)[:MOST]
    ]


def _most_weeks(team: Mapping[str, Any]) -> tuple[int, str]:
    return -team["weeks_short"], team["team"]


def _scope(measure: str, values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return the evidence that says by what, and of whom or what, an action is judged."""
    return {"kind": "measure", "measure": measure} | {name: values[name] for name in names}


def _numbers(numbers: Iterable[str]) -> list[dict[str, Any]]:
    return [{"kind": "incident", "number": number} for number in list(numbers)[:EVIDENCE]]
