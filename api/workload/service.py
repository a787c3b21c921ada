"""WorkloadService: the workload forecast of the service's incidents, made anew as time passes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from api.errors import NothingPublishedError
from api.serving import Serving
from api.turns import Turns
from diagnosis.incident import IncidentBatch
from diagnosis.processes import in_own_process
from diagnosis.store import Store
from diagnosis.times import utc_now
from diagnosis.workload import WorkloadForecast, forecast_workload
from diagnosis.workload.report import HORIZON

FRESH = 600.0  # seconds for which a forecast is shown
LARGE = 20_000  # incidents from which a process of its own pays: it takes two seconds to start
_FIELDS = ("number", "assignment_group", "state", "opened_at", "resolved_at", "closed_at", "reopened_at")


class WorkloadService:
    """Forecasts what each group will get and close.

    Parameters
    ----------
    store : Store
        Its incidents count, and are what is open.
    serving : Serving
        The release in service remembers the incidents from before, if there is one.
    holidays : str
        Country whose holidays are known; empty for none.
    zone : str
        Of the days.
    """

    def __init__(self, store: Store, serving: Serving, holidays: str, zone: str) -> None:
        self._store = store
        self._serving = serving
        self._holidays = holidays
        self._zone = zone
        self._turns = Turns()
        self._made: dict[int, tuple[float, WorkloadForecast]] = {}

    def forecast(self, horizon: int = HORIZON) -> WorkloadForecast:
        """Return the forecast for so many days, at most `FRESH` seconds old.

        Raises
        ------
        InputError
            If no incident has a date.
        ComputingError
            If more wait for forecasts than a service can hold.
        """
        if (made := self._fresh(horizon)) is not None:
            return made
        with self._turns.take():
            if (made := self._fresh(horizon)) is not None:  # made for who asked for the same before
                return made
            incidents = self._incidents()
            arguments = incidents, utc_now(), horizon, self._holidays, self._zone
            forecast = in_own_process(_forecast, *arguments) if len(incidents) >= LARGE else _forecast(*arguments)
            self._made = {**self._made, horizon: (time.monotonic(), forecast)}
            return forecast

    def _fresh(self, horizon: int) -> WorkloadForecast | None:
        made = self._made.get(horizon)
        return None if made is None or time.monotonic() - made[0] > FRESH else made[1]

    def _incidents(self) -> IncidentBatch:
        """Return the store's incidents, and those that the release knows besides.

        What the release alone knows as open was so when it learned: only a store without incidents takes it for open.
        """
        stored = self._store.clocks.courses()
        numbers = {row["number"] for row in stored}
        return IncidentBatch.from_rows([*stored, *self._remembered(numbers)])

    def _remembered(self, numbers: set[str]) -> Sequence[dict[str, Any]]:
        try:
            frame = self._serving.current.diagnoser.parts.history.frame()
        except NothingPublishedError:
            return []
        only_here = frame.loc[~frame["number"].isin(numbers), list(_FIELDS)]
        rows = [
            {name: None if pd.isna(value) else value for name, value in zip(_FIELDS, row, strict=True)}
            for row in only_here.itertuples(index=False)
        ]
        if numbers:
            for row in rows:
                if row["resolved_at"] is None and row["closed_at"] is None:
                    row["state"] = "Closed"
        return rows


def _forecast(incidents: IncidentBatch, moment: datetime, horizon: int, holidays: str, zone: str) -> WorkloadForecast:
    return forecast_workload(incidents, moment, horizon, holidays=holidays, zone=zone)
