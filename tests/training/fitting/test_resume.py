"""A training that was killed goes on with the stages that it had finished, and makes the same release."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
import pandas as pd
import pytest

from diagnosis.knowledge import as_knowledge_frame
from diagnosis.release import Manifest
from diagnosis.releases import Releases
from tests.training.conftest import solved
from tests.waiting import soon
from training.fitting.checkpoints import PREFIX, Checkpoints, checkpoints
from training.records import load_incidents
from training.settings import load_settings
from training.train import train

ROOT = Path(__file__).parents[3]
_CONFIG = "encoder_steps = 1000\nsmallest_target = 20\naudit = false\nevaluate = false\n"


def stages(models: Path) -> set[str]:
    return {path.name for folder in models.glob(f"{PREFIX}*") if folder.is_dir() for path in folder.iterdir()}


@pytest.mark.system
def test_a_killed_training_goes_on_and_makes_the_same_release(tmp_path, monkeypatch) -> None:
    source, config, broken = tmp_path / "incidents.csv", tmp_path / "c.toml", tmp_path / "broken"
    solved(100).to_csv(source, index=False)
    config.write_text(_CONFIG, encoding="utf-8")
    words = ["--incidents", str(source), "--config", str(config), "--out", str(broken), "--quiet"]
    process = subprocess.Popen(
        [sys.executable, "-m", "training.train", *words], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    assert soon(lambda: "encoder 0" in stages(broken), 300)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert stages(broken) >= {"routing", "encoder 0"}
    assert Releases(broken).summaries() == [], "half a release is never visible"

    frame, settings = load_incidents(source).frame, load_settings(config)
    whole = train(frame, as_knowledge_frame([]), settings, tmp_path / "whole").folder
    monkeypatch.setattr("training.fitting.fit._fit_router", None)  # what was finished is not made again
    resumed = train(frame, as_knowledge_frame([]), settings, broken).folder
    one, other = Manifest.read(resumed), Manifest.read(whole)
    assert {name for name in one.files if one.files[name] != other.files[name]} == set()
    assert one.content == other.content
    assert stages(broken) == stages(tmp_path / "whole") == set()


def test_a_stage_is_made_once_and_only_whole(tmp_path) -> None:
    made: list[str] = []

    def stage(name: str) -> str:
        made.append(name)
        return name

    def fails() -> str:
        raise OSError("disk full")

    def broken_off() -> None:
        with checkpoints(tmp_path, {"data": 1}) as kept:
            assert kept.value("a", lambda: stage("a")) == "a"
            assert kept.below("b").value("a", lambda: stage("b.a")) == "b.a"
            kept.value("c", fails)

    with pytest.raises(OSError, match="disk full"):
        broken_off()
    with checkpoints(tmp_path, {"data": 1}) as kept:
        assert [kept.has(name) for name in ("a", "b.a", "c")] == [True, True, False]
        assert kept.value("a", fails) == "a"
        with checkpoints(tmp_path, {"data": 1}) as beside:
            assert not beside.has("a"), "a second one of the same works for itself"
            assert beside.value("a", lambda: stage("again")) == "again"
        assert kept.value("a", fails) == "a"
    with checkpoints(tmp_path, {"data": 1}) as kept:
        assert not kept.has("a"), "a release was made, so there is nothing to go on with"
    with checkpoints(tmp_path, {"data": 2}) as kept:
        assert not kept.has("a")
    assert made == ["a", "b.a", "again"]
    assert list(tmp_path.iterdir()) == []


def test_what_nobody_goes_on_with_is_forgotten(tmp_path) -> None:
    old = tmp_path / f"{PREFIX}0123456789abcdef"
    old.mkdir()
    os.utime(old, (time.time() - 8 * 86_400,) * 2)
    with checkpoints(tmp_path, {}):
        assert not old.exists()


def test_a_part_is_read_as_it_was_written(tmp_path) -> None:
    class Counted:
        def __init__(self, frame: pd.DataFrame) -> None:
            self.frame = frame

        def save(self, folder: Path) -> None:
            joblib.dump(self.frame, folder / "frame")

        @classmethod
        def load(cls, folder: Path) -> "Counted":
            return cls(joblib.load(folder / "frame"))

    kept, frame = Checkpoints(tmp_path), pd.DataFrame({"a": [1, 2]})
    first = kept.part("x", Counted, lambda: Counted(frame))
    assert first.frame is not frame
    pd.testing.assert_frame_equal(kept.part("x", Counted, lambda: Counted(frame.tail(0))).frame, frame)
