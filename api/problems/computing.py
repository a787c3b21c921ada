"""compute_problems: what the board shows, found in a history; in a process of its own where that takes seconds."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.problems import ProblemContext, ProblemReport, find_problems
from diagnosis.problems.fault_signature import problem_signature
from diagnosis.problems.history import ProblemHistory
from diagnosis.problems.index import ProblemIndex
from diagnosis.processes import in_own_process
from diagnosis.records import IncidentRecords
from diagnosis.recurrence import Signature
from diagnosis.times import format_utc
from training.fitting.as_of import as_known_at, last_moment

# Incidents from which a process of its own pays: it takes two seconds to start, and finding takes as long.
LARGE = 5_000


@dataclass(frozen=True)
class ComputedProblems:
    """Problems, when and how long their incidents were, and how new incidents are placed among them."""

    report: ProblemReport
    history: ProblemHistory
    index: ProblemIndex | None  # None where only fields joined


def compute_problems(
    records: IncidentRecords,
    signature: Signature | None,
    horizon: int,
    context: ProblemContext,
    is_stopping: Callable[[], bool],
    *,
    texts: bool = True,
    as_of: pd.Timestamp | None = None,
) -> ComputedProblems:
    """Return the problems of a history.

    Parameters
    ----------
    records : IncidentRecords
    signature : Signature or None
        What fields alone join by, or what recurrence was learned by (`problem_signature`); by default what the
        incidents support.
    horizon : int
        In days.
    context : ProblemContext
    is_stopping : callable
        Ends the computation once it is true.
    texts : bool, default True
        Whether texts join incidents too.
    as_of : Timestamp, optional
        By default the last moment of the history.

    Raises
    ------
    InputError
        If no incident has a date, or none belongs to a fault.
    InterruptedComputationError
        If it was stopped, or its process was killed.
    """
    if len(records) < LARGE:
        return _compute(records.frame(), signature, horizon, context, texts, as_of)
    with tempfile.TemporaryDirectory(prefix="faultwise-problems-") as folder:
        records.save(Path(folder))
        arguments = Path(folder), signature, horizon, context, texts, as_of
        return in_own_process(_read_and_compute, *arguments, is_stopping=is_stopping)


def moment_of(frame: pd.DataFrame) -> pd.Timestamp:
    """Return the last moment of a history.

    Raises
    ------
    InputError
        If no incident has a date.
    """
    moment = last_moment(frame)
    if pd.isna(moment):
        raise InputError(Phrase("problems_need_dates"))
    return moment


def _read_and_compute(
    folder: Path,
    signature: Signature | None,
    horizon: int,
    context: ProblemContext,
    texts: bool,
    as_of: pd.Timestamp | None,
) -> ComputedProblems:
    return _compute(IncidentRecords.load(folder).frame(), signature, horizon, context, texts, as_of)


def _compute(
    frame: pd.DataFrame,
    signature: Signature | None,
    horizon: int,
    context: ProblemContext,
    texts: bool,
    as_of: pd.Timestamp | None,
) -> ComputedProblems:
    if as_of is not None:
        frame = as_known_at(frame, format_utc(as_of))
    report = find_problems(
        frame,
        problem_signature(frame, signature) if texts or signature is None else signature,
        as_of=moment_of(frame) if as_of is None else as_of,
        horizon=horizon,
        texts=texts,
        context=context,
    )
    return ComputedProblems(report, ProblemHistory(frame, report), ProblemIndex(report) if texts else None)
