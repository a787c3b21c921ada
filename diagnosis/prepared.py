"""PreparedIncidents: a batch as the parts that learn see it, after redaction, cleaning and encoding."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.errors import InputError
from diagnosis.incident import CODED_FIELDS

Vectors = npt.NDArray[np.float32]
WORDS = ("number", "short_description", *CODED_FIELDS)


@dataclass(frozen=True, slots=True)
class PreparedIncidents:
    """A batch of incidents, aligned row by row.

    Attributes
    ----------
    frame : DataFrame, shape (n, ...)
        Canonical incident frame (`diagnosis.incident.as_frame`), as logged, personal data masked.
    text : list of str, length n
        Short description and description, cleaned of boilerplate, one string an incident; ``""`` if there is none.
    vectors : ndarray of float32, shape (n, n_dimensions)
        Unit rows from the encoder; a zero row where the text is empty.
    """

    frame: pd.DataFrame
    text: list[str]
    vectors: Vectors
    # A cell of a frame costs microseconds, and many parts read the same ones: read them once.
    _incidents: dict[int, dict[str, str]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not len(self.frame) == len(self.text) == len(self.vectors):
            raise InputError(
                f"a prepared batch needs as many rows as texts and vectors; found {len(self.frame)} rows, "
                f"{len(self.text)} texts, {len(self.vectors)} vectors"
            )

    def __len__(self) -> int:
        return len(self.text)

    def incident(self, row: int) -> dict[str, str]:
        """Return the words and codes that one incident was logged with, by field."""
        if row not in self._incidents:
            self._incidents[row] = {name: self.frame[name].array[row] for name in WORDS}
        return self._incidents[row]

    def take(self, rows: npt.NDArray[np.intp]) -> PreparedIncidents:
        """Return the given rows, in the given order, as a batch of their own."""
        return PreparedIncidents(
            self.frame.iloc[rows].reset_index(drop=True), [self.text[i] for i in rows], self.vectors[rows]
        )
