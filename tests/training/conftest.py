"""Two real releases with an evaluation slice, made once: training a release takes seconds."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from diagnosis.releases import Releases
from tests.history import FAULTS, articles, incidents
from tests.sharing import shared_folder
from training.settings import TrainSettings
from training.train import train

# A few steps of the encoder are enough here.
SETTINGS = TrainSettings(
    encoder_steps=60, evaluation_share=0.4, calibration_share=0.2, audit=False, learning_curve=True
)


def solved(count: int) -> pd.DataFrame:
    """Return incidents that name the article that solved them, and devices that are often sound for a while."""
    frame = incidents(count)
    fault_of = {row[3]: i for i, row in enumerate(FAULTS)} | {row[4]: i for i, row in enumerate(FAULTS)}
    number = [fault_of[text] for text in frame["short_description"]]
    rng = np.random.default_rng(5)
    frame["knowledge"] = [f"KB{i:03}en" for i in number]
    frame["cmdb_ci"] = [f"{row}-{rng.integers(40)}" for row in frame["cmdb_ci"]]
    frame["contact_type"] = rng.choice(["phone", "email"], count)
    frame["service"] = frame["category"] + " 服务"
    return frame


@pytest.fixture(scope="session")
def history() -> pd.DataFrame:
    return solved(560)


@pytest.fixture(scope="session")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """Return a folder of releases, of 520 incidents and of 560, the first one published. Do not change it."""
    folder = shared_folder(tmp_path_factory, "judged", _make_judged)
    older = Releases(folder).published()
    (newer,) = {path.parent.name for path in folder.glob("*/manifest.json")} - {older}
    return folder, older, newer


def _make_judged(folder: Path) -> None:
    history = solved(560)
    older = train(history.iloc[:520], articles(), SETTINGS, folder).folder.name
    train(history, articles(), replace(SETTINGS, seed=1), folder)
    Releases(folder).publish(older)


@pytest.fixture
def own_judged(judged: tuple[Path, str, str], tmp_path: Path) -> tuple[Path, str, str]:
    """Return a folder of the same releases whose pointer a test may move."""
    folder, older, newer = judged
    own = tmp_path / "models"
    own.mkdir()
    for name in (older, newer):
        (own / name).symlink_to(folder / name)
    (own / "published.json").write_bytes((folder / "published.json").read_bytes())
    return own, older, newer
