"""Reading records: incidents and knowledge articles from the files that ITSM systems export.

`read_incidents` and `read_knowledge` stream canonical frames; `load_incidents` and `load_knowledge` hold them as one.
The formats, the presets and what is rejected are described in ``docs/import.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Unpack

import pandas as pd

from training.records.columns import INCIDENTS, KNOWLEDGE, PRESETS
from training.records.stream import ImportCounts, ImportOptions, Paths, RecordStream

__all__ = [
    "PRESETS",
    "ImportCounts",
    "ImportOptions",
    "LoadedIncidents",
    "LoadedKnowledge",
    "RecordStream",
    "load_incidents",
    "load_knowledge",
    "read_incidents",
    "read_knowledge",
]


@dataclass(frozen=True, slots=True)
class LoadedIncidents:
    """A canonical incident frame (`diagnosis.incident.as_frame`) and the counts of its import."""

    frame: pd.DataFrame
    counts: ImportCounts


@dataclass(frozen=True, slots=True)
class LoadedKnowledge:
    """A canonical knowledge frame (`diagnosis.knowledge.as_knowledge_frame`) and the counts of its import."""

    frame: pd.DataFrame
    counts: ImportCounts


def read_incidents(paths: Paths, **options: Unpack[ImportOptions]) -> RecordStream:
    """Stream incidents from CSV, JSON Lines, JSON, Parquet or XLSX files, text formats also as ``.gz``.

    Parameters
    ----------
    paths : path or iterable of paths
        The ending of the name tells the format.
    **options
        See `ImportOptions`.

    Returns
    -------
    RecordStream
        Iterator of canonical frames of at most ``chunk_rows`` rows; its ``counts`` are complete when it is exhausted.

    Raises
    ------
    InputError
        If a file is missing, empty or of an unknown format, or its header lacks a required column.
    """
    return RecordStream(INCIDENTS, paths, **options)


def load_incidents(paths: Paths, **options: Unpack[ImportOptions]) -> LoadedIncidents:
    """Read incidents from files into one frame; parameters and errors are those of `read_incidents`."""
    stream = read_incidents(paths, **options)
    return LoadedIncidents(_joined(stream), stream.counts)


def read_knowledge(paths: Paths, **options: Unpack[ImportOptions]) -> RecordStream:
    """Stream knowledge articles from files; parameters and errors are those of `read_incidents`."""
    return RecordStream(KNOWLEDGE, paths, **options)


def load_knowledge(paths: Paths, **options: Unpack[ImportOptions]) -> LoadedKnowledge:
    """Read knowledge articles from files into one frame; parameters and errors are those of `read_incidents`."""
    stream = read_knowledge(paths, **options)
    return LoadedKnowledge(_joined(stream), stream.counts)


def _joined(stream: RecordStream) -> pd.DataFrame:
    """Return all chunks as one frame; an extra column that some of them lack is empty there."""
    chunks = list(stream) or [stream.kind.canonical(pd.DataFrame({"number": pd.Series(dtype="str")}))]
    frame = pd.concat(chunks, ignore_index=True)
    lacking = [name for name in frame.columns if frame[name].dtype == "str" and frame[name].hasnans]
    return frame.fillna(dict.fromkeys(lacking, "")) if lacking else frame
