"""PreparedIncidents: a batch as the parts that learn see it, after redaction, cleaning and encoding."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.arrays import Vectors
from diagnosis.errors import InputError
from diagnosis.incident import Incident, IncidentBatch
from diagnosis.text.person_names import NOBODY, KnownPeople


class PreparedIncidents:
    """A batch of incidents, aligned row by row: made once, then diagnosed, stored and taken into the history.

    Parameters
    ----------
    incidents : IncidentBatch, DataFrame of shape (n, ...), or sequence of Incident
        The incidents as logged, personal data masked.
    text : list of str, length n
        Short description and description, cleaned of boilerplate, one string an incident; ``""`` if there is none.
    vectors : ndarray of float32, shape (n, n_dimensions)
        Unit rows from the encoder; a zero row where the text is empty.
    general : ndarray of float32, shape (n, n_general_dimensions), optional
        The same from the general encoder, where the release has one; without it no dimension.
    cleaned : IncidentBatch, optional
        The incidents with short description and description cleaned, as the search index holds them.
    reported : IncidentBatch, optional
        The incidents with everything reported of them, later fields too; personal data masked.
    people : KnownPeople, optional
        Whom the history names, so that no reason rests on a name.

    Attributes
    ----------
    incidents, cleaned, reported : IncidentBatch
        ``cleaned`` and ``reported`` are ``incidents`` where they are not given.
    """

    __slots__ = ("cleaned", "general", "incidents", "people", "reported", "text", "vectors")

    def __init__(
        self,
        incidents: IncidentBatch | pd.DataFrame | Sequence[Incident],
        text: list[str],
        vectors: Vectors,
        general: Vectors | None = None,
        *,
        cleaned: IncidentBatch | None = None,
        reported: IncidentBatch | None = None,
        people: KnownPeople = NOBODY,
    ) -> None:
        self.incidents = IncidentBatch.of(incidents)
        self.cleaned = self.incidents if cleaned is None else cleaned
        self.reported = self.incidents if reported is None else reported
        self.general = np.zeros((len(text), 0), dtype=np.float32) if general is None else general
        if not len(self.incidents) == len(text) == len(vectors) == len(self.general):
            raise InputError(
                f"a prepared batch needs as many rows as texts and vectors; found {len(self.incidents)} rows, "
                f"{len(text)} texts, {len(vectors)} vectors, {len(self.general)} general ones"
            )
        self.text = text
        self.vectors = vectors
        self.people = people

    def __len__(self) -> int:
        return len(self.text)

    @property
    def frame(self) -> pd.DataFrame:
        """The canonical incident frame, shape (n, ...); made when it is first asked for."""
        return self.incidents.frame

    def column(self, name: str) -> list[Any]:
        """Return one field of every incident."""
        return self.incidents.column(name)

    def incident(self, row: int) -> dict[str, Any]:
        """Return the fields that one incident was logged with, by name."""
        return self.incidents.row(row)

    def opened_at(self, row: int) -> datetime | None:
        """Return when one incident was opened, in UTC."""
        opened_at: datetime | None = self.incidents.column("opened_at")[row]
        return opened_at

    def with_general(self, general: Vectors) -> PreparedIncidents:
        """Return the same batch with the vectors of a general encoder."""
        return PreparedIncidents(
            self.incidents,
            self.text,
            self.vectors,
            general,
            cleaned=self.cleaned,
            reported=self.reported,
            people=self.people,
        )

    def take(self, rows: Sequence[int] | npt.NDArray[np.intp]) -> PreparedIncidents:
        """Return the given rows, in the given order, as a batch of their own."""
        places = np.asarray(rows, dtype=np.intp)
        incidents = self.incidents.take(places)
        return PreparedIncidents(
            incidents,
            [self.text[i] for i in places.tolist()],
            self.vectors[places],
            self.general[places],
            cleaned=incidents if self.cleaned is self.incidents else self.cleaned.take(places),
            reported=incidents if self.reported is self.incidents else self.reported.take(places),
            people=self.people,
        )

    @classmethod
    def concatenate(cls, batches: Sequence[PreparedIncidents]) -> PreparedIncidents:
        """Return batches one after another as one."""
        if len(batches) == 1:
            return batches[0]
        return cls(
            IncidentBatch.concatenate([batch.incidents for batch in batches]),
            [text for batch in batches for text in batch.text],
            np.concatenate([batch.vectors for batch in batches]),
            np.concatenate([batch.general for batch in batches]),
            cleaned=IncidentBatch.concatenate([batch.cleaned for batch in batches]),
            reported=IncidentBatch.concatenate([batch.reported for batch in batches]),
            people=batches[0].people,
        )
