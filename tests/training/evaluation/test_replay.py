"""What a past period would have been: counted by hand, by command, and against what the service really answered."""

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from api.cli import main
from diagnosis.decisions import ExclusionRule
from diagnosis.incident import as_frame
from diagnosis.phrases import Phrase
from diagnosis.store import Store
from diagnosis.store.bodies import bodies_of
from diagnosis.store.diagnoses import DiagnosisEntry
from diagnosis.store.feedback import Feedback
from training.evaluation.replay import ASSUMED_HOURS, Decisions, Misrouting, compare_decisions, misrouting, under_rules


def decided(value: str, automatic: str, right: str) -> Decisions:
    """Return decisions written as one letter an incident; ``x`` is true."""
    return Decisions(
        np.array(list(value), dtype=object),
        np.array([c == "x" for c in automatic], dtype=bool),
        np.array([c == "x" for c in right], dtype=bool),
    )


def frame(count: int, moves: list[int | None] | None = None, **columns) -> pd.DataFrame:
    return as_frame(
        pd.DataFrame(
            {"number": [f"N{i}" for i in range(count)], "reassignment_count": moves or [None] * count, **columns}
        )
    )


def test_moves_errors_and_hours_are_those_counted_by_hand() -> None:
    #                 value     automatic   right
    before = decided("AAAAAA", "xxx...", "x..x.x")
    after = decided("AABAAA", "x.xxx.", "x.xx.x")
    rows = frame(6, [0, 3, 1, 2, None, 0])
    found = compare_decisions("assignment_group", rows, before, after, Misrouting(2.0, Phrase("cost_as_given")))
    assert (found.before.automatic, found.before.errors) == (3, 2)
    assert (found.after.automatic, found.after.errors) == (4, 1)
    assert found.before.precision == pytest.approx(1 / 3)
    assert {str(m.name): (m.incidents, m.good, m.bad, m.numbers) for m in found.moves} == {
        "now automatic": (2, 1, 1, ("N3", "N4")),
        "now left to a person": (1, 1, 0, ("N1",)),
        "sent elsewhere": (1, 1, 0, ("N2",)),
    }
    assert found.errors.mean == pytest.approx(100 * (1 - 2) / 6)
    # People moved N3 twice and N5 not at all: one move on average, which stands for N4 and, once left to them, for N1.
    assert found.before.hours == pytest.approx(2.0 * (0 + 3 + 1 + 2 + 1 + 0))
    assert found.after.hours == pytest.approx(2.0 * (0 + 1 + 0 + 0 + 1 + 0))
    assert found.saved is not None
    assert found.saved.mean == pytest.approx(100 * 2.0 * (7 - 2) / 6)


def test_the_same_decisions_save_and_cost_nothing() -> None:
    one = decided("ABAB", "xx..", "x.x.")
    found = compare_decisions(
        "assignment_group", frame(4, [0, 4, 1, 0]), one, one, Misrouting(3.0, Phrase("cost_as_given"))
    )
    assert found.before == found.after
    assert found.saved is not None
    assert (found.errors.mean, found.saved.mean, found.saved.lower, found.saved.upper) == (0, 0, 0, 0)
    assert all(move.incidents == 0 for move in found.moves)
    other = compare_decisions("category", frame(4), one, one, None)
    assert (other.saved, other.before.hours) == (None, None)


def test_a_rule_leaves_what_it_speaks_of_to_people() -> None:
    one = decided("ABA", "xxx", "xxx")
    rows = frame(3, contact_type=["phone", "phone", "monitoring 1"])
    rules = [
        ExclusionRule("", "no b", target="assignment_group", value="b"),
        ExclusionRule("", "machines", {"contact_type": "Monitoring*"}, action="never_predict"),
    ]
    assert under_rules(one, rows, "assignment_group", rules).automatic.tolist() == [True, False, False]
    assert under_rules(one, rows, "category", rules).automatic.tolist() == [True, True, False]
    assert under_rules(one, rows, "category", []) is one


def test_hours_come_from_a_person_then_corrections_then_reassignments_then_an_assumption() -> None:
    opened = pd.Timestamp("2026-03-01T08:00Z")
    took = [2.0] * 60 + [8.0] * 60
    moves: list[int | None] = [0] * 60 + [2] * 60
    rows = frame(120, moves, opened_at=[opened] * 120, resolved_at=[opened + timedelta(hours=h) for h in took])
    assert misrouting(rows, [1.0] * 50, 7.5).hours_each == 7.5
    assert misrouting(rows, [1.0, 3.0, 5.0] * 10).hours_each == 3.0
    assert misrouting(rows, [1.0] * 5).hours_each == pytest.approx((8 - 2) / 2)
    quicker = rows.assign(resolved_at=rows["resolved_at"].to_numpy()[::-1])  # reassigned ones took less: says nothing
    for little in (quicker, rows.head(100), frame(5)):
        found = misrouting(little, [])
        assert found.hours_each == ASSUMED_HOURS
        assert "assumed" in str(found.source)
    assert "no reassignment_count" in str(found.source)
    assert "no reassignment_count" not in str(misrouting(rows, []).source)


@pytest.fixture
def later(history: pd.DataFrame, tmp_path: Path) -> Path:
    path = tmp_path / "later.csv"
    history.iloc[520:].assign(reassignment_count=1).to_csv(path, index=False)
    return path


def test_a_threshold_decides_more_or_less_and_is_reported(judged, later, tmp_path, capsys) -> None:
    models, older, newer = judged
    base = ["replay", "--incidents", str(later), "--models", str(models), "--from", "2026-01-01", "--hours", "4"]
    page = tmp_path / "replay.html"
    everything = ["--threshold", "assignment_group=0", "category=1", "--html", str(page), "--json"]
    assert main([*base, "--release", older, *everything]) == 0
    found = json.loads(capsys.readouterr().out)
    group, category = (next(t for t in found["targets"] if t["target"] == n) for n in ("assignment_group", "category"))
    assert group["incidents"] == 40
    assert group["after"]["automatic"] == 40
    assert group["after"]["hours"] == 4 * group["after"]["errors"]
    assert group["before"]["automatic"] + group["moves"][0]["incidents"] == 40
    assert category["after"]["automatic"] == 0
    assert category["saved"] is None
    assert found["before"] == older
    assert "assignment_group from probability 0" in found["after"]
    shown = page.read_text(encoding="utf-8")
    assert "hours saved" in shown
    assert "http" not in shown
    # A release that has learned from them is asked only what it was asked before it did.
    assert main([*base, "--release", newer]) == 0
    told = capsys.readouterr().out
    assert f"before: {older}" in told
    assert f"after:  {newer}" in told
    assert "One misrouting costs 4.0 hours: as given" in told


def test_what_the_service_answered_is_what_it_is_held_against(own_judged, history, tmp_path, capsys) -> None:
    models = own_judged[0]
    url = f"sqlite:///{tmp_path / 'f.db'}"
    store = Store.open(url)
    rows = as_frame(history.iloc[520:])

    def said(number: str, group: str, decision: str) -> dict:
        prediction = {"decision": decision, "value": group, "probability": 0.99, "alternatives": []}
        return {
            "id": f"D{number}",
            "incident": number,
            "release": "before",
            "predictions": {"assignment_group": prediction},
        }

    # The service then sent everything to the mail team; half of it on its own.
    store.diagnoses.add(
        [
            DiagnosisEntry(said(n, "Mail Team", "automatic" if i % 2 else "suggested"), opened.to_pydatetime())
            for i, (n, opened) in enumerate(zip(rows["number"], rows["opened_at"], strict=True))
        ]
    )
    store.incidents.put(bodies_of(rows))
    corrected = rows["number"].iloc[1]
    store.feedback.add(Feedback(f"D{corrected}", corrected, "overridden", "assignment_group", "Mail Team", "Identity"))
    (tmp_path / "rules.json").write_text(json.dumps({"name": "none at all", "target": "category"}), encoding="utf-8")
    words = ["--threshold", "assignment_group=0", "--rules", str(tmp_path / "rules.json"), "--json"]
    assert main(["replay", "--from-store", url, "--models", str(models), *words]) == 0
    found = json.loads(capsys.readouterr().out)
    [group] = found["targets"]  # the service said nothing of categories
    truth = rows["assignment_group"].where(rows["number"] != corrected, "Identity")
    wrong = [t != "Mail Team" for t in truth]
    assert (found["before"], group["target"]) == ("what the service answered", "assignment_group")
    assert group["before"]["automatic"] == 20
    assert group["before"]["errors"] == sum(wrong[1::2])
    assert group["after"]["automatic"] == 40
    assert group["after"]["errors"] < group["before"]["errors"]
    assert group["saved"]["mean"] > 0
    assert "1 rule: none at all" in found["after"]
    store.close()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--release", "nothing"], "no release 'nothing'"),
        (["--threshold", "colour=0.9"], "expected one of category, assignment_group; found 'colour'"),
        (["--from", "2031-01-01", "--to", "2031-02-01"], "found none, they were opened from 2026-"),
        (["--from", "yesterday"], "ISO 8601"),
        (["--rules", "missing.json"], "expected rules as a JSON list"),
        (["--rules", "wrong.json"], "expected an action of never_automatic, never_predict"),
        (["--hours", "-1"], "expected --hours of at least 0"),
        ([], "would be held against itself"),
    ],
)
def test_bad_input_is_one_line(words, said, judged, later, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrong.json").write_text('[{"name": "x", "action": "delete"}]', encoding="utf-8")
    assert main(["replay", "--incidents", str(later), "--models", str(judged[0]), *words]) == 1
    shown = capsys.readouterr().err.strip()
    assert said in shown
    assert len(shown.splitlines()) == 1


def test_without_dates_records_or_a_store_there_is_nothing_to_replay(judged, tmp_path, capsys) -> None:
    undated = tmp_path / "undated.csv"
    undated.write_text("number,short_description\nA,printer\n", encoding="utf-8")
    missing = f"sqlite:///{tmp_path / 'missing.db'}"
    for words, said in (
        (["--incidents", str(undated)], "needs opened_at"),
        (["--from-store", missing], "no such file"),
        ([], "give --incidents or --from-store"),
    ):
        assert main(["replay", "--models", str(judged[0]), *words]) == (1 if words else 2)
        assert said in capsys.readouterr().err
    with pytest.raises(SystemExit) as end:
        main(["replay", "--threshold", "category=2"])
    assert end.value.code == 2
