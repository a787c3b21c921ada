"""HeldOut: the later incidents that a release was judged on, kept in it with the answers of the model that was judged.

The answers are those of a model of the same make that had not seen these incidents (the release itself has learned
from them since). A later release is compared on rows like these, pair by pair.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pandas as pd

from diagnosis.diagnoser import Diagnoser
from diagnosis.incident import FIELDS, as_frame
from diagnosis.masking import mask_incidents
from training.evaluation.predictions import answers_of
from training.fitting.as_of import last_moment

EVALUATION = "evaluation"
_INCIDENTS, _ANSWERS, _ABOUT = "incidents.parquet", "answers.parquet", "about.json"


@dataclass(frozen=True)
class HeldOut:
    """Incidents with their outcomes, and what was answered to them without knowing these.

    Attributes
    ----------
    incidents : DataFrame
        Canonical frame, personal data masked, in order of the answers.
    answers : DataFrame
        As `training.evaluation.predictions.answers_of` gives them.
    as_of : Timestamp
        Up to when the outcomes are known; NaT where nothing is dated.
    signature : tuple of str
        What the same fault is; empty without a recurrence model.
    targets : mapping of str to float
        The precision promised for automatic answers of each target.
    learning : sequence of mapping
        The learning curve: ``target``, ``incidents`` learned from, ``accuracy`` on these rows.
    """

    incidents: pd.DataFrame
    answers: pd.DataFrame
    as_of: pd.Timestamp
    signature: tuple[str, ...]
    targets: Mapping[str, float]
    learning: Sequence[Mapping[str, float | str]] = field(default=())

    @classmethod
    def of(
        cls,
        diagnoser: Diagnoser,
        incidents: pd.DataFrame,
        as_of: str = "",
        learning: Sequence[Mapping[str, float | str]] = (),
    ) -> Self:
        """Ask a release that has not seen these incidents."""
        # A number is asked once: pairing is by number.
        frame = as_frame(incidents).drop_duplicates("number", keep="last").reset_index(drop=True)
        known_at = last_moment(frame, as_of)
        model = diagnoser.parts.recurrence
        # Only what the answers speak of: an extra column may hold personal data that nothing has masked.
        extra = [target for target in diagnoser.parts.routers if target in frame and target not in FIELDS]
        return cls(
            incidents=mask_incidents(frame, diagnoser.parts.redactor)[[*FIELDS, *extra]],
            answers=answers_of(diagnoser, frame, known_at),
            as_of=known_at,
            signature=tuple(model.signature_.fields) if model is not None else (),
            targets={target: router.precision for target, router in diagnoser.parts.routers.items()},
            learning=learning,
        )

    def take(self, numbers: pd.Index) -> HeldOut:
        """Return the rows of some numbers, in the order held."""
        rows = self.answers["number"].isin(numbers).to_numpy()
        return HeldOut(
            self.incidents[rows].reset_index(drop=True),
            self.answers[rows].reset_index(drop=True),
            self.as_of, self.signature, self.targets, self.learning,
        )  # fmt: skip

    def save(self, folder: Path) -> None:
        """Write into an empty folder."""
        self.incidents.to_parquet(folder / _INCIDENTS, index=False)
        self.answers.to_parquet(folder / _ANSWERS, index=False)
        about = {
            "as_of": "" if pd.isna(self.as_of) else self.as_of.isoformat(),
            "signature": list(self.signature),
            "targets": dict(self.targets),
            "learning": list(self.learning),
        }
        (folder / _ABOUT).write_text(json.dumps(about, ensure_ascii=False, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, release: Path) -> Self | None:
        """Read what a release keeps; None if it was trained without evaluation."""
        folder = release / EVALUATION
        if not (folder / _ABOUT).is_file():
            return None
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        return cls(
            incidents=as_frame(pd.read_parquet(folder / _INCIDENTS)),
            answers=pd.read_parquet(folder / _ANSWERS),
            as_of=pd.Timestamp(about["as_of"] or "NaT"),
            signature=tuple(about["signature"]),
            targets=about["targets"],
            learning=about["learning"],
        )


def answers_in(diagnoser: Diagnoser, folder: Path, incidents: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Return what a release answers to incidents, or answered before it learned from them; others are left out.

    Parameters
    ----------
    folder : Path
        Where the release lies: rows that it has learned from are answered by what it keeps of its evaluation model.
    incidents : DataFrame
        Canonical frame with the later fields known.
    as_of : Timestamp
        Up to when they are.
    """
    unseen = ~incidents["number"].isin(diagnoser.parts.history.frame()["number"]).to_numpy()
    kept = HeldOut.load(folder)
    known = [] if kept is None else [kept.answers[kept.answers["number"].isin(incidents["number"][~unseen])]]
    rows = incidents[unseen].reset_index(drop=True)
    said = [answers_of(diagnoser, rows, as_of)] if len(rows) else []
    parts = [*said, *known]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"number": []}, dtype="str")
