"""Splits that a model cannot cheat on: by time where there are dates, by groups of equal text where there are none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.arrays import Rows
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase

DATED = 0.9  # share of rows with a date from which a history counts as dated


def is_dated(frame: pd.DataFrame) -> bool:
    """Tell whether nearly every incident has a date, so that the frame can be split by time."""
    return len(frame) > 0 and float(frame["opened_at"].notna().mean()) >= DATED


def split_latest(frame: pd.DataFrame, share: float, seed: int = 0) -> tuple[Rows, Rows]:
    """Split rows into earlier and latest ones.

    Parameters
    ----------
    frame : DataFrame
        Canonical incident frame.
    share : float
        Share of the rows, about, in the second part.
    seed : int
        Draws the groups where there are no dates.

    Returns
    -------
    (ndarray, ndarray)
        Row positions in order of the frame; together every row once. Incidents of one moment, or without dates of one
        text, are never parted. An undated row of a dated frame is an earlier one.

    Raises
    ------
    InputError
        If the share is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise InputError(Phrase("share_wrong", {"value": str(share)}))
    latest = _latest_by_time(frame, share) if is_dated(frame) else _drawn_by_text(frame, share, seed)
    return np.flatnonzero(~latest), np.flatnonzero(latest)


def text_groups(frame: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Return a group number for each row; rows of equal words (case and spaces aside) share one."""
    words = (frame["short_description"] + " " + frame["description"]).str.casefold().str.split().str.join(" ")
    # Without words there is nothing to be equal in: every such row is a group of its own.
    words = words.where(words != "", "\0" + frame["number"])
    groups: npt.NDArray[np.int64] = pd.factorize(words)[0].astype(np.int64)
    return groups


def _latest_by_time(frame: pd.DataFrame, share: float) -> npt.NDArray[np.bool_]:
    opened = frame["opened_at"]
    cut = opened.quantile(1 - share)
    latest: npt.NDArray[np.bool_] = (opened > cut).to_numpy()
    return latest


def _drawn_by_text(frame: pd.DataFrame, share: float, seed: int) -> npt.NDArray[np.bool_]:
    groups = text_groups(frame)
    order = np.random.default_rng(seed).permutation(groups.max() + 1) if len(groups) else groups
    sizes = np.bincount(groups, minlength=len(order))[order]
    # Whole groups in a drawn order, until the share is reached.
    chosen = order[np.cumsum(sizes) <= share * len(groups)]
    return np.isin(groups, chosen)
