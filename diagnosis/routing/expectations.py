"""What calibration incidents nearly always had: without it, what was proven on them does not speak of an incident."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from diagnosis.phrases import Phrase
from diagnosis.prepared import PreparedIncidents

NEARLY_ALWAYS = 0.95


@dataclass(frozen=True, slots=True)
class Expectations:
    """Fields, and perhaps a text and its general vector, that at least 95 % of the calibration incidents had."""

    fields: tuple[str, ...] = ()
    text: bool = False
    vector: bool = False

    @classmethod
    def of(cls, prepared: PreparedIncidents, fields: Sequence[str]) -> Self:
        """Learn them from calibration incidents."""
        if not len(prepared):
            return cls()
        usual = tuple(name for name in fields if (prepared.frame[name] != "").mean() >= NEARLY_ALWAYS)
        told = np.array([bool(text.strip()) for text in prepared.text])
        return cls(usual, bool(told.mean() >= NEARLY_ALWAYS), prepared.general.shape[1] > 0)

    def missing(self, prepared: PreparedIncidents, row: int) -> Phrase | None:
        """Return what one incident lacks, as a reason; None if nothing."""
        absent = ["text"] if self.text and not prepared.text[row].strip() else []
        absent += ["the general encoder's vector"] if self.vector and not prepared.general.shape[1] else []
        absent += [name for name in self.fields if prepared.incident(row)[name] == ""]
        if not absent:
            return None
        return Phrase("lacks_expected_fields", {"fields": tuple(absent)})
