"""Misrouting: how many hours it costs to send an incident to the wrong group, from what the data tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

if TYPE_CHECKING:
    from training.evaluation.what_if import Decided

Floats = npt.NDArray[np.float64]

ASSUMED = 2.0  # hours, where neither a person nor the data tell
FEWEST_CORRECTIONS, FEWEST_REASSIGNED = 20, 50


@dataclass(frozen=True, slots=True)
class Misrouting:
    """What one wrong group costs.

    Attributes
    ----------
    hours_each : float
        Hours for each move that was one too many.
    source : str
        Where that comes from, in words.
    """

    hours_each: float
    source: str

    def hours(self, incidents: pd.DataFrame, before: Decided, after: Decided) -> tuple[Floats, Floats]:
        """Return the hours of misrouting of each incident under both ways to decide, each of shape (n,).

        Right and automatic costs nothing, wrong and automatic at least one move. What a person routed costs the moves
        that the incident really made; where a machine routed it then, what people's routing cost on average.
        """
        moves = pd.to_numeric(incidents["reassignment_count"]).to_numpy(dtype=np.float64, na_value=np.nan)
        by_people = moves[~before.automatic & np.isfinite(moves)]
        usual = float(by_people.mean()) if len(by_people) else 0.0
        own = np.where(np.isfinite(moves) & ~before.automatic, moves, usual)
        wrong = np.where(np.isfinite(moves) & before.automatic & ~before.right, np.maximum(moves, 1.0), 1.0)
        then = np.where(before.automatic, np.where(before.right, 0.0, wrong), own)
        same = after.automatic & before.automatic & (after.value == before.value)
        now = np.where(after.automatic, np.where(after.right, 0.0, np.where(same, wrong, 1.0)), own)
        return self.hours_each * then, self.hours_each * now


def misrouting(incidents: pd.DataFrame, corrected_after: Sequence[float], given: float | None = None) -> Misrouting:
    """Return what misrouting costs.

    Parameters
    ----------
    incidents : DataFrame
        Canonical frame.
    corrected_after : sequence of float
        Hours from an answer until a person corrected the group.
    given : float, optional
        Hours that a person set; they win.
    """
    moves = pd.to_numeric(incidents["reassignment_count"]).to_numpy(dtype=np.float64, na_value=np.nan)
    unknown = "" if np.isfinite(moves).any() else "; no reassignment_count, so people's own misrouting counts as none"
    found = _each(incidents, moves, corrected_after, given)
    return Misrouting(found.hours_each, found.source + unknown)


def _each(incidents: pd.DataFrame, moves: Floats, corrected_after: Sequence[float], given: float | None) -> Misrouting:
    if given is not None:
        return Misrouting(given, "as given")
    if len(corrected_after) >= FEWEST_CORRECTIONS:
        median = float(np.median(corrected_after))
        return Misrouting(
            median, f"median time until the right group in {len(corrected_after):,} corrections by people"
        )
    taken = (incidents["resolved_at"] - incidents["opened_at"]).dt.total_seconds().to_numpy(dtype=np.float64) / 3600
    known = np.isfinite(taken) & (taken >= 0)
    moved, stayed = known & (moves >= 1), known & (moves == 0)
    if min(moved.sum(), stayed.sum()) >= FEWEST_REASSIGNED:
        longer = float(np.median(taken[moved]) - np.median(taken[stayed])) / float(moves[moved].mean())
        if longer > 0:
            what = "median time to resolve of reassigned incidents less that of others, for each reassignment"
            return Misrouting(longer, f"{what} ({int(moved.sum()):,} and {int(stayed.sum()):,} incidents)")
    return Misrouting(ASSUMED, "assumed: neither corrections nor reassignments tell; set --hours")
