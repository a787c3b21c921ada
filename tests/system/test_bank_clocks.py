"""Train and diagnose on a real history by the command line: every incident gets its clock, without a later outcome."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from api.cli import main

BANK = Path(__file__).resolve().parents[3] / "shared" / "data" / "bank-incidents" / "incidents.csv"
pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not BANK.is_file(), reason="needs the shared bank incidents beside the repository"),
]
CUT = pd.Timestamp("2013-11-01", tz="UTC")
LATER = ("resolved_at", "closed_at", "close_code", "reassignment_count", "reopened_at", "reopen_count", "state")


def test_every_incident_gets_a_true_clock(tmp_path, capsys) -> None:
    rows = pd.read_csv(BANK, dtype=str)
    opened = pd.to_datetime(rows["opened_at"], utc=True, format="mixed")
    past = rows[(opened < CUT) & (opened >= CUT - pd.Timedelta(days=14))]
    later = rows[(opened >= CUT) & (opened < CUT + pd.Timedelta(days=4))]
    past.to_csv(tmp_path / "past.csv", index=False)
    later.drop(columns=[name for name in LATER if name in later]).to_csv(tmp_path / "later.csv", index=False)
    settings = tmp_path / "train.toml"
    settings.write_text("encoder_steps = 20\naudit = false\n", encoding="utf-8")
    words = ["--incidents", str(tmp_path / "past.csv"), "--as-of", CUT.isoformat(), "--target", "category"]
    assert main(["train", *words, "--config", str(settings), "--out", str(tmp_path / "models")]) == 0
    (release,) = [folder for folder in (tmp_path / "models").iterdir() if (folder / "manifest.json").is_file()]
    out = tmp_path / "said.jsonl"
    words = ["--release", str(release), "--incidents", str(tmp_path / "later.csv"), "--out", str(out)]
    assert main(["diagnose", *words]) == 0
    capsys.readouterr()
    said = {line["incident"]: line["service_levels"] for line in map(json.loads, out.read_text().splitlines())}
    assert said.keys() == set(later["number"])
    restoration = [said[number]["restoration"] for number in later["number"]]
    assert all(clock["due_at"] and clock["hours"] for clock in restoration)
    probability = np.array([clock["probability_missed"] for clock in restoration])
    ended = pd.to_datetime(later["resolved_at"], utc=True, format="mixed")
    late = ~((ended - opened[later.index]) <= pd.Timedelta(hours=4))
    assert roc_auc_score(late, probability) > 0.68
    assert probability.mean() == pytest.approx(late.mean(), abs=0.12)
