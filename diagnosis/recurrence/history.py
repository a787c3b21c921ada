"""HistoryState: what the desk has seen so far, and what that says of the next incident.

One pass in order of time: an incident is described from what is held, and then added. Nothing that happens after an
incident was logged can therefore reach its features, and training, batch and service run the same lines. Only fields
known at logging are read, so an earlier incident counts the same whether or not its outcome is known yet.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.recurrence.outcomes import days_of
from diagnosis.recurrence.signature import Signature

WINDOWS = (1, 3, 7, 14, 30, 90)  # days
SETTLING = (3.0, 7.0)  # days after which an earlier incident tells whether its fault came back at once
SMOOTHING = 5.0  # incidents at the desk's own rate that a key starts with: one seen twice proves little
LONG_AGO = 90.0  # days: what was never seen before counts as last seen then
SOON = 0.02  # days, about half an hour: below this, "since" does not matter
OF_KEY = (*(f"last {days} days" for days in WINDOWS), "rate", "since", "recurred soon", "recurred", "settled",
          "gap", "gap spread")  # fmt: skip
OF_DESK = ("last day", "a day", "recurred", "hour sine", "hour cosine", "weekend", "kinds of caller", "share of caller")
# Fields whose own history tells of a fault. Who typed it in, and fields with a handful of values, tell of the desk.
HISTORY_FIELDS = ("caller", "service", "cmdb_ci", "symptom", "category", "subcategory", "location")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Floats = npt.NDArray[np.float64]


class _Past:
    """Incidents seen under one value of one field: when, how far apart, and how many of them recurred."""

    __slots__ = ("gap_squares", "gaps", "recurred", "settled", "times")  # counts by age of `SETTLING`

    def __init__(self) -> None:
        self.times = array("d")
        self.gaps = 0.0
        self.gap_squares = 0.0
        self.settled = [0] * len(SETTLING)
        self.recurred = [0] * len(SETTLING)

    def add(self, time: float) -> None:
        if self.times:
            gap = math.log(max(time - self.times[-1], 0.0) + SOON)
            self.gaps += gap
            self.gap_squares += gap * gap
        if self.times and time < self.times[-1]:  # reported late
            self.times.insert(bisect_right(self.times, time), time)
        else:
            self.times.append(time)

    def copy(self) -> _Past:
        other = _Past()
        other.gaps, other.gap_squares = self.gaps, self.gap_squares
        other.times, other.settled, other.recurred = self.times[:], self.settled[:], self.recurred[:]
        return other

    def share(self, age: int, usual: float) -> float:
        """Return the share that recurred by an age, drawn towards the usual one while few have reached it."""
        return (self.recurred[age] + SMOOTHING * usual) / (self.settled[age] + SMOOTHING)


@dataclass(slots=True)
class _Unsettled:
    """An incident too young to tell whether it recurred within the longest of `SETTLING`."""

    time: float
    keys: tuple[str, ...]
    again: float = math.inf  # when its signature was next logged


class HistoryState:
    """What has been logged, by signature and by each of the fields, ready to describe the next incident.

    Reading changes nothing, so many threads may describe incidents from one state; `add` must not run beside them.

    Parameters
    ----------
    signature : Signature
    fields : sequence of str
        Fields whose own history counts (caller, service, ...).
    """

    def __init__(self, signature: Signature, fields: Sequence[str]) -> None:
        self.signature = signature
        self.fields = tuple(fields)
        self._past: tuple[dict[str, _Past], ...] = tuple({} for _ in range(len(self.fields) + 2))
        self._kinds: dict[str, set[str]] = {}
        self._unsettled: tuple[deque[_Unsettled], ...] = tuple(deque() for _ in SETTLING)
        self._latest: dict[str, _Unsettled] = {}
        self._base: HistoryState | None = None

    def __len__(self) -> int:
        desk = self._find(0, DESK)
        return len(desk.times) if desk else 0

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the features, in order: ``"<field>: <what>"``."""
        names = [f"{field}: {what}" for field in ("signature", *self.fields) for what in OF_KEY]
        return (*names, *(f"desk: {what}" for what in OF_DESK))

    def fork(self) -> HistoryState:
        """Return a state that starts from this one and may be added to without changing it."""
        other = HistoryState(self.signature, self.fields)
        other._base = self
        copies = {id(u): _Unsettled(u.time, u.keys, u.again) for queue in self._unsettled for u in queue}
        other._unsettled = tuple(deque(copies[id(u)] for u in queue) for queue in self._unsettled)
        other._latest = {key: copies[id(u)] for key, u in self._latest.items()}
        return other

    def add(self, frame: pd.DataFrame) -> None:
        """Add incidents, in order of ``opened_at``; those without it are left out."""
        for time, keys in self._rows(frame):
            if math.isfinite(time):
                self._add(time, keys)

    def describe(self, frame: pd.DataFrame, *, add: bool = False) -> Floats:
        """Return the features of each incident as of its own opening, shape (n, len(columns)); NaN is "not known".

        With ``add``, each row is added before the next is described: rows must then be in order of ``opened_at``.
        """
        described = np.empty((len(frame), len(self.columns)))
        for i, (time, keys) in enumerate(self._rows(frame)):
            described[i] = self._describe(time, keys)
            if add and math.isfinite(time):
                self._add(time, keys)
        return described

    def describe_one(self, incident: Mapping[str, str], opened_at: datetime | None) -> Floats:
        """Return what `describe` does of one incident, given by field, shape (1, len(columns))."""
        time = math.nan if opened_at is None else (opened_at - _EPOCH) / timedelta(days=1)
        fields = (incident[name] for name in self.fields)
        return np.array([self._describe(time, (DESK, self.signature.key(incident), *fields))])

    def describe_at(self, frame: pd.DataFrame, moments: Floats, *, add: bool = False) -> Floats:
        """Return the features of each incident as of another moment than its opening, in days since 1970.

        With ``add``, the incidents are added as time passes: each row sees all that were opened by its moment.
        """
        described = np.full((len(frame), len(self.columns)), np.nan)
        rows = list(self._rows(frame))
        waiting = iter(sorted((row for row in rows if math.isfinite(row[0])), key=lambda row: row[0]) if add else ())
        upcoming = next(waiting, None)
        for i in np.argsort(moments, kind="stable"):
            if not math.isfinite(moments[i]):
                break  # argsort puts NaN last
            while upcoming is not None and upcoming[0] <= moments[i]:
                self._add(*upcoming)
                upcoming = next(waiting, None)
            described[i] = self._describe(moments[i], rows[i][1])
        return described

    def _rows(self, frame: pd.DataFrame) -> Iterable[tuple[float, tuple[str, ...]]]:
        times = days_of(frame["opened_at"]).tolist()
        values = {name: frame[name].tolist() for name in {*self.fields, *self.signature.fields}}
        signatures = map(self.signature.key, zip(*(values[name] for name in self.signature.fields), strict=True))
        columns = [values[name] for name in self.fields]
        return zip(times, zip([DESK] * len(times), signatures, *columns, strict=True), strict=True)

    def _describe(self, time: float, keys: tuple[str, ...]) -> list[float]:
        if not math.isfinite(time):
            return [math.nan] * len(self.columns)
        desk = self._find(0, DESK)
        usual = [_usual(desk, age) for age in range(len(SETTLING))]
        span = max(time - desk.times[0], 1.0) if desk and desk.times else 1.0
        described: list[float] = []
        for i in range(1, len(keys)):
            described += _of_key(self._find(i, keys[i]) if keys[i] else None, time, span, usual)
        return described + self._of_desk(time, keys, span, usual)

    def _of_desk(self, time: float, keys: tuple[str, ...], span: float, usual: list[float]) -> list[float]:
        desk = self._find(0, DESK)
        last_day = _since(desk.times, time, 1.0) if desk else 0
        a_day = _since(desk.times, time, 7.0) / min(span, 7.0) if desk else 0.0
        caller = keys[2 + self.fields.index("caller")] if "caller" in self.fields else ""
        kinds = self._kinds_of(caller) if caller else set()
        own = self._find(2 + self.fields.index("caller"), caller) if caller else None
        same = self._find(1, keys[1]) if keys[1] else None
        share = len(same.times) / len(own.times) if own and same else 0.0
        hour = time % 1.0 * 2 * math.pi
        weekend = float((int(time) + 3) % 7 >= 5)  # 1970-01-01 was a Thursday
        clock = [math.sin(hour), math.cos(hour), weekend]
        return [math.log1p(last_day), math.log(a_day + 1), _log_odds(usual[-1]), *clock, math.log1p(len(kinds)), share]

    def _add(self, time: float, keys: tuple[str, ...]) -> None:
        self._settle(time)
        for i, key in enumerate(keys):
            if key:
                self._own(i, key).add(time)
        signature = keys[1]
        if signature:
            previous = self._latest.get(signature)
            if previous is not None:
                previous.again = time
            latest = self._latest[signature] = _Unsettled(time, keys)
            for queue in self._unsettled:
                queue.append(latest)
        if "caller" in self.fields and (caller := keys[2 + self.fields.index("caller")]):
            if caller not in self._kinds:
                self._kinds[caller] = set(self._kinds_of(caller))
            self._kinds[caller].add(signature)

    def _settle(self, time: float) -> None:
        for age, (days, queue) in enumerate(zip(SETTLING, self._unsettled, strict=True)):
            while queue and queue[0].time <= time - days:
                settled = queue.popleft()
                for i, key in enumerate(settled.keys):
                    if key:
                        past = self._own(i, key)
                        past.settled[age] += 1
                        past.recurred[age] += settled.again - settled.time <= days
                if days == SETTLING[-1] and self._latest.get(settled.keys[1]) is settled:
                    del self._latest[settled.keys[1]]

    def _find(self, i: int, key: str) -> _Past | None:
        past = self._past[i].get(key)
        return self._base._find(i, key) if past is None and self._base is not None else past

    def _own(self, i: int, key: str) -> _Past:
        past = self._past[i].get(key)
        if past is None:
            inherited = self._base._find(i, key) if self._base is not None else None
            past = self._past[i][key] = inherited.copy() if inherited else _Past()
        return past

    def _kinds_of(self, caller: str) -> set[str]:
        kinds = self._kinds.get(caller)
        if kinds is None:
            return self._base._kinds_of(caller) if self._base is not None else set()
        return kinds


DESK = "desk"


def _since(times: array[float], time: float, days: float) -> int:
    return bisect_right(times, time) - bisect_left(times, time - days)


def _of_key(past: _Past | None, time: float, span: float, usual: list[float]) -> list[float]:
    """Return `OF_KEY` for one key, counts and rates as logarithms, shares as log-odds.

    The whole span of the history counts as one more gap, so a key seen once is rare and not merely unknown.
    """
    seen = bisect_right(past.times, time) if past else 0
    if past is None or not seen:
        never = [0.0] * len(WINDOWS)
        shares = [_log_odds(share) for share in usual]
        return [*never, math.log(0.5 / (span + 7.0)), math.log(LONG_AGO), *shares, 0.0, math.log(span), 0.0]
    counts = [math.log1p(seen - bisect_left(past.times, time - days)) for days in WINDOWS]
    shares = [_log_odds(past.share(age, usual[age])) for age in range(len(SETTLING))]
    since = math.log(min(time - past.times[seen - 1], LONG_AGO) + SOON)
    gaps, known = len(past.times) - 1, max(len(past.times) - 1, 1)
    spread = math.sqrt(max(past.gap_squares / known - (past.gaps / known) ** 2, 0.0))
    gap = (past.gaps + math.log(span)) / (gaps + 1)
    rate = math.log((seen + 0.5) / (span + 7.0))
    return [*counts, rate, since, *shares, math.log1p(past.settled[-1]), gap, spread]


def _usual(desk: _Past | None, age: int) -> float:
    return (desk.recurred[age] + 1.0) / (desk.settled[age] + 10.0) if desk else 0.1


def _log_odds(share: float) -> float:
    share = min(max(share, 0.01), 0.99)
    return math.log(share / (1.0 - share))
