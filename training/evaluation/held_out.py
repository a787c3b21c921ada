"""HeldOut: the later incidents that a release was judged on, kept in it with the predictions of the judged model.

The predictions are those of a model of the same make that had not seen these incidents (the release itself has learned
from them since). A later release is compared on rows like these, pair by pair.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import pandas as pd

from diagnosis.arrays import Labels
from diagnosis.diagnoser import Diagnoser
from diagnosis.incident import FIELDS, IncidentBatch, as_frame
from diagnosis.redact.records import mask_incidents
from diagnosis.times import format_utc
from training.evaluation.predictions import Predictions, join_predictions, predict
from training.fitting.as_of import last_moment

EVALUATION = "evaluation"
_INCIDENTS, _DESCRIPTION = "incidents.parquet", "held_out.json"


@dataclass(frozen=True)
class HeldOut:
    """Incidents with their outcomes, and what was predicted of them without knowing these.

    Attributes
    ----------
    incidents : DataFrame
        Canonical frame, personal data masked, row by row that of the predictions.
    predictions : Predictions
    as_of : Timestamp
        Up to when the outcomes are known; NaT where nothing is dated.
    learning_curve : sequence of mapping
        ``target``, ``incidents`` learned from, ``accuracy`` on these rows.
    """

    incidents: pd.DataFrame
    predictions: Predictions
    as_of: pd.Timestamp
    learning_curve: Sequence[Mapping[str, float | str]] = field(default=())

    def __len__(self) -> int:
        return len(self.predictions)

    @classmethod
    def of(
        cls,
        diagnoser: Diagnoser,
        incidents: pd.DataFrame,
        as_of: str = "",
        learning_curve: Sequence[Mapping[str, float | str]] = (),
    ) -> Self:
        """Let a release that has not seen these incidents answer them.

        Raises
        ------
        InputError
            If there is no incident.
        """
        # One row a number: pairs are made by number.
        frame = as_frame(incidents).drop_duplicates("number", keep="last").reset_index(drop=True)
        known_at = last_moment(frame, as_of)
        # Only what the predictions speak of: an extra column may hold personal data that nothing has masked.
        extra = [target for target in diagnoser.parts.routers if target in frame and target not in FIELDS]
        return cls(
            incidents=mask_incidents(IncidentBatch.from_frame(frame), diagnoser.parts.redactor).frame[
                [*FIELDS, *extra]
            ],
            predictions=predict(diagnoser, frame, known_at),
            as_of=known_at,
            learning_curve=learning_curve,
        )

    def select(self, numbers: Sequence[str] | Labels) -> HeldOut:
        """Return the incidents of the given numbers, in the given order."""
        rows = pd.Index(self.incidents["number"]).get_indexer(pd.Index(numbers))
        incidents = self.incidents.iloc[rows].reset_index(drop=True)
        return replace(self, incidents=incidents, predictions=self.predictions.select(numbers))

    def save(self, folder: Path) -> None:
        """Write into an empty folder."""
        self.incidents.to_parquet(folder / _INCIDENTS, index=False)
        self.predictions.save(folder)
        description = {
            "as_of": "" if pd.isna(self.as_of) else format_utc(self.as_of),
            "learning_curve": list(self.learning_curve),
        }
        (folder / _DESCRIPTION).write_text(json.dumps(description, ensure_ascii=False, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, release: Path) -> Self | None:
        """Read what a release keeps; None if it was trained without evaluation."""
        folder = release / EVALUATION
        if not (folder / _DESCRIPTION).is_file():
            return None
        description = json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8"))
        return cls(
            incidents=as_frame(pd.read_parquet(folder / _INCIDENTS)),
            predictions=Predictions.load(folder),
            as_of=pd.Timestamp(description["as_of"] or "NaT"),
            learning_curve=description["learning_curve"],
        )


def honest_predictions(
    diagnoser: Diagnoser, folder: Path, incidents: pd.DataFrame, as_of: pd.Timestamp
) -> Predictions | None:
    """Return what a release predicts of incidents, or predicted before it learned from them.

    Parameters
    ----------
    folder : Path
        Where the release lies: rows that it has learned from have the predictions that it keeps of its evaluation
        model. Those that it has learned from and keeps nothing of are left out.
    incidents : DataFrame
        Canonical frame with the later fields known.
    as_of : Timestamp
        Up to when they are.

    Returns
    -------
    Predictions or None
        None if every row is left out.
    """
    unseen = ~incidents["number"].isin(diagnoser.parts.history.frame()["number"]).to_numpy()
    parts = []
    if unseen.any():
        parts.append(predict(diagnoser, incidents[unseen].reset_index(drop=True), as_of))
    if not unseen.all() and (held_out := HeldOut.load(folder)) is not None:
        recorded = held_out.predictions.take(
            pd.Series(held_out.predictions.number).isin(incidents["number"][~unseen]).to_numpy()
        )
        parts += [recorded] if len(recorded) else []
    return join_predictions(parts) if parts else None
