"""Tuning: blocks see only what came before them, trials go on after a break, chance is not taken for a gain."""

import json
import tomllib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from api.cli import main
from diagnosis.errors import InputError
from diagnosis.incident import as_frame
from tests.training.conftest import solved
from training.fitting.splits import split_latest
from training.settings import TrainSettings, load_settings, to_toml
from training.tuning.blocks import TrialScore, blocks_of
from training.tuning.search import tune

pytest.importorskip("optuna")
SETTINGS = TrainSettings(targets=("category",))


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return as_frame(solved(800))


def test_blocks_are_later_than_what_is_learned_and_earlier_than_what_is_evaluated(frame) -> None:
    kept_back = frame["number"].iloc[split_latest(frame, SETTINGS.evaluation_share)[1]]
    blocks = blocks_of(frame.sample(frac=1, random_state=1), SETTINGS)
    assert len(blocks) == 3
    for block in blocks:
        assert block.learn.frame["opened_at"].max() <= block.judge.frame["opened_at"].min()
        assert not block.judge.frame["number"].isin(kept_back).any()
        assert (block.judge.frame["assignment_group"] == "").all(), "as logged"
    assert len({number for block in blocks for number in block.judge.frame["number"]}) == sum(
        len(block.truth) for block in blocks
    )


def test_undated_blocks_share_no_text(frame) -> None:
    blocks = blocks_of(frame.assign(opened_at=pd.NaT, description="", number=frame["number"]), SETTINGS)
    for block in blocks:
        assert not set(block.learn.text) & set(block.judge.text)


def shaped(monkeypatch, loss) -> None:
    """Judge by a known function of the settings, with a little noise a block."""
    rng = np.random.default_rng(0)

    def judged(work) -> TrialScore:
        return TrialScore(loss(work[1]) + rng.normal(0, 1e-3), 0.5)

    monkeypatch.setattr("training.tuning.search.judge", judged)
    monkeypatch.setattr("training.tuning.search.blocks_of", lambda *_: ["a", "b", "c"])


def test_the_search_finds_what_is_better(monkeypatch, frame, tmp_path) -> None:
    shaped(monkeypatch, lambda s: (np.log(s.topic_weight / 2)) ** 2 + 0.3 * ("caller" not in s.ignored_fields))
    found = tune(frame, SETTINGS, tmp_path / "j", minutes=5, trials=40)
    assert "is better" in str(found.verdict)
    assert found.settings.ignored_fields[:1] == ("caller",)
    assert abs(np.log(found.settings.topic_weight / 2)) < abs(np.log(SETTINGS.topic_weight / 2)) / 2
    assert found.trials[0].chosen["topic_weight"] == SETTINGS.topic_weight
    again = tune(frame, SETTINGS, tmp_path / "other", minutes=5, trials=12)
    assert [t.chosen for t in again.trials] == [t.chosen for t in found.trials[:12]], "the same seed draws the same"


def test_chance_is_not_taken_for_a_gain(monkeypatch, frame, tmp_path) -> None:
    rng = np.random.default_rng(1)
    shaped(monkeypatch, lambda _: rng.normal(1, 0.1))
    kept = 0
    for turn in range(20):
        found = tune(frame, replace(SETTINGS, seed=turn), tmp_path / str(turn), minutes=5, trials=2)
        kept += found.settings == replace(SETTINGS, seed=turn)
    assert kept >= 13, "of two equal settings the second is taken by chance about one time in five"


def test_a_search_goes_on_and_ends_in_time(monkeypatch, frame, tmp_path) -> None:
    shaped(monkeypatch, lambda s: s.text_weight)
    first = tune(frame, SETTINGS, tmp_path / "j", minutes=5, trials=3)
    second = tune(frame, SETTINGS, tmp_path / "j", minutes=5, trials=5)
    assert second.trials[:3] == first.trials
    assert len({trial.chosen["text_weight"] for trial in second.trials}) == 5
    late = tune(frame, SETTINGS, tmp_path / "j", minutes=1e-9)
    assert len(late.trials) == 5
    with pytest.raises(InputError, match="it is of other incidents or settings"):
        tune(frame, replace(SETTINGS, precision=0.9), tmp_path / "j", minutes=1)


def test_the_command_writes_settings_that_train_takes(frame, tmp_path, capsys) -> None:
    source, out = tmp_path / "i.csv", tmp_path / "tuned.toml"
    frame.to_csv(source, index=False)
    (tmp_path / "c.toml").write_text('targets = ["category"]\nprecision = 0.9\n', encoding="utf-8")
    words = ["tune", "--incidents", str(source), "--config", str(tmp_path / "c.toml"), "--out", str(out), "--quiet"]
    assert main([*words, "--minutes", "5", "--trials", "2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [trial["number"] for trial in told["trials"]] == [0, 1]
    assert 0 < told["trials"][0]["accuracy"] <= 1
    settings = load_settings(out)
    assert (settings.targets, settings.precision) == (("category",), 0.9)
    assert main([*words, "--minutes", "5", "--trials", "2"]) == 0
    assert "| trial | loss | accuracy |" in capsys.readouterr().out
    assert main([*words[:-2], str(tmp_path / "nowhere" / "x.toml")]) == 1
    frame.head(30).to_csv(source, index=False)
    assert main([*words, "--journal", str(tmp_path / "j")]) == 1
    said = capsys.readouterr().err.splitlines()
    assert "the folder" in said[0]
    assert "tuning needs 100 incidents with category" in said[1]


def test_settings_survive_toml() -> None:
    settings = TrainSettings(
        targets=("类别", 'a"b'), hierarchy={"assignment_group": {"网络 EMEA": "网络"}}, precision=0.97, audit=False
    )
    assert load_toml(to_toml(settings.changed())) == settings
    assert to_toml(TrainSettings().changed()) == ""


def load_toml(text: str) -> TrainSettings:
    values = tomllib.loads(text)
    return TrainSettings(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})
