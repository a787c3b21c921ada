"""ProblemService: the chronic faults of every incident that the release in service knows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from api.problems.schemas import ProblemOut, ProblemsOut
from api.serving import Serving
from diagnosis.errors import InputError
from diagnosis.problems import find_problems
from diagnosis.recurrence import Signature, default_signature
from diagnosis.times import format_utc
from training.fitting.as_of import last_moment

MOST_NUMBERS = 100  # of the incidents of one problem


class ProblemService:
    """Problems over the history of the release in service.

    Parameters
    ----------
    serving : Serving
    """

    def __init__(self, serving: Serving) -> None:
        self._serving = serving

    def problems(self, fields: Sequence[str], horizon: int, top: int, as_of: datetime | None) -> ProblemsOut:
        """Return the problems worth most to prevent.

        Parameters
        ----------
        fields : sequence of str
            The signature; empty takes the release's.
        horizon : int
            Days.
        top : int
            How many.
        as_of : datetime or None
            When the history is looked at; None takes the latest time there is.

        Raises
        ------
        InputError
            If no incident has a date, or none has the signature.
        """
        parts = self._serving.current.diagnoser.parts
        frame = parts.history.frame()
        moment = last_moment(frame) if as_of is None else pd.Timestamp(as_of)
        if pd.isna(moment):
            raise InputError("problems need opened_at; no incident has a date")
        if fields:
            signature = Signature(tuple(fields))
        else:
            signature = default_signature(frame) if parts.recurrence is None else parts.recurrence.signature_
        report = find_problems(frame, signature, as_of=moment, horizon=horizon)
        return ProblemsOut(
            as_of=format_utc(moment),
            horizon_days=horizon,
            signature=list(signature.fields),
            incidents=report.incidents,
            without_signature=report.without_signature,
            problems=[
                ProblemOut(**{**problem.to_dict(), "numbers": list(problem.numbers[:MOST_NUMBERS])})
                for problem in report.problems[:top]
            ],
        )
