"""HistoryPass: incidents that go through a diagnoser in order of time, each seeing those before it."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from diagnosis.diagnoser import Diagnoser, with_resolution
from diagnosis.findings import Diagnosis
from diagnosis.incident import as_frame, frame_as_logged
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
        by_time = as_frame(incidents).sort_values("opened_at", kind="stable", na_position="last", ignore_index=True)
        self._logged = frame_as_logged(by_time)
        masked = mask_incidents(by_time, diagnoser.parts.redactor)
        self._closing = assess_resolved(diagnoser.parts.recurrence, diagnoser.parts.state, masked, logged=False)

    def __len__(self) -> int:
        return len(self._logged)

    def skip_to(self, place: int) -> None:
        """Let the incidents before a place, a multiple of `CHUNK` or the end, join the history without a diagnosis."""
        while self.position < place:
            self._diagnoser.upsert_incidents(self._logged.iloc[self._next()])

    def diagnose_to(self, place: int) -> Iterator[Diagnosis]:
        """Yield the diagnoses of the incidents up to a place, a multiple of `CHUNK` or the end."""
        while self.position < place:
            rows = self._next()
            said = self._diagnoser.diagnose_batch(self._logged.iloc[rows], joining=True)
            for diagnosis, risk in zip(said, self._closing[rows], strict=True):
                yield with_resolution(diagnosis, risk)

    def _next(self) -> slice:
        start, self.position = self.position, min(self.position + CHUNK, len(self))
        return slice(start, self.position)
