"""RecurrenceService: how often faults come back, and whether a fix has held."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import pandas as pd

from api.errors import NothingPublishedError
from api.recurrence.schemas import FixIn, FixOut, RateOut, RecurrenceRatesOut
from api.serving import Serving
from api.turns import Turns
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.recurrence import Signature, default_signature, fix_verdict, recurrence_rate
from diagnosis.recurrence.outcomes import definition
from diagnosis.times import format_utc
from training.fitting.as_of import last_moment

MOST_GROUPS = 100  # the largest, or the latest months


class RecurrenceService:
    """Rates and verdicts over every incident that the release in service knows.

    Parameters
    ----------
    serving : Serving
    """

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._turns = Turns()

    def signature(self) -> Signature | None:
        """Return the signature of the release in service; None where it has none, or no release is published."""
        try:
            model = self._serving.current.diagnoser.parts.recurrence
        except NothingPublishedError:
            return None
        return model.signature_ if model is not None else None

    def rates(
        self,
        fields: Sequence[str],
        horizons: Sequence[int],
        by: Sequence[str],
        origin: Literal["opened", "resolved"],
        target: float,
        as_of: datetime | None,
    ) -> RecurrenceRatesOut:
        """Return how often faults came back, of all incidents and by group.

        Parameters
        ----------
        fields : sequence of str
            The signature; empty takes the release's.
        horizons : sequence of int
            Days.
        by : sequence of str
            Fields to group by.
        origin : {"opened", "resolved"}
            Where the time starts.
        target : float
            Share to stay below.
        as_of : datetime or None
            When the outcomes were known; None takes the latest time there is.

        Raises
        ------
        InputError
            If no incident has a date.
        ComputingError
            If more wait for rates than a service can hold.
        """
        frame = self._frame()
        signature = self._signature(frame, fields)
        moment = _moment(frame, as_of)
        rates = []
        with self._turns.take():
            for part in (None, *dict.fromkeys(by)):
                table = recurrence_rate(frame, signature, horizons, as_of=moment, by=part, origin=origin, target=target)
                rates += [RateOut(by=part or "all", **row) for row in _rows(table, part)]
        return RecurrenceRatesOut(
            definition=str(definition(signature.fields, origin)),
            signature=list(signature.fields),
            origin=origin,
            as_of=format_utc(moment),
            rates=rates,
        )

    def fix(self, body: FixIn) -> FixOut:
        """Return whether a fault comes back less since a date.

        Raises
        ------
        InputError
            If there is no date of the fix, or no incident has a date.
        """
        if body.since is None:
            raise InputError(Phrase("fix_undated"))
        frame = self._frame()
        signature = Signature(tuple(body.signature))
        moment = _moment(frame, body.as_of)
        since = pd.Timestamp(body.since)
        verdict = fix_verdict(frame, signature, signature.key(body.signature), since, as_of=moment)
        return FixOut(**verdict.to_dict())

    def _frame(self) -> pd.DataFrame:
        return self._serving.current.diagnoser.parts.history.frame()

    def _signature(self, frame: pd.DataFrame, fields: Sequence[str]) -> Signature:
        if fields:
            return Signature(tuple(fields))
        model = self._serving.current.diagnoser.parts.recurrence
        return model.signature_ if model is not None else default_signature(frame)


def _moment(frame: pd.DataFrame, as_of: datetime | None) -> pd.Timestamp:
    if as_of is not None:
        return pd.Timestamp(as_of)
    latest = last_moment(frame)
    if pd.isna(latest):
        raise InputError(Phrase("recurrence_needs_dates"))
    return latest


def _rows(table: pd.DataFrame, by: str | None) -> list[dict[str, Any]]:
    groups = table["group"].drop_duplicates()
    largest = groups.tail(MOST_GROUPS) if by == "month" else groups.head(MOST_GROUPS)
    rows = table[table["group"].isin(largest)].to_dict("records")
    return [{str(name): _number(value) for name, value in row.items()} for row in rows]


def _number(value: Any) -> Any:  # noqa: ANN401 - any value of a column
    return None if isinstance(value, float) and pd.isna(value) else value
