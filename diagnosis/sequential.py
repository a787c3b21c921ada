"""HistoryPass: incidents that go through a diagnoser in order of time, each seeing those before it."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from diagnosis.diagnoser import Diagnoser, with_resolution
from diagnosis.findings import Diagnosis
from diagnosis.incident import IncidentBatch, as_frame
from diagnosis.prepared import PreparedIncidents
from diagnosis.recurrence.assessment import assess_resolved
from diagnosis.redact.records import mask_incidents

CHUNK = 64  # incidents that are diagnosed, and join the history, together


class HistoryPass:
    """Incidents on their way through a diagnoser, in order of ``opened_at``, each seeing the earlier ones as logged.

    They join its history as they pass, so it must be a diagnoser of their own.

    Parameters
    ----------
    diagnoser : Diagnoser
    incidents : DataFrame
        With what became of them, for the risk from the resolution on; nothing else looks at it.

    Attributes
    ----------
    position : int
        How many have joined the history.
    """

    def __init__(self, diagnoser: Diagnoser, incidents: pd.DataFrame) -> None:
        self.position = 0
        self._diagnoser = diagnoser
        parts = diagnoser.parts
        by_time = as_frame(incidents).sort_values("opened_at", kind="stable", na_position="last", ignore_index=True)
        masked = mask_incidents(IncidentBatch.from_frame(by_time), parts.redactor)
        self._risks_at_resolution = assess_resolved(parts.recurrence, parts.state, masked, logged=False)
        self._masked = masked.as_logged()

    def __len__(self) -> int:
        return len(self._masked)

    def skip_to(self, row: int) -> None:
        """Let the incidents before a row, a multiple of `CHUNK` or the end, join the history without a diagnosis."""
        while self.position < row:
            self._diagnoser.upsert_incidents(self._prepare(self._advance()))

    def diagnose_to(self, row: int) -> Iterator[Diagnosis]:
        """Yield the diagnoses of the incidents up to a row, a multiple of `CHUNK` or the end."""
        while self.position < row:
            rows = self._advance()
            diagnoses = self._diagnoser.diagnose_batch(self._prepare(rows), joining=True)
            for diagnosis, risk in zip(diagnoses, self._risks_at_resolution[rows], strict=True):
                yield with_resolution(diagnosis, risk)

    def _advance(self) -> slice:
        start, self.position = self.position, min(self.position + CHUNK, len(self))
        return slice(start, self.position)

    def _prepare(self, rows: slice) -> PreparedIncidents:
        return self._diagnoser.parts.prepare(self._masked[rows])
