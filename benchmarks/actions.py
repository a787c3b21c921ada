"""How often an action is said to have held: ``python -m benchmarks.actions``; ``--faults`` for actions on a fault.

The first makes desks of fifteen teams between which nothing differs, gives an action to the team whose quarter was the
worst, and counts the verdicts of the review where the action changed nothing and where it changed much, beside those
of comparing the quarters around it, as reviews did before. The second makes faults whose hazards differ and stay as
they are, finds problems among them, and counts the verdicts on those that are ranked first.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.actions import Action
from diagnosis.incident import as_frame
from diagnosis.problems import find_problems
from diagnosis.problems.follow_up import follow_up
from diagnosis.recurrence import Signature
from diagnosis.recurrence.verdict import HALVED, FixVerdict
from diagnosis.review import Quarter, ReviewHistory, ReviewSettings
from diagnosis.review.outcomes import outcomes
from diagnosis.review.samples import change_of
from diagnosis.times import days_of

TEAMS = 15
BEGIN, QUARTERS = Quarter(2023, 1), 16
SATISFIED, HOURS = 0.8, 4.0  # of every team in every quarter
BETTER = {"satisfaction": 0.95, "response": 2.0}  # where an action changed something
Choice = Literal["worst", "got worse"]


@dataclass(frozen=True)
class Desk:
    """What is simulated.

    Attributes
    ----------
    per_quarter : int
        Records of a team.
    measure : str
        By which a team is chosen and judged: ``satisfaction`` or ``response``.
    choice : {"worst", "got worse"}
        Whether the team's quarter was the worst of all, or the one that got most worse since the quarter before.
    days : int
        After the end of the quarter by which it was chosen, on which the action is done.
    known : bool
        Whether the action says which quarter raised it.
    effective : bool
        Whether it changes anything.
    """

    per_quarter: int = 60
    measure: str = "satisfaction"
    choice: Choice = "worst"
    days: int = 45
    known: bool = True
    effective: bool = False


def later(quarter: Quarter, places: int) -> Quarter:
    for _ in range(places):
        quarter = quarter.following
    return quarter


def records(draw: np.random.Generator, desk: Desk) -> pd.DataFrame:
    """Return incidents of all teams, in order of time."""
    n = TEAMS * QUARTERS * desk.per_quarter
    start, stop = BEGIN.bounds("UTC")[0], later(BEGIN, QUARTERS).bounds("UTC")[0]
    opened = start + pd.to_timedelta(np.sort(draw.uniform(0, (stop - start).total_seconds(), n)).astype(int), unit="s")
    frame = pd.DataFrame({"number": [f"I{row}" for row in range(n)], "opened_at": opened})
    frame["assignment_group"] = [f"Team {team}" for team in draw.integers(0, TEAMS, n)]
    frame["category"], frame["cmdb_ci"] = "Hardware", frame["number"]
    frame["satisfaction"] = np.where(draw.random(n) < SATISFIED, 5, 1)
    frame["hours"] = draw.exponential(HOURS, n)
    return frame


def chosen(frame: pd.DataFrame, desk: Desk, quarter: Quarter) -> str:
    """Return the team that a quarter gives an action to."""
    values = [_means(frame, desk, entry) for entry in (quarter, quarter.previous)]
    bad = values[0] if desk.choice == "worst" else values[0] - values[1]
    return str(bad.idxmax())


def _means(frame: pd.DataFrame, desk: Desk, quarter: Quarter) -> pd.Series:
    """Return how bad each team was."""
    start, stop = quarter.bounds("UTC")
    rows = frame[(frame["opened_at"] >= start) & (frame["opened_at"] < stop)]
    bad = rows["hours"] if desk.measure == "response" else (rows["satisfaction"] < 4).astype(float)
    return bad.groupby(rows["assignment_group"]).mean()


def improved(draw: np.random.Generator, frame: pd.DataFrame, team: str, done_at: datetime) -> pd.DataFrame:
    """Return records as they are where an action did much for a team."""
    after = ((frame["assignment_group"] == team) & (frame["opened_at"] >= done_at)).to_numpy()
    satisfied = np.where(draw.random(len(frame)) < BETTER["satisfaction"], 5, 1)
    hours = draw.exponential(BETTER["response"], len(frame))
    return frame.assign(
        satisfaction=np.where(after, satisfied, frame["satisfaction"]), hours=np.where(after, hours, frame["hours"])
    )


def history_of(frame: pd.DataFrame) -> ReviewHistory:
    frame = frame.assign(responded_at=frame["opened_at"] + pd.to_timedelta(frame["hours"], unit="h"))
    frame = frame.assign(resolved_at=frame["responded_at"]).drop(columns="hours")
    as_of = later(BEGIN, QUARTERS).bounds("UTC")[0] + pd.Timedelta(days=40)
    return ReviewHistory.read(as_frame(frame), ReviewSettings(), as_of=as_of)


def verdicts(desk: Desk, times: int, seed: int = 0) -> Iterator[tuple[str, str]]:
    """Yield the verdict on each action, and what the quarters before and after it alone would have said."""
    draw = np.random.default_rng(seed)
    quarters = [later(BEGIN, place) for place in range(5, 14)]
    while times > 0:
        frame, actions = records(draw, desk), []
        for quarter in quarters:
            done_at = (quarter.following.bounds("UTC")[0] + timedelta(days=desk.days)).to_pydatetime()
            team = chosen(frame, desk, quarter)
            if desk.effective:
                frame = improved(draw, frame, team, done_at)
            actions.append(action(desk, team, quarter, done_at))
        history = history_of(frame)
        found = {entry["title"]: entry["verdict"] for entry in outcomes(history, actions)}
        for entry in actions[:times]:
            yield found[entry.title], around(history, entry)
        times -= len(actions)


def action(desk: Desk, team: str, quarter: Quarter, done_at: datetime) -> Action:
    source = {"source_kind": "review", "source": str(quarter)} if desk.known else {}
    evidence = ({"kind": "measure", "team": team},)
    values = {"status": "done", "done_at": done_at, "measure": desk.measure, "evidence": evidence}
    return Action(f"{quarter}: {team}", **values, **source)  # type: ignore[arg-type]


def around(history: ReviewHistory, action: Action) -> str:
    """Return what the quarter before an action was done and the quarter after say alone."""
    assert action.done_at is not None
    done, estimates = Quarter.of(action.done_at, "UTC"), []
    for quarter in (done.following, done.previous):
        sample = history.sample(action.measure, quarter)
        assert sample is not None
        inside = history.column("assignment_group")[sample.rows] == action.evidence[0]["team"]
        estimates.append(sample.take(inside).estimate())
    assert estimates[0] is not None and estimates[1] is not None  # noqa: PT018
    change = change_of(estimates[0], estimates[1])
    if not change.changed:
        return "cannot tell yet"
    return "held" if (change.difference < 0) == (action.measure == "response") else "did not hold"


@dataclass(frozen=True)
class Faults:
    """Faults whose hazards stay as they are.

    Attributes
    ----------
    faults : int
    shape : float
        Of the gamma distribution of their hazards: the smaller, the more they differ.
    months : int
        Of records before problems are found.
    incidents : float
        A month, of all faults.
    wait, watched : int
        Days from there to the action, and from the action to the verdict.
    remaining : float
        Share of the hazard that the action leaves.
    """

    faults: int = 300
    shape: float = 0.5
    months: int = 18
    incidents: float = 60.0
    wait: int = 7
    watched: int = 365
    remaining: float = 1.0


def fault_verdicts(world: Faults, times: int, seed: int = 0, first: int = 3) -> Iterator[FixVerdict]:
    """Yield the verdict on an action on each of the problems that are ranked first."""
    draw = np.random.default_rng(seed)
    begin = pd.Timestamp("2024-01-01T00:00Z")
    found_at = begin + pd.Timedelta(days=30 * world.months)
    done_at = found_at + pd.Timedelta(days=world.wait)
    end = done_at + pd.Timedelta(days=world.watched)
    while times > 0:
        rates = draw.gamma(world.shape, 1 / world.shape, world.faults) * world.incidents / 30 / world.faults
        frame = _fault_records(draw, rates, begin, end)
        known = frame[frame["opened_at"] < found_at]
        ranked = find_problems(known, Signature(("cmdb_ci",)), as_of=found_at).problems[: min(first, times)]
        for problem in ranked:
            rows = frame[frame["cmdb_ci"] == problem.signature["cmdb_ci"]]
            left = (rows["opened_at"] < done_at) | (draw.random(len(rows)) < world.remaining)
            days = days_of(rows["opened_at"])[left.to_numpy()]
            first_day, last_day = days_of(pd.Series([frame["opened_at"].iloc[0], end]))
            followed = follow_up(days, None, done_at, first=first_day, end=last_day)
            assert followed is not None
            yield followed.verdict
        times -= len(ranked)


def at_once(verdict: FixVerdict) -> str:
    """Return what the 95 % interval says alone."""
    is_below = verdict.upper is not None and verdict.upper < 1 and (verdict.ratio or 0.0) <= HALVED
    return "held" if is_below else verdict.verdict


def _fault_records(
    draw: np.random.Generator, rates: npt.NDArray[np.float64], begin: pd.Timestamp, end: pd.Timestamp
) -> pd.DataFrame:
    days = (end - begin).days
    counts = draw.poisson(rates * days)
    fault = np.repeat(np.arange(len(rates)), counts)
    at = draw.uniform(0, days, len(fault))
    order = np.argsort(at)
    opened = begin + pd.to_timedelta((at[order] * 86400).astype(int), unit="s")
    frame = pd.DataFrame({"number": [f"F{row}" for row in range(len(fault))], "opened_at": opened})
    frame["resolved_at"] = opened + pd.to_timedelta(draw.exponential(8, len(fault)), unit="h")
    frame["cmdb_ci"], frame["category"] = [f"pc-{place}" for place in fault[order]], "Hardware"
    return as_frame(frame)


def shares(entries: Sequence[str]) -> str:
    """Return how many of verdicts held and did not, in percent."""
    counts = Counter(entries)
    return " | ".join(f"{100 * counts[name] / len(entries):.1f} %" for name in ("held", "did not hold"))


def desks(times: int) -> None:
    rows = [
        Desk(),
        Desk(days=10),
        Desk(days=10, choice="got worse"),
        Desk(known=False),
        Desk(200),
        Desk(200, effective=True),
        Desk(200, effective=True, days=10),
    ]
    names = "measure | records | team chosen | done after | quarter known | action | held | did not hold"
    print(f"| {names} | quarters around: held | did not hold |")
    print("|---|---:|---|---:|---|---|---:|---:|---:|---:|")
    for measure in BETTER:
        for desk in (replace(row, measure=measure) for row in rows):
            told = list(verdicts(desk, times // 9 if desk.effective else times))
            cells = [measure, str(desk.per_quarter), desk.choice, f"{desk.days} days", "yes" if desk.known else "no"]
            cells += ["works" if desk.effective else "changes nothing"]
            cells += [shares([entry[place] for entry in told]) for place in (0, 1)]
            print(f"| {' | '.join(cells)} |", flush=True)


def faults(times: int) -> None:
    names = "records before | hazards differ | watched after | action | held | did not hold"
    print(f"| {names} | by the 95 % interval: held | did not hold | episodes of those expected |")
    print("|---:|---|---:|---|---:|---:|---:|---:|---:|")
    for remaining, action in ((1.0, "changes nothing"), (0.1, "leaves a tenth")):
        for months in (3, 6, 18):
            for shape, how in ((2.0, "little"), (0.5, "much")):
                world = Faults(months=months, shape=shape, remaining=remaining)
                told = list(fault_verdicts(world, times))
                cells = [f"{months} months", how, f"{world.watched} days", action]
                cells += [shares([entry.verdict for entry in told]), shares([at_once(entry) for entry in told])]
                expected = sum(entry.hazard_before * entry.days_after for entry in told)
                cells.append(f"{sum(entry.episodes_after for entry in told) / expected:.0%}")
                print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Print one of the two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", action="store_true", help="verdicts on faults, in place of those on teams")
    parser.add_argument("--times", type=int, default=1000, metavar="N", help="actions of each row")
    options = parser.parse_args()
    (faults if options.faults else desks)(options.times)


if __name__ == "__main__":
    main()
