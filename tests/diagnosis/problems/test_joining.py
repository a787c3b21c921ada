"""Incidents joined by fields, by texts and by likeness; ids that stay; people's decisions that hold."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from diagnosis.errors import InputError
from diagnosis.incident import IncidentBatch, as_frame
from diagnosis.problems import ProblemContext, ProblemDecision, find_problems
from diagnosis.problems.fault_signature import problem_signature
from diagnosis.problems.identity import settle
from diagnosis.problems.joining import NONE, join
from diagnosis.recurrence import Signature
from training.records import load_incidents

SAMPLE = Path(__file__).resolve().parents[3] / "data" / "sample"
START = pd.Timestamp("2026-01-01", tz="UTC")
SIGNATURE = Signature(("cmdb_ci", "category"))


def rows(item, texts, category="network", first=0, **fields):
    opened = [START + pd.Timedelta(hours=5 * (first + i)) for i in range(len(texts))]
    numbers = [f"{item or 'phone'}-{category}-{first + i}" for i in range(len(texts))]
    plain = {"number": numbers, "opened_at": opened, "cmdb_ci": item, "category": category, "short_description": texts}
    return pd.DataFrame({**plain, **fields})


def batch(*parts):
    frame = as_frame(pd.concat(parts, ignore_index=True)).sort_values("opened_at", kind="stable")
    return IncidentBatch.from_frame(frame.reset_index(drop=True))


def groups(joining, incidents):
    numbers = incidents.column("number")
    return {
        fault.id: {numbers[row] for row in rows} for fault, rows in zip(joining.faults, joining.members(), strict=True)
    }


def test_calls_without_an_item_are_joined_by_what_they_say_on_the_same_service() -> None:
    incidents = batch(
        rows("gw", ["tunnel down"] * 4),
        rows("", ["projector stays dark", "printer jams again"] * 3, "office", service="Meetings"),
        rows("", ["projector stays dark"] * 2, "office", 50, service="Print"),
        rows("", [""], "office", 90),
    )
    joining = join(incidents, SIGNATURE)
    sizes = Counter(
        (tuple(fault.signature.items()), len(r)) for fault, r in zip(joining.faults, joining.members(), strict=True)
    )
    assert sizes == {
        ((("cmdb_ci", "gw"), ("category", "network")), 4): 1,
        ((("service", "Meetings"), ("text", "projector stays dark")), 3): 1,
        ((("service", "Meetings"), ("text", "printer jams again")), 3): 1,
        ((("service", "Print"), ("text", "projector stays dark")), 2): 1,
    }
    assert (joining.codes == NONE).sum() == 1  # nothing is said, and no item


def test_an_incident_without_an_item_joins_the_fault_whose_words_name_it() -> None:
    named = [rows(f"gw-{i}", [f"gateway alpha{i} rejects logins"] * 20, first=i, caller=f"u{i}") for i in range(12)]
    incidents = batch(*named, rows("", ["gateway alpha7 rejects logins"], first=400, caller="u7"))
    joining = join(incidents, SIGNATURE)
    assert joining.likeness is not None
    assert joining.likeness.precision_ >= 0.8
    place = incidents.column("number").index("phone-network-400")
    assert joining.faults[joining.codes[place]].signature["cmdb_ci"] == "gw-7"


def test_where_texts_do_not_tell_the_item_none_is_guessed() -> None:
    draw = np.random.default_rng(0)
    alike = [rows(f"gw-{i}", ["VPN does not connect"] * 10, first=int(draw.integers(400))) for i in range(30)]
    joining = join(batch(*alike, rows("", ["VPN does not connect"] * 3, first=900)), SIGNATURE)
    by_text = [fault for fault in joining.faults if fault.joined_by == "text"]
    assert joining.likeness.precision_ is None
    assert [fault.signature for fault in by_text] == [{"category": "network", "text": "VPN does not connect"}]


def test_one_signature_with_two_clear_kinds_of_text_is_two_faults() -> None:
    texts = ["invoice cannot be posted", "shipping label is blank"] * 5
    joining = join(batch(rows("erp", texts, "application")), SIGNATURE)
    assert sorted(fault.signature["text"] for fault in joining.faults) == sorted(set(texts))
    bilingual = join(batch(rows("erp", ["invoice cannot be posted", "发票无法过账"] * 5, "application")), SIGNATURE)
    assert len(bilingual.faults) == 1  # words of two languages are never alike: that says nothing


def test_one_item_for_all_names_nothing_and_texts_that_say_nothing_join_nothing() -> None:
    kinds = ["VPN drops", "Outlook crashes", "Printer jams on floor 3", "打印机卡纸", "VPN 连不上"] * 6
    incidents = batch(rows("srv", kinds))
    assert sorted(len(members) for members in groups(join(incidents, SIGNATURE), incidents).values()) == [6] * 5
    unspoken = batch(rows("", ["N/A"] * 8))
    assert groups(join(unspoken, SIGNATURE), unspoken) == {}


def test_ids_stay_when_names_change_and_merges_and_splits_are_said() -> None:
    incidents = batch(rows("a", ["x"] * 6), rows("b", ["x"] * 4, first=10), rows("c", ["x"] * 8, first=20))
    numbers = incidents.column("number")
    joining, lineage = settle(join(incidents, SIGNATURE), numbers, {})
    ids = {fault.signature["cmdb_ci"]: fault.id for fault in joining.faults}
    coarse = Signature(("category",))
    merged, said = settle(join(incidents, coarse), numbers, lineage.members)
    assert [fault.id for fault in merged.faults] == [ids["c"]]  # most of its incidents
    assert said.merged == {ids["a"]: ids["c"], ids["b"]: ids["c"]}
    again, parts = settle(join(incidents, SIGNATURE), numbers, said.members)
    after = {fault.signature["cmdb_ci"]: fault.id for fault in again.faults}
    assert after["c"] == ids["c"]
    assert parts.split == {after["a"]: ids["c"], after["b"]: ids["c"]}
    assert len(set(after.values())) == 3


def test_people_s_decisions_hold_as_incidents_come() -> None:
    first = batch(rows("a", ["x"] * 6), rows("b", ["y"] * 4, first=10))
    joining, lineage = settle(join(first, SIGNATURE), first.column("number"), {})
    a, b = (fault.id for fault in joining.faults)
    decisions = [
        ProblemDecision("merge", b, a),
        ProblemDecision("split", a, "Pnew", ("a-network-0", "a-network-1")),
        ProblemDecision("rename", a, "Ours"),
        ProblemDecision("dismiss", "Pnew", "known"),
    ]
    later = batch(rows("a", ["x"] * 7), rows("b", ["y"] * 5, first=10))
    for _ in range(3):
        joining, lineage = settle(join(later, SIGNATURE), later.column("number"), lineage.members, decisions)
        sizes = {name: len(members) for name, members in groups(joining, later).items()}
        assert sizes == {a: 10, "Pnew": 2}
        assert (lineage.titles, lineage.dismissed) == ({a: "Ours"}, {"Pnew": "known"})
        assert set(lineage.members) == {a, b}  # what is compared with is free of decisions
    at_once = [ProblemDecision("merge", a, b), ProblemDecision("merge", b, a)]  # by two people: the first one holds
    joining, lineage = settle(join(later, SIGNATURE), later.column("number"), {}, at_once)
    assert ({name: len(members) for name, members in groups(joining, later).items()}, lineage.merged) == (
        {b: 12},
        {a: b},
    )
    report = find_problems(
        later.frame, SIGNATURE, as_of=START + pd.Timedelta(days=9), context=ProblemContext(decisions=decisions)
    )
    assert {problem.id: problem.title for problem in report.problems}[a] == "Ours"


def test_decisions_hold_every_time_after_likeness_merged_what_they_were_about() -> None:
    apart = batch(rows("a", ["x"] * 3), rows("b", ["x"] * 6, first=10), rows("c", ["x"] * 4, "disk", first=20))
    numbers = apart.column("number")
    joining, lineage = settle(join(apart, SIGNATURE), numbers, {})
    a, b, c = (fault.id for fault in joining.faults)
    on_a = {
        "merge": ([ProblemDecision("merge", a, c)], {c: 13}, {}, {}),
        "dismiss": ([ProblemDecision("dismiss", a, "known")], {b: 9, c: 4}, {}, {b: "known"}),
        "rename": ([ProblemDecision("rename", a, "Ours")], {b: 9, c: 4}, {b: "Ours"}, {}),
        "split": ([ProblemDecision("split", a, "Pnew", ("a-network-0",))], {b: 8, c: 4, "Pnew": 1}, {}, {}),
    }
    for decisions, sizes, titles, dismissed in on_a.values():
        members, ended = lineage.members, {}
        for _ in range(3):  # the first time likeness merges A into B, afterwards it is known to have done so
            joining, after = settle(join(apart, Signature(("category",))), numbers, members, decisions, ended)
            assert {name: len(of_fault) for name, of_fault in groups(joining, apart).items()} == sizes
            assert (after.titles, after.dismissed, after.ended) == (titles, dismissed, {a: b})
            members, ended = after.members, after.ended
    again, parted = settle(join(apart, SIGNATURE), numbers, {c: lineage.members[c]}, on_a["merge"][0], {a: b})
    assert ({fault.id for fault in again.faults}, parted.ended) == (
        {b, c},
        {},
    )  # A lives again: the decision is its own


def test_a_title_of_what_a_person_merged_is_not_that_of_the_whole() -> None:
    both = batch(rows("a", ["x"] * 6), rows("b", ["y"] * 4, first=10))
    joining, _ = settle(join(both, SIGNATURE), both.column("number"), {})
    a, b = (fault.id for fault in joining.faults)
    before = [
        ProblemDecision("rename", a, "Ours"),
        ProblemDecision("dismiss", a, "known"),
        ProblemDecision("merge", a, b),
    ]
    _, lineage = settle(join(both, SIGNATURE), both.column("number"), {}, before)
    assert (lineage.titles, lineage.dismissed) == ({}, {})
    _, lineage = settle(
        join(both, SIGNATURE), both.column("number"), {}, [*before, ProblemDecision("dismiss", a, "both")]
    )
    assert lineage.dismissed == {b: "both"}


def test_a_problem_whose_incidents_were_deleted_is_gone_and_nothing_breaks() -> None:
    first = batch(rows("a", ["x"] * 6), rows("b", ["y"] * 4, first=10))
    joining, lineage = settle(join(first, SIGNATURE), first.column("number"), {})
    a, b = (fault.id for fault in joining.faults)
    decisions = [ProblemDecision("merge", b, a), ProblemDecision("split", a, "Pnew", ("a-network-0",))]
    left = batch(rows("b", ["y"] * 4, first=10))
    joining, _ = settle(join(left, SIGNATURE), left.column("number"), lineage.members, decisions)
    assert [(fault.id, len(r)) for fault, r in zip(joining.faults, joining.members(), strict=True)] == [(a, 4)]


def test_where_no_field_is_filled_in_the_text_alone_joins() -> None:
    incidents = batch(rows("", ["disk is full", "screen flickers"] * 3, ""))
    signature = problem_signature(incidents.frame)
    assert signature.fields == ("text",)
    assert sorted(len(members) for members in join(incidents, signature).members()) == [3, 3]
    with pytest.raises(InputError, match="no signature fits"):
        problem_signature(batch(rows("", [""] * 6, "")).frame)


@pytest.mark.system
def test_a_hundred_thousand_distinct_incidents_are_no_problem() -> None:
    frame = pd.concat([rows("", [f"word{i} broke thing{i}"], "", first=i % 5000) for i in range(100)])
    frame = pd.concat([frame] * 1000, ignore_index=True)
    frame["number"] = [f"N{i}" for i in range(len(frame))]
    frame["cmdb_ci"], frame["category"] = [f"ci-{i}" for i in range(len(frame))], "network"
    report = find_problems(as_frame(frame), SIGNATURE, as_of=START + pd.Timedelta(days=2000), texts=True)
    assert (len(report.problems), report.incidents) == (0, 100_000)


def test_all_incidents_one_problem_and_all_distinct_are_problems_too() -> None:
    same = batch(rows("a", ["x"] * 50))
    assert [len(members) for members in join(same, SIGNATURE).members()] == [50]
    distinct = batch(*[rows(f"ci-{i}", ["x"], first=i) for i in range(50)])
    assert len(join(distinct, SIGNATURE).faults) == 50


@pytest.fixture(scope="module")
def planted_report():
    frame = load_incidents([SAMPLE / "incidents.csv"]).frame
    as_of = pd.Timestamp(json.loads((SAMPLE / "planted.json").read_text(encoding="utf-8"))["exported_at"])
    return find_problems(frame, SIGNATURE, as_of=as_of, texts=True)


def test_the_sample_s_planted_chronic_faults_are_found_with_trend_and_workarounds(planted_report) -> None:
    planted = json.loads((SAMPLE / "planted.json").read_text(encoding="utf-8"))["chronic"]
    problems = {problem.id: problem for problem in planted_report.problems}
    order = [problem.id for problem in planted_report.problems]
    for fault in planted:
        ((name, count),) = Counter(map(planted_report.problem_of.get, fault["numbers"])).most_common(1)
        assert count == fault["incidents"]  # none of them elsewhere
        problem = problems[name]
        assert problem.incidents - count <= 4  # what was not planted on the same item
        assert problem.trend == {"fixed": "falling"}.get(fault["trend"], fault["trend"]), fault["fault"]
        assert abs(problem.workaround_share - fault["workarounds"] / fault["incidents"]) < 0.12
        assert problem.known_fix in (*fault["articles"], None)
        assert (problem.record or "") == fault["problem"]
        assert order.index(name) < 0.05 * len(order)
    assert not {"request", "complaint"} & set(planted_report.left_out)
