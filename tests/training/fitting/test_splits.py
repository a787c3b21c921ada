"""No row on both sides, no later row before the cut, no text on both sides."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from diagnosis.errors import InputError
from diagnosis.incident import as_frame
from training.fitting.splits import split_latest, text_groups


def dated(n: int = 200) -> pd.DataFrame:
    times = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(np.random.default_rng(0).permutation(n) // 3, "h")
    return as_frame(pd.DataFrame({"number": [str(i) for i in range(n)], "opened_at": times}))


def test_a_dated_history_is_cut_in_time() -> None:
    frame = dated()
    earlier, latest = split_latest(frame, 0.2)
    assert sorted([*earlier, *latest]) == list(range(200))
    assert frame["opened_at"].iloc[earlier].max() < frame["opened_at"].iloc[latest].min()
    assert 0.15 < len(latest) / 200 < 0.21


def test_an_undated_history_is_cut_between_texts() -> None:
    texts = [f"打印机 {i % 40}" if i % 2 else f"  PRINTER  {i % 40} " for i in range(300)]
    frame = as_frame(pd.DataFrame({"number": [str(i) for i in range(300)], "description": texts}))
    earlier, latest = split_latest(frame, 0.2, seed=1)
    groups = text_groups(frame)
    assert not set(groups[earlier]) & set(groups[latest])
    assert 0.1 < len(latest) / 300 <= 0.2
    again = split_latest(frame, 0.2, seed=1)
    assert (again[1] == latest).all()
    assert not np.array_equal(split_latest(frame, 0.2, seed=2)[1], latest)


def test_rows_without_words_are_not_one_group() -> None:
    frame = as_frame(pd.DataFrame({"number": ["a", "b", "c"], "description": ["", "", "x"]}))
    assert len(set(text_groups(frame))) == 3


def test_a_share_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="between 0 and 1 was expected, 1 found"):
        split_latest(dated(), 1)
