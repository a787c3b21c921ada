"""The gate lets the equal through and stops the worse: by simulation, and with real releases."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import GateRefusedError, ReleaseError
from diagnosis.phrases import Phrase, in_words
from diagnosis.release import write_release
from diagnosis.releases import Releases
from training.command_line.verb import run as run_verb
from training.evaluation.candidate import Candidate
from training.evaluation.comparison import ACCURACY, Comparison, _figure, compare
from training.evaluation.gate import LIMITS, GateDecision, comparison_checks, judge, own_checks, plain_checks
from training.evaluation.held_out import EVALUATION, HeldOut, honest_predictions
from training.evaluation.predictions import Predictions
from training.publish import publish


def comparison(better: float, worse: float, n: int, rng: np.random.Generator) -> Comparison:
    """Return a comparison in which the new release mends a share of the answers and spoils another."""
    change = rng.choice([1.0, -1.0, 0.0], n, p=[better, worse, 1 - better - worse])
    old = np.where(change == 1, 0.0, np.where(change == -1, 1.0, rng.random(n) < 0.8))
    return Comparison(
        "a", "b", n, 0, 0, (_figure(Phrase(ACCURACY, {"target": "category"}), "all", "", old, old + change),), ()
    )


@pytest.mark.parametrize(
    ("better", "worse", "n", "least", "most"),
    [
        (0.03, 0.03, 1500, 0.97, 1.0),  # equal, and enough incidents to prove it
        (0.03, 0.03, 600, 0.85, 1.0),
        (0.05, 0.03, 600, 0.97, 1.0),
        (0.02, 0.05, 1500, 0.0, 0.10),  # worse by exactly the margin: let through one time in twenty
        (0.02, 0.08, 600, 0.0, 0.02),
        (0.02, 0.08, 300, 0.0, 0.05),
    ],
)
def test_the_equal_pass_and_the_worse_do_not(better: float, worse: float, n: int, least: float, most: float) -> None:
    rng = np.random.default_rng(n)
    passed = [
        all(check.passed is not False for check in comparison_checks(comparison(better, worse, n, rng)))
        for _ in range(200)
    ]
    assert least <= np.mean(passed) <= most


def test_with_too_few_incidents_nothing_is_compared_and_nothing_published() -> None:
    (check,) = comparison_checks(comparison(0.0, 0.5, LIMITS.fewest - 1, np.random.default_rng(0)))
    assert check.passed is None
    assert "100 are needed" in str(check.why)
    decision = GateDecision("b", "a", (check,))
    assert (decision.outcome, decision.publishes) == ("cannot_tell", False)


@pytest.mark.parametrize(("n", "outcome"), [(8, "cannot_tell"), (LIMITS.fewest, "pass")])
def test_a_target_that_few_of_the_compared_incidents_carry_is_not_published_unseen(n, outcome) -> None:
    equal = comparison(0.0, 0.0, 500, np.random.default_rng(0))
    checks = comparison_checks(replace(equal, labelled={"category": n, "assignment_group": 500}))
    assert GateDecision("b", "a", tuple(checks)).outcome == outcome
    missing = [(str(check.name), str(check.why)) for check in checks if check.passed is None]
    assert missing == ([] if n == 100 else [("category: compared", "8 incidents with a truth; 100 are needed")])


def test_a_target_is_compared_on_the_incidents_that_carry_it(judged) -> None:
    folder, older, _ = judged
    held = HeldOut.load(folder / older)
    truth = held.predictions.targets["category"].truth.copy()
    truth[8:] = ""
    labelled = np.arange(len(held)) < 8
    category = replace(held.predictions.targets["category"], truth=truth)
    assert category.labelled.tolist() == labelled.tolist()
    few = replace(held, predictions=with_category(held.predictions, truth=truth))
    found = compared(folder / older, older, few)
    assert (found.rows, found.labelled["category"]) == (208, 8)
    assert "category: compared" in [str(check.name) for check in comparison_checks(found) if check.essential]


def test_a_first_release_of_which_nothing_was_measured_waits_for_a_person(judged, tmp_path) -> None:
    import shutil

    folder, older, _ = judged
    shutil.copytree((folder / older).resolve(), tmp_path / older)
    first = Candidate(tmp_path / older)
    assert judge(first).outcome == "pass"
    assert judge(first, replace(LIMITS, fewest=5000)).outcome == "cannot_tell"
    parts = Diagnoser.load(tmp_path / older).parts
    bare = write_release(tmp_path / "bare", parts.save, settings={}, seed=0, data={})  # with no evaluation in it
    unseen = judge(Candidate(bare))
    assert (unseen.outcome, [str(check.name) for check in unseen.missing]) == ("cannot_tell", ["figures of its own"])


def test_a_release_keeps_its_later_incidents_masked_with_answers_given_before_it_saw_them(judged, history) -> None:
    folder, older, _ = judged
    held = HeldOut.load(folder / older)
    assert len(held.incidents) == len(held.predictions) == 208
    assert held.incidents["opened_at"].min() >= pd.Timestamp(history["opened_at"].iloc[520 - 208])
    truth = history.set_index("number").loc[held.incidents["number"], "category"]
    category = held.predictions.targets["category"]
    assert category.truth.tolist() == truth.tolist()
    assert category.correct.mean() > 0.9
    assert held.predictions.recurrence.signature


def compared(folder: Path, name: str, held: HeldOut) -> Comparison:
    diagnoser = Diagnoser.load(folder)
    return compare(diagnoser, honest_predictions(diagnoser, folder, held.incidents, held.as_of), name, held)


def test_rows_that_the_release_in_service_was_trained_on_are_not_asked_of_it(judged) -> None:
    folder, older, newer = judged
    held = HeldOut.load(folder / newer)
    found = compared(folder / older, newer, held)
    mine = set(held.incidents["number"])
    history = set(Diagnoser.load(folder / older).parts.history.frame()["number"])
    kept = set(HeldOut.load(folder / older).incidents["number"])
    assert found.live == len(mine - history) == 40
    assert found.recorded == len(mine & kept)
    assert found.left_out == len(mine - (mine - history) - kept)
    accuracy = next(f for f in found.figures if str(f.label) == "category: accuracy")
    assert accuracy.n == found.rows
    assert accuracy.b == pytest.approx(
        held.select(sorted((mine - history) | (mine & kept))).predictions.targets["category"].correct.mean()
    )


def test_a_release_compared_with_itself_differs_in_nothing(judged) -> None:
    folder, older, _ = judged
    found = compared(folder / older, older, HeldOut.load(folder / older))
    assert found.live == 0
    assert found.recorded == 208
    assert {str(f.name) for f in found.figures} >= {"category: accuracy", "search: recall at 10"}
    assert all(f.difference == 0 for f in found.figures)


def test_an_equal_release_is_published_and_the_table_says_why(own_judged, capsys) -> None:
    models, older, newer = own_judged
    from training import publish as verb

    args = _arguments(verb, [newer, "--models", str(models), "--json"])
    assert run_verb(verb, args) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["published"] == newer
    assert said["instead_of"] == older
    names = {check["name"] for check in said["checks"]}
    assert {"category: calibration error", "category: certified precision", "latency", "size"} <= names
    assert any(name.startswith("category: accuracy, language zh") for name in names)
    assert Releases(models).published() == newer


def spoiled(models, name: str, tmp_path, change) -> str:
    """Return the name of a copy of a release, sealed again, whose kept predictions were changed."""
    from diagnosis.release import Manifest, write_release

    source = (models / name).resolve()
    manifest = Manifest.read(source)

    def write(folder) -> None:
        import shutil

        shutil.copytree(source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("manifest.json"))
        held = HeldOut.load(folder)
        replace(held, predictions=change(held.predictions)).save(folder / EVALUATION)

    return write_release(models, write, settings=manifest.settings, seed=manifest.seed, data=manifest.data).name


def test_a_worse_release_is_refused_with_a_table_and_force_is_remembered(own_judged, tmp_path, capsys) -> None:
    models, older, newer = own_judged
    from training import publish as verb

    def worse(predictions: Predictions) -> Predictions:
        category = predictions.targets["category"]
        value, rank = category.value.copy(), category.rank.copy()
        rows = np.flatnonzero(predictions.language == "zh")[:40]
        value[rows], rank[rows] = "nonsense", 2.0
        return with_category(predictions, value=value, rank=rank)

    bad = spoiled(models, newer, tmp_path, worse)
    assert run_verb(verb, _arguments(verb, [bad, "--models", str(models)])) == 1
    said = capsys.readouterr().out
    assert "was not published" in said
    assert "REFUSED  category: accuracy, language zh" in said
    assert Releases(models).published() == older
    with pytest.raises(GateRefusedError, match="category: accuracy"):
        publish(Releases(models), bad)
    assert run_verb(verb, _arguments(verb, [bad, "--models", str(models), "--force", "the table is wrong"])) == 0
    last = Releases(models).history()[-1]
    assert last.release == bad
    assert last.reason.startswith("forced: the table is wrong (failed: category: ")


def test_a_broken_promise_and_overconfidence_are_refused(judged) -> None:
    folder, older, _ = judged
    held = HeldOut.load(folder / older)
    rows = np.arange(len(held))
    broken = with_category(
        held.predictions,
        decision=np.full(len(held), "network", dtype=object),
        decision_correct=rows % 8 != 0,  # 87 % where 95 % was promised
        rank=np.where(rows % 2, 1.0, 2.0),
        probability=np.full(len(held), 0.95),
    )
    checks = {str(check.name): check for check in own_checks(replace(held, predictions=broken))}
    assert checks["category: certified precision"].passed is False
    assert checks["category: calibration error"].passed is False
    assert checks["category: calibration error"].candidate == pytest.approx(0.45, abs=0.01)
    fulfilled = with_category(broken, decision_correct=rows % 25 != 0)  # 96 %
    checks = {str(check.name): check for check in own_checks(replace(held, predictions=fulfilled))}
    assert checks["category: certified precision"].passed is True
    few = {str(check.name): check for check in own_checks(held, replace(LIMITS, fewest=5000))}
    assert str(few["category: calibration error"].why).endswith(" incidents with a truth; 5000 are needed")


def test_a_release_that_answers_worse_than_a_linear_svm_is_refused(judged) -> None:
    folder, older, _ = judged
    candidate = Candidate(folder / older)
    name = "category: accuracy beside a linear SVM, worst case"
    checks = {str(check.name): check for check in plain_checks(candidate.diagnoser, candidate.held_out)}
    assert checks[name].passed is True
    value = candidate.held_out.predictions.targets["category"].value.copy()
    value[::5] = "nothing"
    worse = replace(candidate.held_out, predictions=with_category(candidate.held_out.predictions, value=value))
    checks = {str(check.name): check for check in plain_checks(candidate.diagnoser, worse)}
    assert checks[name].passed is False


def with_category(predictions: Predictions, **arrays) -> Predictions:
    """Return predictions with other arrays for the category."""
    category = replace(predictions.targets["category"], **arrays)
    return replace(predictions, targets={**predictions.targets, "category": category})


def test_a_release_without_evaluation_does_not_replace_another_unless_a_person_says_so(own_models) -> None:
    names = [summary.release for summary in Releases(own_models).summaries()]
    other = next(name for name in names if name != Releases(own_models).published())
    decision = judge(Candidate(own_models / other))
    assert "figures of its own" in [str(check.name) for check in decision.unmeasured]
    assert decision.outcome == "cannot_tell"
    with pytest.raises(GateRefusedError, match="could not be compared"):
        publish(Releases(own_models), other)
    publish(Releases(own_models), other, "the history is small")
    entry = Releases(own_models).history()[-1]
    why = f"compared with {decision.instead_of}"
    assert entry.reason == f"forced: the history is small (could not be measured: {why})", "nothing was worse"
    assert in_words(entry.phrase, "zh").startswith("强制发布：the history is small（无法评估：")


def test_a_release_judged_against_another_one_is_not_published(own_judged) -> None:
    models, older, newer = own_judged
    with pytest.raises(ReleaseError, match="is in service by now"):
        Releases(models).publish(newer, instead_of="something else")
    assert Releases(models).published() == older


_SWAP = """
import sys
from pathlib import Path
from diagnosis.releases import Releases
releases = Releases(Path(sys.argv[1]))
print("ready", flush=True)
for turn in range(int(sys.argv[3])):
    releases.publish(sys.argv[2], f"{sys.argv[2]} {turn}")
"""


def test_of_publishers_at_once_no_entry_is_lost(own_judged) -> None:
    models, older, newer = own_judged
    running = [
        subprocess.Popen([sys.executable, "-c", _SWAP, str(models), name, "15"], stdout=subprocess.DEVNULL)
        for name in (older, newer)
    ]
    assert [process.wait(60) for process in running] == [0, 0]
    reasons = [entry.reason for entry in Releases(models).history()]
    assert sorted(reasons[1:]) == sorted(f"{name} {turn}" for name in (older, newer) for turn in range(15))


def test_a_publisher_killed_in_the_middle_leaves_one_release_in_service_and_blocks_nobody(own_judged) -> None:
    models, older, newer = own_judged
    for wait in (0.002, 0.011, 0.023):
        process = subprocess.Popen(
            [sys.executable, "-c", _SWAP, str(models), newer, "100000"], stdout=subprocess.PIPE, text=True
        )
        with process:
            assert process.stdout.readline() == "ready\n"
            time.sleep(wait)
            os.kill(process.pid, signal.SIGKILL)
        assert Releases(models).published() in {older, newer}
    Releases(models).publish(older, "after the kills")
    assert Releases(models).published() == older


def _arguments(verb, words: list[str]):
    import argparse

    parser = argparse.ArgumentParser()
    verb.add_arguments(parser)
    return parser.parse_args(words)
