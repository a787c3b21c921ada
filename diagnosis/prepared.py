"""PreparedIncidents: a batch as the parts that learn see it, after redaction, cleaning and encoding."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.errors import InputError
from diagnosis.incident import CODED_FIELDS, Incident, as_frame

Vectors = npt.NDArray[np.float32]
WORDS = ("number", "short_description", *CODED_FIELDS)


class PreparedIncidents:
    """A batch of incidents, aligned row by row.

    Parameters
    ----------
    incidents : DataFrame of shape (n, ...), or sequence of Incident
        A canonical incident frame (`diagnosis.incident.as_frame`) or the incidents themselves, as logged, personal
        data masked. A frame of a few rows costs more than to diagnose them: it is made when a part asks for columns.
    text : list of str, length n
        Short description and description, cleaned of boilerplate, one string an incident; ``""`` if there is none.
    vectors : ndarray of float32, shape (n, n_dimensions)
        Unit rows from the encoder; a zero row where the text is empty.
    general : ndarray of float32, shape (n, n_general_dimensions), optional
        The same from the general encoder, where the release has one; without it no dimension.
    """

    __slots__ = ("_frame", "_incidents", "_rows", "general", "text", "vectors")

    def __init__(
        self,
        incidents: pd.DataFrame | Sequence[Incident],
        text: list[str],
        vectors: Vectors,
        general: Vectors | None = None,
    ) -> None:
        self.general = np.zeros((len(text), 0), dtype=np.float32) if general is None else general
        if not len(incidents) == len(text) == len(vectors) == len(self.general):
            raise InputError(
                f"a prepared batch needs as many rows as texts and vectors; found {len(incidents)} rows, "
                f"{len(text)} texts, {len(vectors)} vectors, {len(self.general)} general ones"
            )
        self._frame = incidents if isinstance(incidents, pd.DataFrame) else None
        self._rows = () if isinstance(incidents, pd.DataFrame) else incidents
        self.text = text
        self.vectors = vectors
        # A cell of a frame costs microseconds, and many parts read the same ones: read them once.
        self._incidents: dict[int, dict[str, str]] = {}

    def __len__(self) -> int:
        return len(self.text)

    @property
    def frame(self) -> pd.DataFrame:
        """The canonical incident frame, shape (n, ...)."""
        if self._frame is None:
            self._frame = as_frame(self._rows)
        return self._frame

    def incident(self, row: int) -> dict[str, str]:
        """Return the words and codes that one incident was logged with, by field."""
        if row not in self._incidents:
            if self._rows:
                self._incidents[row] = {name: getattr(self._rows[row], name) or "" for name in WORDS}
            else:
                self._incidents[row] = {name: self.frame[name].array[row] for name in WORDS}
        return self._incidents[row]

    def opened_at(self, row: int) -> datetime | None:
        """Return when one incident was opened, in UTC; without a zone it is taken as UTC."""
        moment = self._rows[row].opened_at if self._rows else self.frame["opened_at"].array[row]
        if moment is None or moment is pd.NaT:
            return None
        moment = moment.to_pydatetime() if isinstance(moment, pd.Timestamp) else moment
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

    def with_general(self, general: Vectors) -> PreparedIncidents:
        """Return the same batch with the vectors of a general encoder."""
        return PreparedIncidents(self.frame, self.text, self.vectors, general)

    def take(self, rows: npt.NDArray[np.intp]) -> PreparedIncidents:
        """Return the given rows, in the given order, as a batch of their own."""
        return PreparedIncidents(
            self.frame.iloc[rows].reset_index(drop=True),
            [self.text[i] for i in rows],
            self.vectors[rows],
            self.general[rows],
        )
