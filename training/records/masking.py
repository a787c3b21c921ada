"""Incidents are masked on their way in; of columns of their own it is noted where masking makes values alike."""

from __future__ import annotations

import pandas as pd

from diagnosis.incident import FIELDS, IncidentBatch
from diagnosis.phrases import Phrase
from diagnosis.redact import ALL_KINDS, Redactor
from diagnosis.redact.records import mask_incidents

MASKS = tuple(f"<{kind}>" for kind in sorted(ALL_KINDS))


class IncidentMask:
    """Masks incidents, frame by frame, and remembers which columns lost the difference between their values.

    A field of the import format keeps equal values equal and others apart (`diagnosis.redact.records.mask_incident`); a
    column of the organisation's own becomes its mask, and no target can be learned from masks that are all alike.

    Parameters
    ----------
    redactor : Redactor
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._first: dict[tuple[str, str], str] = {}
        self._alike: set[tuple[str, str]] = set()

    def __call__(self, incidents: pd.DataFrame) -> pd.DataFrame:
        """Return a canonical frame without personal data."""
        masked = mask_incidents(IncidentBatch.from_frame(incidents), self._redactor).frame
        for name in (str(column) for column in masked.columns if column not in FIELDS and column in incidents):
            self._compare(name, incidents[name], masked[name])
        return masked

    def _compare(self, name: str, values: pd.Series, masked: pd.Series) -> None:
        is_mask = masked.isin(MASKS).to_numpy()
        for value, mask in zip(values[is_mask].astype(str), masked.to_numpy()[is_mask], strict=True):
            if self._first.setdefault((name, mask), value) != value:
                self._alike.add((name, mask))

    @property
    def notes(self) -> tuple[Phrase, ...]:
        """Which columns have different values that became one, and which."""
        return tuple(
            Phrase("values_masked_alike", {"column": name, "mask": mask}) for name, mask in sorted(self._alike)
        )
