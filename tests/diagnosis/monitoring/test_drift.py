"""Drift is told where there is some, and hardly ever where there is none."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import jensenshannon

from diagnosis.incident import as_frame
from diagnosis.monitoring.drift import drift, stability_index
from diagnosis.reference import Reference
from tests.history import FAULTS, incidents


def sample(rng: np.random.Generator, count: int, weights: np.ndarray | None = None) -> pd.DataFrame:
    """Return incidents drawn from a few faults, so that nothing but chance and the weights moves their shares."""
    picked = rng.choice(len(FAULTS), count, p=weights)
    rows = [FAULTS[i] for i in picked]
    chinese = rng.random(count) < 0.5
    text = [row[4] if zh else row[3] for row, zh in zip(rows, chinese, strict=True)]
    ends = [" 请帮忙" if zh else " please help" for zh in chinese]
    return as_frame(
        pd.DataFrame(
            {
                "number": [f"N{i}" for i in range(count)],
                "short_description": text,
                "description": [t + (e if rng.random() < 0.5 else "") for t, e in zip(text, ends, strict=True)],
                "category": [row[1] for row in rows],
                "cmdb_ci": [row[2] for row in rows],
            }
        )
    )


def test_the_index_is_that_of_its_formula() -> None:
    p, q = np.array([30.5, 70.5]) / 101, np.array([50.5, 50.5]) / 101
    assert stability_index(np.array([30.0, 70.0]), np.array([50.0, 50.0])) == pytest.approx(
        ((q - p) * np.log(q / p)).sum()
    )
    assert stability_index(np.array([3.0, 7.0]), np.array([3.0, 7.0])) == 0


def test_where_nothing_has_changed_hardly_anything_is_said_to_have() -> None:
    rng = np.random.default_rng(2)
    reference = Reference.of(sample(rng, 800))
    said = [one.verdict for _ in range(6) for one in drift(reference, sample(rng, 300))]
    assert len(said) == 6 * 4  # category, cmdb_ci, language, text: what is never filled in is not measured
    assert said.count("none") >= 22  # 99 of 100, give or take chance
    assert "strong" not in said


def test_a_new_fault_shows_in_fields_and_words_with_what_moved() -> None:
    rng = np.random.default_rng(4)
    reference = Reference.of(sample(rng, 1000))
    moved = sample(rng, 400, np.array([0.7, 0.06, 0.06, 0.06, 0.06, 0.06]))
    new = moved.assign(
        category=["crm"] * 250 + moved["category"].tolist()[250:],
        short_description=["CRM 合同审批 超时"] * 250 + moved["short_description"].tolist()[250:],
        description="",
    )
    found = {one.name: one for one in drift(reference, new)}
    assert found["category"].verdict == "strong"
    assert found["text"].verdict == "strong"
    assert found["language"].verdict != "none"
    (first, *_) = found["category"].changes
    assert (first.value, first.before) == ("crm", 0)
    assert first.now == pytest.approx(250 / 400)
    assert "crm" in {change.value for change in found["text"].changes}
    assert drift(reference, moved)[0].name == "cmdb_ci"
    assert 0 < found["text"].drift <= 1


def test_the_divergence_is_that_of_scipy_over_words_of_incidents() -> None:
    a = as_frame(pd.DataFrame({"number": [f"{i}" for i in range(200)], "short_description": ["disk full"] * 200}))
    b = a.assign(short_description=["disk full"] * 100 + ["disk slow"] * 100)
    text = {one.name: one for one in drift(Reference.of(a), b)}["text"]
    expected = jensenshannon([200, 200, 0], [200, 100, 100], base=2) ** 2
    assert text.drift == pytest.approx(expected)
    assert text.verdict == "strong"


def test_of_a_few_nothing_is_said_and_only_the_newest_of_a_long_history_count() -> None:
    frame = as_frame(incidents(400))
    assert drift(Reference.of(frame), frame.head(99)) == []
    assert drift(Reference.of(frame.head(50)), frame) == []
    newest = Reference.of(frame, most=100)
    assert len(newest) == 100
    assert newest.fields["category"].total() == 100
    assert drift(Reference.of(frame), frame.assign(short_description="", description=""))[-1].verdict == "strong"


def test_what_was_saved_tells_the_same_drift(tmp_path) -> None:
    rng = np.random.default_rng(6)
    reference, recent = Reference.of(sample(rng, 300)), sample(rng, 200)
    reference.save(tmp_path)
    assert drift(Reference.load(tmp_path), recent) == drift(reference, recent)
