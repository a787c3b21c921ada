"""PreparedIncidents: a batch as the parts that learn see it, after redaction, cleaning and encoding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.errors import InputError

Vectors = npt.NDArray[np.float32]


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

    def __post_init__(self) -> None:
        if not len(self.frame) == len(self.text) == len(self.vectors):
            raise InputError(
                f"a prepared batch needs as many rows as texts and vectors; found {len(self.frame)} rows, "
                f"{len(self.text)} texts, {len(self.vectors)} vectors"
            )

    def __len__(self) -> int:
        return len(self.text)

    def take(self, rows: npt.NDArray[np.intp]) -> PreparedIncidents:
        """Return the given rows, in the given order, as a batch of their own."""
        return PreparedIncidents(
            self.frame.iloc[rows].reset_index(drop=True), [self.text[i] for i in rows], self.vectors[rows]
        )
