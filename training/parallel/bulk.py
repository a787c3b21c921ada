"""Bulk diagnosis in pieces, side by side, as if the incidents had come one after the other.

Each process has a diagnoser of its own and lets the incidents of the pieces that others were given join its history,
which takes a twentieth of the time of a diagnosis.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.problems.index import ProblemIndex
from diagnosis.sequential import CHUNK, HistoryPass
from training.parallel.workers import Workers


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some rows of the incidents in a file, in order of time."""

    release: Path
    incidents: Path
    sha256: str
    start: int
    stop: int


def diagnose_in_pieces(release: Path, incidents: pd.DataFrame, workers: Workers, folder: Path) -> Iterator[str]:
    """Yield the diagnosis of each incident as a line of JSON, in order of ``opened_at``.

    Parameters
    ----------
    release : Path
        Read by every process, under the same path on each machine.
    incidents : DataFrame
        Canonical. Each sees the release's incidents and the earlier ones here, as they were logged.
    workers : Workers
    folder : Path
        Where the incidents lie for the processes while they work, also under the same path.

    Raises
    ------
    ReleaseError
        If the release is missing, altered or of a foreign version.
    """
    with TemporaryDirectory(dir=folder, prefix=".faultwise-") as scratch:
        file = Path(scratch).resolve() / "incidents.pickle"
        incidents.to_pickle(file)
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        pieces = [
            _Piece(release.resolve(), file, sha256, start, min(start + CHUNK, len(incidents)))
            for start in range(0, len(incidents), CHUNK)
        ]
        try:
            for lines in workers.stream(_lines, pieces):
                yield from lines
        finally:
            _sequence.cache_clear()  # what this process has diagnosed itself; others end with the work


def _lines(piece: _Piece) -> list[str]:
    sequence = _sequence(piece.release, piece.incidents, piece.sha256)
    if sequence.position > piece.start:  # given out again, after another process was lost
        _sequence.cache_clear()
        sequence = _sequence(piece.release, piece.incidents, piece.sha256)
    sequence.skip_to(piece.start)
    return [json.dumps(diagnosis.to_dict(), ensure_ascii=False) for diagnosis in sequence.diagnose_to(piece.stop)]


@lru_cache(maxsize=1)
def _sequence(release: Path, incidents: Path, sha256: str) -> HistoryPass:
    """Return the incidents' way through a diagnoser of this process, as far as it has come."""
    content = incidents.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise InputError(Phrase("incidents_rewritten", {"path": str(incidents)}))
    diagnoser = Diagnoser.load(release)
    parts = diagnoser.parts
    signature = None if parts.recurrence is None else parts.recurrence.signature_
    parts.problems = ProblemIndex.of_history(parts.history.frame(), signature)
    return HistoryPass(diagnoser, pickle.loads(content))  # noqa: S301 - its hash was checked
