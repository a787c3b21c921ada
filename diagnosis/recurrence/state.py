"""HistoryState: the incidents logged so far, counted by signature and field, and the features they give the next one.

One pass in order of time: an incident is described from the earlier ones, and then added. Nothing that happens after an
incident was logged can therefore reach its features, and training, batch and service run the same lines. Only fields
known at logging are read, so an earlier incident counts the same whether or not its outcome is known yet.
"""

from __future__ import annotations

import json
import math
import threading
from array import array
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import update_wrapper
from itertools import accumulate, chain, pairwise
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.arrays import Floats
from diagnosis.incident import IncidentBatch
from diagnosis.recurrence.like_texts import LikeTexts
from diagnosis.recurrence.signature import SEPARATOR, Signature
from diagnosis.times import days_since_1970

WINDOWS = (1, 3, 7, 14, 30, 90)  # days
SETTLING = (3.0, 7.0)  # days after which an earlier incident tells whether its fault came back at once
SMOOTHING = 5.0  # incidents at the desk's own rate that a key starts with: one seen twice proves little
LONG_AGO = 90.0  # days: what was never seen before counts as last seen then
SOON = 0.02  # days, about half an hour: below this, "since" does not matter
OF_KEY = (
    *(f"last {days} days" for days in WINDOWS),
    "rate",
    "since",
    "recurred soon",
    "recurred",
    "settled",
    "gap",
    "gap spread",
)
OF_EXPECTED = ("expected", "rate, 5 days", "rate, 20 days", "share, 1", "share, 5")
OF_DESK = ("last day", "a day", "recurred", "hour sine", "hour cosine", "weekend", "kinds of caller", "share of caller")
# Fields whose own history tells of a fault. Who typed it in, and fields with a handful of values, tell of the desk.
HISTORY_FIELDS = ("caller", "service", "cmdb_ci", "symptom", "category", "subcategory", "location")
HISTORY_PAIRS = ("caller+category", "caller+symptom")  # what one caller logs of one kind, likewise
DESK, SIGNATURE = 0, 1  # places of what every incident has a key of, before the fields
FILE, ARRAYS = "state.json", "state.npz"

Incidents = IncidentBatch | pd.DataFrame
Ints = npt.NDArray[np.int64]


class Past:
    """When incidents were logged, how far apart, and how many of them recurred."""

    __slots__ = ("gap_squares", "gaps", "recurred", "settled", "times")  # counts by age of `SETTLING`

    def __init__(self) -> None:
        self.times = array("d")
        self.gaps = 0.0
        self.gap_squares = 0.0
        self.settled = [0] * len(SETTLING)
        self.recurred = [0] * len(SETTLING)

    def add(self, time: float) -> None:
        """Add one incident, in days since 1970."""
        if self.times:
            gap = math.log(max(time - self.times[-1], 0.0) + SOON)
            self.gaps += gap
            self.gap_squares += gap * gap
        if self.times and time < self.times[-1]:  # reported late
            self.times.insert(bisect_right(self.times, time), time)
        else:
            self.times.append(time)

    def copy(self) -> Past:
        """Return one that may be added to without changing this."""
        copied = Past()
        copied.gaps, copied.gap_squares = self.gaps, self.gap_squares
        copied.times, copied.settled, copied.recurred = self.times[:], self.settled[:], self.recurred[:]
        return copied

    def share(self, age: int, usual: float) -> float:
        """Return the share that recurred by an age, drawn towards the usual one while few have reached it."""
        return (self.recurred[age] + SMOOTHING * usual) / (self.settled[age] + SMOOTHING)

    def usual(self) -> list[float]:
        """Return the share of all that recurred by each age, where these are the whole desk's."""
        return [(came + 1.0) / (of + 10.0) for came, of in zip(self.recurred, self.settled, strict=True)]


def since(times: array[float], time: float, days: float) -> int:
    """Return how many of the times lie within some days before one."""
    return bisect_right(times, time) - bisect_left(times, time - days)


def describe_key(past: Past | None, time: float, span: float, usual: Sequence[float]) -> list[float]:
    """Return `OF_KEY` for one key, counts and rates as logarithms, shares as log-odds.

    The whole span of the history counts as one more gap, so a key seen once is rare and not merely unknown.
    """
    n_earlier = bisect_right(past.times, time) if past else 0
    if past is None or not n_earlier:
        never = [0.0] * len(WINDOWS)
        shares = [log_odds(share) for share in usual]
        return [*never, math.log(0.5 / (span + 7.0)), math.log(LONG_AGO), *shares, 0.0, math.log(span), 0.0]
    counts = [math.log1p(n_earlier - bisect_left(past.times, time - days)) for days in WINDOWS]
    shares = [log_odds(past.share(age, usual[age])) for age in range(len(SETTLING))]
    last = math.log(min(time - past.times[n_earlier - 1], LONG_AGO) + SOON)
    gaps, n_gaps = len(past.times) - 1, max(len(past.times) - 1, 1)
    spread = math.sqrt(max(past.gap_squares / n_gaps - (past.gaps / n_gaps) ** 2, 0.0))
    gap = (past.gaps + math.log(span)) / (gaps + 1)
    rate = math.log((n_earlier + 0.5) / (span + 7.0))
    return [*counts, rate, last, *shares, math.log1p(past.settled[-1]), gap, spread]


def describe_expected(same: int, of_fields: Sequence[int], everyone: int, span: float) -> list[float]:
    """Return `OF_EXPECTED`: the signature's own rate, drawn towards what its fields would give were they independent.

    A caller who logs a lot, of a kind that everyone logs, will soon log it, even if not yet: the logarithms of both
    counts cannot say that of their product. Gamma-Poisson shrinkage over 5 and 20 days, and the share of the first
    field's incidents that are of this signature, drawn towards the desk's by 1 and by 5 incidents.

    Parameters
    ----------
    same, everyone : int
        Incidents seen of the signature, and of the desk.
    of_fields : sequence of int
        Incidents seen of each of the signature's fields' values.
    span : float
        Days since the first incident.
    """
    share = math.prod((count + 0.5) / (everyone + 50.0) for count in of_fields[1:])
    expected = (of_fields[0] + 1.0) / (span + 3.0) * share
    rates = [math.log((same + days * expected) / (span + days)) for days in (5.0, 20.0)]
    shares = [math.log((same + few * share) / (of_fields[0] + few)) for few in (1.0, 5.0)]
    return [math.log(expected), *rates, *shares]


def log_odds(share: float) -> float:
    """Return the log-odds of a share, at most those of 99 %."""
    share = min(max(share, 0.01), 0.99)
    return math.log(share / (1.0 - share))


@dataclass(slots=True)
class _Unsettled:
    """An incident too young to tell whether it recurred within the longest of `SETTLING`."""

    time: float
    keys: tuple[str, ...]
    again: float = math.inf  # when its signature was next logged


_P = ParamSpec("_P")
_R = TypeVar("_R")


def _one_at_a_time(method: Callable[Concatenate[HistoryState, _P], _R]) -> Callable[Concatenate[HistoryState, _P], _R]:
    def alone(state: HistoryState, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        with state._lock:
            return method(state, *args, **kwargs)

    return update_wrapper(alone, method)


class HistoryState:
    """What has been logged, by signature and by each of the fields, ready to describe the next incident.

    Several threads may describe, add and fork: one does at a time, a state and its forks together.

    Parameters
    ----------
    signature : Signature
    fields : sequence of str
        Fields whose own history counts (caller, service, ...), and pairs of fields ("caller+symptom").
    """

    def __init__(self, signature: Signature, fields: Sequence[str]) -> None:
        self.signature = signature
        self.fields = tuple(fields)
        # The signature's own fields are counted too, described or not.
        self._counted = (*self.fields, *(name for name in signature.columns if name not in self.fields))
        self._of_signature = tuple(2 + self._counted.index(name) for name in signature.columns)
        self._caller = 2 + self.fields.index("caller") if "caller" in self.fields else None
        self._past: tuple[dict[str, Past], ...] = tuple({} for _ in range(len(self._counted) + 2))
        self._like = LikeTexts()
        # Not sets: each process would write their strings in another order, and the same release twice.
        self._kinds: dict[str, dict[str, None]] = {}
        self._unsettled: tuple[deque[_Unsettled], ...] = tuple(deque() for _ in SETTLING)
        self._latest: dict[str, _Unsettled] = {}
        self._base: HistoryState | None = None
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return self._count(DESK, "desk")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the features, in order: ``"<field>: <what>"``."""
        names = [f"{field}: {feature}" for field in ("signature", *self.fields) for feature in OF_KEY]
        expected = (f"signature: {feature}" for feature in OF_EXPECTED)
        return (*names, *expected, *(f"desk: {feature}" for feature in OF_DESK))

    @_one_at_a_time
    def fork(self) -> HistoryState:
        """Return a state that starts from this one and may be added to without changing it."""
        copied = HistoryState(self.signature, self.fields)
        copied._base, copied._lock = self, self._lock
        copies = {id(u): _Unsettled(u.time, u.keys, u.again) for queue in self._unsettled for u in queue}
        copied._unsettled = tuple(deque(copies[id(u)] for u in queue) for queue in self._unsettled)
        copied._latest = {key: copies[id(u)] for key, u in self._latest.items()}
        copied._like = self._like.fork()
        return copied

    @_one_at_a_time
    def place(self, incidents: Incidents, *, learn: bool = False) -> IncidentBatch:
        """Return the batch with its signatures' texts placed among the earlier ones, as `Signature.place` does."""
        return self.signature.place(IncidentBatch.of(incidents), self._like, learn=learn)

    @_one_at_a_time
    def add(self, incidents: Incidents) -> None:
        """Add incidents, in order of ``opened_at``; those without it are left out."""
        for time, keys in self._rows(self.place(incidents, learn=True)):
            if math.isfinite(time):
                self._add(time, keys)

    @_one_at_a_time
    def describe(self, incidents: Incidents, *, add: bool = False) -> Floats:
        """Return the features of each incident as of its own opening, shape (n, len(columns)); NaN is "not known".

        With ``add``, each row is added before the next is described: rows must then be in order of ``opened_at``.
        """
        described = np.empty((len(incidents), len(self.columns)))
        for i, (time, keys) in enumerate(self._rows(self.place(incidents, learn=add))):
            described[i] = self._describe(time, keys)
            if add and math.isfinite(time):
                self._add(time, keys)
        return described

    @_one_at_a_time
    def describe_at(self, incidents: Incidents, moments: Floats, *, joining: Incidents | None = None) -> Floats:
        """Return the features of each incident as of another moment than its opening, in days since 1970.

        The incidents of ``joining`` are added as time passes: each row sees all of them opened by its moment.
        """
        described = np.full((len(incidents), len(self.columns)), np.nan)
        # Placed before the others, so that both name like texts alike.
        joined = [] if joining is None else list(self._rows(self.place(joining, learn=True)))
        rows = list(self._rows(self.place(incidents)))
        waiting = iter(sorted((row for row in joined if math.isfinite(row[0])), key=lambda row: row[0]))
        upcoming = next(waiting, None)
        for i in np.argsort(moments, kind="stable").tolist():
            if not math.isfinite(moments[i]):
                break  # argsort puts NaN last
            while upcoming is not None and upcoming[0] <= moments[i]:
                self._add(*upcoming)
                upcoming = next(waiting, None)
            described[i] = self._describe(moments[i], rows[i][1])
        return described

    @_one_at_a_time
    def save(self, folder: Path) -> None:
        """Write what was counted into a folder, as JSON and NumPy arrays; a fork is not saved."""
        if self._base is not None:
            raise ValueError("a fork of a state cannot be saved without the state that it started from")
        pasts = [past for by_key in self._past for past in by_key.values()]
        pending = self._unsettled[-1]
        place_of = {id(incident): place for place, incident in enumerate(pending)}
        content = {
            "signature": self.signature.fields,
            "fields": self.fields,
            "keys": [list(by_key) for by_key in self._past],
            "kinds": {caller: list(kinds) for caller, kinds in self._kinds.items()},
            # Incidents settle in one order at every age, so a shorter queue is the end of the longest.
            "pending": [[u.keys, u.time, None if math.isinf(u.again) else u.again] for u in pending],
            "pending_by_age": [len(queue) for queue in self._unsettled],
            "latest": {key: place_of[id(u)] for key, u in self._latest.items()},
            "like_texts": self._like.to_dict(),
        }
        (folder / FILE).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        np.savez(
            folder / ARRAYS,
            times=np.array(list(chain.from_iterable(past.times for past in pasts)), dtype=np.float64),
            lengths=np.array([len(past.times) for past in pasts], dtype=np.int64),
            gaps=np.array([[past.gaps, past.gap_squares] for past in pasts], dtype=np.float64).reshape(-1, 2),
            settled=np.array([past.settled for past in pasts], dtype=np.int64).reshape(-1, len(SETTLING)),
            recurred=np.array([past.recurred for past in pasts], dtype=np.int64).reshape(-1, len(SETTLING)),
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a state that `save` wrote."""
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
        state = cls(Signature(tuple(content["signature"])), content["fields"])
        with np.load(folder / ARRAYS) as arrays:
            pasts = iter(_pasts(*(arrays[name] for name in ("times", "lengths", "gaps", "settled", "recurred"))))
        state._past = tuple({key: next(pasts) for key in keys} for keys in content["keys"])
        state._kinds = {caller: dict.fromkeys(kinds) for caller, kinds in content["kinds"].items()}
        pending = [
            _Unsettled(time, tuple(keys), math.inf if again is None else again)
            for keys, time, again in content["pending"]
        ]
        lengths = content["pending_by_age"]
        state._unsettled = tuple(deque(pending[len(pending) - length :]) for length in lengths)
        state._latest = {key: pending[place] for key, place in content["latest"].items()}
        state._like = LikeTexts.from_dict(content["like_texts"])
        return state

    def _rows(self, incidents: IncidentBatch) -> Iterable[tuple[float, tuple[str, ...]]]:
        times = days_since_1970(incidents.column("opened_at")).tolist()
        names = {*(part for name in self._counted for part in name.split("+")), *self.signature.columns}
        return zip(
            times,
            self._keys({name: self.signature.values_in(incidents, name) for name in names}, len(times)),
            strict=True,
        )

    def _keys(self, values: Mapping[str, list[str]], length: int) -> Iterable[tuple[str, ...]]:
        signatures = map(self.signature.key, zip(*(values[name] for name in self.signature.columns), strict=True))
        columns = [values[name] if name in values else _pairs(values, name) for name in self._counted]
        return zip(["desk"] * length, signatures, *columns, strict=True)

    def _describe(self, time: float, keys: tuple[str, ...]) -> list[float]:
        if not math.isfinite(time):
            return [math.nan] * len(self.columns)
        desk = self._find(DESK, "desk") or Past()
        usual = desk.usual()
        span = max(time - desk.times[0], 1.0) if desk.times else 1.0
        described: list[float] = []
        for i in range(SIGNATURE, len(self.fields) + 2):
            described += describe_key(self._find(i, keys[i]) if keys[i] else None, time, span, usual)
        of_fields = [self._count(i, keys[i]) for i in self._of_signature]
        described += describe_expected(self._count(SIGNATURE, keys[SIGNATURE]), of_fields, len(desk.times), span)
        return described + self._of_desk(desk, time, keys, span, usual)

    def _of_desk(self, desk: Past, time: float, keys: tuple[str, ...], span: float, usual: list[float]) -> list[float]:
        caller = keys[self._caller] if self._caller is not None else ""
        kinds, caller_count, share = dict[str, None](), 0, 0.0
        if self._caller is not None and caller:
            kinds, caller_count = self._kinds_of(caller), self._count(self._caller, caller)
            share = self._count(SIGNATURE, keys[SIGNATURE]) / caller_count if caller_count else 0.0
        hour = time % 1.0 * 2 * math.pi
        weekend = float((int(time) + 3) % 7 >= 5)  # 1970-01-01 was a Thursday
        a_day = since(desk.times, time, 7.0) / min(span, 7.0)
        busy = [math.log1p(since(desk.times, time, 1.0)), math.log1p(a_day), log_odds(usual[-1])]
        return [*busy, math.sin(hour), math.cos(hour), weekend, math.log1p(len(kinds)), share]

    def _add(self, time: float, keys: tuple[str, ...]) -> None:
        self._settle(time)
        for i, key in enumerate(keys):
            if key:
                self._own_past(i, key).add(time)
        signature = keys[SIGNATURE]
        if signature:
            previous = self._latest.get(signature)
            if previous is not None:
                previous.again = time
            latest = self._latest[signature] = _Unsettled(time, keys)
            for queue in self._unsettled:
                queue.append(latest)
        if self._caller is not None and (caller := keys[self._caller]):
            if caller not in self._kinds:
                self._kinds[caller] = dict(self._kinds_of(caller))
            self._kinds[caller][signature] = None

    def _settle(self, time: float) -> None:
        for age, (days, queue) in enumerate(zip(SETTLING, self._unsettled, strict=True)):
            while queue and queue[0].time <= time - days:
                settled = queue.popleft()
                for i, key in enumerate(settled.keys):
                    if key:
                        past = self._own_past(i, key)
                        past.settled[age] += 1
                        past.recurred[age] += settled.again - settled.time <= days
                if days == SETTLING[-1] and self._latest.get(settled.keys[SIGNATURE]) is settled:
                    del self._latest[settled.keys[SIGNATURE]]

    def _count(self, i: int, key: str) -> int:
        past = self._find(i, key) if key else None
        return len(past.times) if past is not None else 0

    def _find(self, i: int, key: str) -> Past | None:
        past = self._past[i].get(key)
        return self._base._find(i, key) if past is None and self._base is not None else past

    def _own_past(self, i: int, key: str) -> Past:
        past = self._past[i].get(key)
        if past is None:
            inherited = self._base._find(i, key) if self._base is not None else None
            past = self._past[i][key] = inherited.copy() if inherited else Past()
        return past

    def _kinds_of(self, caller: str) -> dict[str, None]:
        kinds = self._kinds.get(caller)
        if kinds is None:
            return self._base._kinds_of(caller) if self._base is not None else {}
        return kinds


def _pasts(times: Floats, lengths: Ints, gaps: Floats, settled: Ints, recurred: Ints) -> Iterable[Past]:
    bounds = pairwise(accumulate(lengths.tolist(), initial=0))
    rows = zip(bounds, gaps.tolist(), settled.tolist(), recurred.tolist(), strict=True)
    for (start, end), (gap_sum, gap_squares), n_settled, n_recurred in rows:
        past = Past()
        past.times.frombytes(times[start:end].tobytes())
        past.gaps, past.gap_squares, past.settled, past.recurred = gap_sum, gap_squares, n_settled, n_recurred
        yield past


def varying_fields(incidents: IncidentBatch, signature: Signature) -> tuple[str, ...]:
    """Return the fields that vary, and the pairs of them that are not the signature itself."""
    fields = [name for name in HISTORY_FIELDS if len(set(signature.values_in(incidents, name))) > 1]
    pairs = [pair for pair in HISTORY_PAIRS if {*pair.split("+")} <= {*fields}]
    return (*fields, *(pair for pair in pairs if {*pair.split("+")} != {*signature.fields}))


def _pairs(values: Mapping[str, list[str]], name: str) -> list[str]:
    """Return the values of a pair of fields as one, ``""`` where one is missing."""
    parts = (values[part] for part in name.split("+"))
    return [SEPARATOR.join(pair) if all(pair) else "" for pair in zip(*parts, strict=True)]
