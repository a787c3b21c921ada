"""ServiceLevelService: the clocks of open incidents, read again each minute, and announced once each."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from api.errors import NothingPublishedError
from api.service_levels.rules import read_table
from api.service_levels.schemas import CountsOut, OpenClockOut, ServiceLevelsOut, Standing
from api.serving import Serving
from api.turns import SharedComputation
from api.webhooks.events import Events, EventType
from diagnosis.background import BackgroundLoop
from diagnosis.incident import IncidentBatch
from diagnosis.service_levels import ServiceLevelModel, ServiceLevelRules, rules_for
from diagnosis.service_levels.queue import OpenClock, describe_first, open_clocks, take_first, with_missed
from diagnosis.store import Store
from diagnosis.times import format_utc, utc_now

_STALE = 90.0  # seconds after which a reading is made anew for who asks; the background makes one each minute
_LATELY = timedelta(hours=12)  # what was missed longer ago is written down and not announced any more
_EVENTS: Mapping[str, EventType] = {"at_risk": "service_level.at_risk", "missed": "service_level.missed"}


@dataclass(frozen=True)
class ClockReading:
    """The clocks of all open incidents at a moment, in the order in which to look at them, and what is promised."""

    at: datetime
    clocks: Sequence[OpenClock]
    by_number: Mapping[str, Sequence[OpenClock]] = field(default_factory=dict)
    rules: Sequence[str] = ()


class ServiceLevelService:
    """What is late, what is at risk, and what to take first.

    Parameters
    ----------
    store : Store
    serving : Serving
        Its release says what is promised and how likely a clock is missed.
    events : Events
    rules : Path or None
        A TOML file with ``[service_levels]``, which holds without a release too.
    seconds : float
        How often all clocks are read in the background.
    """

    def __init__(self, store: Store, serving: Serving, events: Events, rules: Path | None, seconds: float) -> None:
        self._store = store
        self._serving = serving
        self._events = events
        self._table = read_table(rules) or {}
        self._loop = BackgroundLoop("service levels", self.watch, seconds)
        self._shared = SharedComputation(self._read)
        self._reading: tuple[float, ClockReading] | None = None

    def start(self) -> None:
        """Begin to read the clocks."""
        self._loop.start()

    def stop(self) -> None:
        """End that."""
        self._loop.stop()

    def watch(self) -> None:
        """Read all clocks, and announce those that are at risk or missed and were not announced."""
        reading = self._shared.result()
        due = [c for c in reading.clocks if c.standing in _EVENTS]
        by_key: dict[tuple[str, str, str], OpenClock] = {(c.number, c.clock, c.standing): c for c in due}
        with self._store.transaction():
            for key in self._store.clocks.announce(by_key):
                clock = by_key[key]
                if clock.standing == "at_risk" or reading.at - clock.due_at < _LATELY:
                    self._events.emit(_EVENTS[clock.standing], [(f"{clock.number}:{clock.clock}", _event(clock))])

    def reading(self) -> ClockReading:
        """Return the clocks as they were at most a minute ago."""
        last = self._reading
        if last is None or time.monotonic() - last[0] > _STALE:
            return self._shared.result()
        return last[1]

    def of(self, number: str) -> Sequence[OpenClock]:
        """Return the open clocks of one incident as they are now."""
        record = self._store.incidents.find([number]).get(number)
        return [] if record is None else self.of_records({number: record.body}).get(number, [])

    def incidents_of_period(self, opened_from: datetime, ended_from: datetime) -> list[dict[str, Any]]:
        """Return the incidents that were opened or that ended since these days, that are open, or were reopened."""
        return self._store.clocks.of_period(opened_from, ended_from)

    def of_records(self, bodies: Mapping[str, Mapping[str, Any]]) -> dict[str, list[OpenClock]]:
        """Return the open clocks of incidents, given as their fields by number, as they are now."""
        if not bodies:
            return {}
        return _by_number(self._clocks([{**body, "number": name} for name, body in bodies.items()], utc_now()))

    def listed(self, standing: Sequence[Standing], assignment_group: str = "", limit: int = 200) -> ServiceLevelsOut:
        """Return the clocks that stand so, of one group or of all."""
        reading = self.reading()
        of_group = [c for c in reading.clocks if assignment_group in ("", c.assignment_group)]
        counts, first = Counter(c.standing for c in of_group), take_first(of_group)
        selected = [c for c in of_group if c.standing in standing][:limit]
        return ServiceLevelsOut(
            as_of=format_utc(reading.at, timespec="seconds"),
            counts=CountsOut(**{name: counts[name] for name in ("at_risk", "missed", "running", "paused")}),
            **describe_first(first),
            rules=list(reading.rules),
            items=[OpenClockOut(**c.to_dict()) for c in selected],
        )

    def _read(self) -> ClockReading:
        moment = utc_now()
        clocks, rules = self._clocks(self._store.clocks.waiting(), moment), self._rules_of(self._model()).rules
        reading = ClockReading(moment, clocks, _by_number(clocks), [rule.describe() for rule in rules])
        self._reading = (time.monotonic(), reading)
        return reading

    def _clocks(self, bodies: Sequence[Mapping[str, Any]], moment: datetime) -> list[OpenClock]:
        incidents, model = IncidentBatch.from_rows(bodies), self._model()
        clocks = open_clocks(incidents, moment, self._rules_of(model), model)
        overdue = {clock.number for clock in clocks if clock.standing == "paused" and clock.hours_left < 0}
        return with_missed(clocks, self._store.clocks.missed(overdue)) if overdue else clocks

    def _rules_of(self, model: ServiceLevelModel | None) -> ServiceLevelRules:
        """Return the model's rules; without one by the priorities of all that is stored, not of who waits just now."""
        if model is not None:
            return model.rules_
        return rules_for(self._table, self._store.clocks.priorities() if self._table.get("rules") is None else ())

    def _model(self) -> ServiceLevelModel | None:
        try:
            return self._serving.current.diagnoser.parts.service_levels
        except NothingPublishedError:
            return None

    def rules(self) -> ServiceLevelRules | Mapping[str, Any]:
        """Return what is promised: the settings' rules, else the release's; without a release the settings' table."""
        model = self._model()
        return self._table if model is None else model.rules_


def _by_number(clocks: Sequence[OpenClock]) -> dict[str, list[OpenClock]]:
    by_number: dict[str, list[OpenClock]] = {}
    for clock in clocks:
        by_number.setdefault(clock.number, []).append(clock)
    return by_number


def _event(clock: OpenClock) -> dict[str, Any]:
    values = clock.to_dict()
    names = ("clock", "due_at", "hours_left", "probability_missed", "assignment_group", "priority")
    return {"incident": clock.number, **{name: values[name] for name in names}}
