"""Incidents are placed as the report joined them, and one without an item gets its chance to come back."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from diagnosis.incident import IncidentBatch, as_frame
from diagnosis.problems import ProblemContext, ProblemDecision, find_problems
from diagnosis.problems.chances import return_chances
from diagnosis.problems.index import ProblemIndex
from diagnosis.problems.joining import Fault, Joining
from diagnosis.recurrence import Signature
from training.records import load_incidents

SAMPLE = Path(__file__).resolve().parents[3] / "data" / "sample"
CUT = pd.Timestamp("2026-07-01", tz="UTC")


@pytest.fixture(scope="module")
def frame():
    return load_incidents([SAMPLE / "incidents.csv"]).frame


@pytest.fixture(scope="module")
def earlier(frame):
    return find_problems(frame, Signature(("cmdb_ci", "category")), as_of=CUT, texts=True)


def test_the_history_is_placed_as_it_was_joined(frame, earlier):
    chronic = {problem.id for problem in earlier.problems}
    expected = {number: name for number, name in earlier.problem_of.items() if name in chronic}
    incidents = IncidentBatch.from_frame(as_frame(frame[frame["number"].isin(list(expected))]))
    matches = ProblemIndex(earlier).match(incidents.as_logged())
    pairs = zip(incidents.column("number"), matches, strict=True)
    same = [match is not None and match.id == expected[number] for number, match in pairs]
    assert np.mean(same) >= 0.98


def test_requests_and_what_is_new_belong_to_none(earlier):
    index = ProblemIndex(earlier)
    item = next(problem.signature for problem in earlier.problems if problem.joined_by == "fields")
    rows = [
        {"number": "1", "short_description": "the same again", **item},
        {"number": "2", "short_description": "please", "type": "request", **item},
        {"number": "3", "short_description": "a zebra in the lift", "category": "Zoo"},
        {"number": "4"},
    ]
    matches = index.match(IncidentBatch.from_frame(as_frame(pd.DataFrame(rows))))
    assert [match is not None for match in matches] == [True, False, False, False]


def test_what_a_call_without_an_item_is_told_comes_true_about_as_often(frame, earlier):
    later = frame[(frame["opened_at"] > CUT) & (frame["type"] == "incident")]
    later = later[later["opened_at"] <= frame["opened_at"].max() - pd.Timedelta(days=30)]
    later = later[later["cmdb_ci"] == ""]
    whole = find_problems(frame, Signature(("cmdb_ci", "category")), as_of=frame["opened_at"].max(), texts=True)
    name_of, opened = whole.problem_of, frame.set_index("number")["opened_at"]
    times = {p.id: np.sort(opened[list(p.numbers)].to_numpy(dtype="datetime64[us]")) for p in whole.problems}
    chances, came_back = [], []
    for match, number in zip(
        ProblemIndex(earlier).match(IncidentBatch.from_frame(as_frame(later))), later["number"], strict=True
    ):
        if match is None or match.fault.risk is None or name_of.get(number) not in times:
            continue
        chances.append(next(h.probability for h in match.fault.risk.horizons if h.days == 30))
        of_problem = times[name_of[number]]
        moment = np.datetime64(opened[number].tz_localize(None))
        came_back.append(((of_problem > moment) & (of_problem <= moment + np.timedelta64(30, "D"))).any())
    assert len(chances) >= 50
    spread = 3 * np.sqrt(np.mean(came_back) * (1 - np.mean(came_back)) / len(chances))
    assert np.mean(chances) == pytest.approx(np.mean(came_back), abs=spread + 0.05)


def test_a_problem_that_a_person_renamed_gets_new_incidents_as_before():
    words = ("paper jam in the second tray", "toner cartridge is empty")
    start = pd.Timestamp("2026-01-01", tz="UTC")
    rows = [
        {
            "number": f"{place}-{kind}",
            "short_description": words[kind],
            "cmdb_ci": "printer-1",
            "category": "Printing",
            "opened_at": start + pd.Timedelta(days=3 * place + kind),
        }
        for place in range(20)
        for kind in (0, 1)
    ]
    frame, signature = as_frame(pd.DataFrame(rows)), Signature(("cmdb_ci", "category"))
    end = start + pd.Timedelta(days=70)
    incident = {"number": "NEW", "short_description": words[0], "cmdb_ci": "printer-1", "category": "Printing"}
    new = IncidentBatch.from_frame(as_frame(pd.DataFrame([incident])))

    def match(*decisions):
        report = find_problems(frame, signature, as_of=end, texts=True, context=ProblemContext(decisions=decisions))
        assert len(report.problems) == 2
        return ProblemIndex(report).match(new)[0]

    before = match()
    renamed = match(ProblemDecision("rename", before.id, "Rollers are worn"))
    assert (renamed.id, renamed.title) == (before.id, "Rollers are worn")


def test_chances_are_those_of_the_fault_drawn_towards_all():
    draw = np.random.default_rng(0)
    often = np.sort(draw.uniform(0, 400, 80))
    seldom = [np.sort(draw.uniform(0, 400, 3)) for _ in range(60)]
    opened = np.concatenate([often, *seldom])
    codes = np.concatenate([np.zeros(80, dtype=int), np.repeat(np.arange(1, 61), 3)])
    order = np.argsort(opened)
    faults = tuple(Fault(f"P{i}", {"text": str(i)}, "text") for i in range(61))
    chances = return_chances(Joining(faults, codes[order].astype(np.intp)), opened[order], 400.0)
    assert chances["P0"].chances[30] > 0.95
    assert 0.05 < chances["P1"].chances[30] < 0.6
    assert chances["P0"].overall == chances["P1"].overall
    assert return_chances(Joining((), np.zeros(0, dtype=np.intp)), np.zeros(0), 400.0) == {}
