"""Replay: a past period decided twice, target by target, and that of two releases on what one of them keeps."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import InputError
from training.evaluation.held_out import HeldOut
from training.evaluation.misrouting import Misrouting, misrouting
from training.evaluation.what_if import TargetReplay, compare_decisions, decided_by
from training.output import without_nan

ROUTES = "assignment_group"  # the target whose errors cost hours of misrouting
QUARTER = pd.Timedelta(days=91)


@dataclass(frozen=True)
class Replay:
    """The comparison, target by target.

    Attributes
    ----------
    before, after : str
        What is compared, in words.
    left_out : int
        Incidents of the period that a release could only have been asked knowing the answer, or that nobody answered.
    """

    first: pd.Timestamp
    last: pd.Timestamp
    before: str
    after: str
    left_out: int
    cost: Misrouting
    targets: tuple[TargetReplay, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        times = {"first": self.first.isoformat(), "last": self.last.isoformat()}
        plain: dict[str, Any] = without_nan({**asdict(self), **times})
        return plain


def replay_releases(before: Diagnoser, said: pd.DataFrame, after: Diagnoser, held: HeldOut) -> Replay:
    """Return what the last quarter of a slice looks like under a release in place of another.

    Parameters
    ----------
    before : Diagnoser
    said : DataFrame
        What it answers to incidents of the slice that it had not seen: `training.evaluation.held_out.answers_in`.
    after : Diagnoser
    held : HeldOut
        Incidents with the answers of ``after``.

    Raises
    ------
    InputError
        If nothing of the slice is dated, or nothing was answered by both and is known by now.
    """
    opened = held.incidents["opened_at"]
    if opened.isna().all():
        raise InputError(f"none of the {len(opened):,} later incidents has a date, so none is of the last quarter")
    quarter = held.incidents[opened > opened.max() - QUARTER].reset_index(drop=True)
    cost = misrouting(quarter, [])
    found, compared = [], set[str]()
    for target, router in after.parts.routers.items():
        rows = known_by_now(quarter, target, _answered(said, target) & _answered(held.answers, target))
        if rows.empty or target not in before.parts.routers:
            continue
        then = decided_by(answers_to(rows, said), rows, target, before.parts.routers[target])
        now = decided_by(answers_to(rows, held.answers), rows, target, router)
        found.append(compare_decisions(target, rows, then, now, cost if target == ROUTES else None))
        compared |= set(rows["number"])
    if not found:
        raise InputError(f"of the {len(quarter):,} incidents of the last quarter none was answered by both releases")
    return Replay(
        first=quarter["opened_at"].min(),
        last=quarter["opened_at"].max(),
        before=before.release,
        after=after.release,
        left_out=len(quarter) - len(compared),
        cost=cost,
        targets=tuple(found),
    )


def known_by_now(incidents: pd.DataFrame, target: str, answered: Collection[str]) -> pd.DataFrame:
    """Return the incidents that were answered and of which it is known by now what was right."""
    if target not in incidents:
        return incidents.iloc[:0]
    known = incidents[target].astype("str").fillna("").str.strip() != ""
    return incidents[known & incidents["number"].isin(list(answered))].reset_index(drop=True)


def answers_to(incidents: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """Return one answer to each incident, in their order."""
    return answers.drop_duplicates("number", keep="last").set_index("number").loc[incidents["number"]].reset_index()


def _answered(answers: pd.DataFrame, target: str) -> set[str]:
    value = f"{target}|value"
    return set(answers["number"][answers[value].notna()]) if value in answers else set()
