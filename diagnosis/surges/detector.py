"""SurgeDetector: every arrival is counted in each of its scopes, beside what is usual there at this hour.

At each arrival the count of each of its scopes, in windows from twenty minutes to twelve hours that end with it, is
held against a negative binomial distribution of what is usual. An arrival is itself why one looks, so it does not count
as evidence: the tail is that of one less. Without a surge the expected number of announcements a month is then at most
the level times the looks a month (Bonferroni); the level is set from that, with the number of looks at the present
rate. Words are scopes too: a new fault has no service yet. They have a third of the false alarms to themselves.

What is announced grows while its scope stays above what is usual, takes in warnings of other scopes that are about the
same incidents, and is over by itself.

References: Kulldorff (2001), Prospective time periodic geographical disease surveillance using a scan statistic;
Farrington et al. (1996), A statistical algorithm for the early detection of outbreaks of infectious disease.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from scipy.special import betainc

from diagnosis.errors import InputError
from diagnosis.surges.rhythm import DAY, HOUR, ArrivalRhythm, Expectation
from diagnosis.surges.scope import EVERYTHING, FIELDS, Scope
from diagnosis.surges.surge import Surge

WINDOWS = (20 * 60.0, HOUR, 3 * HOUR, 12 * HOUR)
MONTH = 365.25 / 12
LEAST_COUNT = 4  # fewer incidents are no surge, however rare
LEAST_BY_WORD = 5
LEAST_DAYS = 14  # before that nothing is known to be unusual
_WORD_SHARE = 1 / 3  # of the false alarms
_SILENCE_SHARE = 0.05
# Windows end together and scopes hold the same incidents, so that most looks see what others have seen. To count two
# thirds of them kept the promise in every simulation, bursts beyond chance included (`benchmarks/surges.py`).
_LOOKS_APART = 2 / 3
_OVER = 0.05  # a scope whose latest hour is no rarer than this is as usual again
# A warning this soon after a surge of the same scope takes that surge up again.
_AGAIN = WINDOWS[-1]
_ANEW = 3  # incidents since its end that it takes
_LONGEST_SILENCE = 15 * DAY
_SAME = 0.5  # share of common incidents from which two warnings are one
_MAJOR_COUNT, _MAJOR_TIMES, _MAJOR_CALLERS = 12, 6.0, 8


@dataclass(frozen=True, slots=True)
class Arrival:
    """One incident or alert as the detector sees it.

    Attributes
    ----------
    at : float
        When it was logged, in seconds since the epoch.
    fields : mapping of str to str
        Values of `FIELDS`; an empty one is unknown and no scope.
    words : sequence of str
        The terms of its text.
    caller : str
        Who has the trouble: one person's ten reports are no surge of ten.
    """

    number: str
    at: float
    fields: dict[str, str] = field(default_factory=dict)
    words: Sequence[str] = ()
    caller: str = ""


@dataclass(slots=True)
class _Recent:
    """The latest arrivals of a scope, oldest first."""

    arrivals: deque[Arrival] = field(default_factory=deque)

    def since(self, start: float) -> list[Arrival]:
        """Return what arrived after a time, oldest first."""
        latest = itertools.takewhile(lambda arrival: arrival.at > start, reversed(self.arrivals))
        return list(latest)[::-1]


class SurgeDetector:
    """Watches arrivals in order of time and announces surges.

    Parameters
    ----------
    false_alarms_per_month : float, default 1.0
        How many announcements a month without a surge are accepted, on average at most.
    zone : str, default "UTC"
        Time zone of the desk, whose hours and weekdays are its rhythm.

    Attributes
    ----------
    open : list of Surge
        What is announced and not over.
    """

    def __init__(self, false_alarms_per_month: float = 1.0, zone: str = "UTC") -> None:
        if not 0 < false_alarms_per_month < 1000:
            raise InputError(f"false alarms a month between 0 and 1000 were expected, {false_alarms_per_month} found")
        self.false_alarms_per_month = false_alarms_per_month
        self.zone = ZoneInfo(zone)
        self.open: list[Surge] = []
        self._ended: list[Surge] = []
        self._rhythm = ArrivalRhythm()
        self._recent: dict[Scope, _Recent] = {}
        self._members: dict[str, set[str]] = {}
        self._day: float | None = None
        self._latest: float | None = None
        self._words_each = 5.0
        self._silence: Surge | None = None
        self._missed = 0.0  # arrivals that were usual since the latest one
        self._clock: float | None = None

    @property
    def latest(self) -> float | None:
        """When the latest arrival came, in seconds since the epoch; None before the first."""
        return self._latest

    def add(self, arrival: Arrival) -> list[Surge]:
        """Take in one arrival; return what it announces.

        An arrival earlier than the latest one is counted with the present ones if it is less than half a day late, and
        otherwise left out: its moment has been judged.
        """
        if self._latest is not None and arrival.at < self._latest - WINDOWS[-1]:
            return []
        at = arrival.at if self._latest is None else max(arrival.at, self._latest)
        announced = self.advance(at)
        self._end_silence(at)
        self._latest = at
        arrival = Arrival(arrival.number, at, arrival.fields, tuple(dict.fromkeys(arrival.words)), arrival.caller)
        scopes = _scopes(arrival)
        self._words_each += 0.01 * (len(arrival.words) - self._words_each)
        self._rhythm.add(self._local(at), scopes)
        for scope in scopes:
            recent = self._recent.setdefault(scope, _Recent())
            recent.arrivals.append(arrival)
            while recent.arrivals[0].at <= at - WINDOWS[-1]:
                recent.arrivals.popleft()
        if not self._grow(arrival, scopes):
            announced += self._look(arrival, scopes)
        return announced

    def advance(self, at: float) -> list[Surge]:
        """Let time pass without an arrival; return what that announces: a silence, where some were usual."""
        announced: list[Surge] = []
        clock = at if self._clock is None else self._clock
        if at - clock > _LONGEST_SILENCE:  # a clock that jumped, or a history with a hole: not hour by hour
            clock = at - _LONGEST_SILENCE
        while clock < at:
            step = min(clock + HOUR, at)
            announced += self._listen(clock, step)
            clock = step
        self._clock = at
        self._close_days(at)
        self._end(at)
        return announced

    def _close_days(self, at: float) -> None:
        local = self._local(at)
        today = local - local % DAY
        if self._day is None:
            self._day = today
        while self._day < today:
            self._rhythm.close_day(self._day)
            self._day += DAY
            self._forget(at)

    def _look(self, arrival: Arrival, scopes: Sequence[Scope]) -> list[Surge]:
        """Return the surge of the scope that is least usual, if any is rare enough."""
        if self._rhythm.days < LEAST_DAYS * 0.8:  # what fading leaves of them
            return []
        by_field: list[Surge] = []
        by_word: list[Surge] = []
        for scope in scopes:
            candidate = self._rarest(scope, arrival.at)
            if candidate is not None and candidate.p_value < self._level(scope):
                (by_word if scope.kind == "word" else by_field).append(candidate)
        candidates = by_field or by_word  # a service says more to a person than a word does
        return self._announce(min(candidates, key=lambda surge: surge.p_value)) if candidates else []

    def _rarest(self, scope: Scope, at: float) -> Surge | None:
        """Return the window of a scope in which its count is rarest, as a surge that is not announced yet."""
        least = LEAST_BY_WORD if scope.kind == "word" else LEAST_COUNT
        recent = self._recent[scope].arrivals
        if len(recent) < least:
            return None
        best: Surge | None = None
        for window in WINDOWS:
            arrivals = self._recent[scope].since(at - window)
            count = _people(arrivals)
            if count < least:
                continue
            expected = self._expected(scope, at - window, at)
            p_value = tail(count - 1, expected)
            if best is None or p_value < best.p_value:
                best = Surge("surge", scope, at, arrivals[0].at, len(arrivals), expected.mean, window, p_value)
        return best

    def _announce(self, surge: Surge) -> list[Surge]:
        arrivals = self._recent[surge.scope].since(surge.at - surge.window)
        numbers = {arrival.number for arrival in arrivals}
        for earlier in [*self.open, *self._ended]:
            common = len(numbers & self._members[earlier.id])
            same = earlier.scope == surge.scope or common >= _SAME * min(len(numbers), len(earlier.numbers))
            if same and (earlier.over_at is None or surge.at - earlier.over_at < _AGAIN):
                if earlier.over_at is None or self._since_end(earlier) >= _ANEW:
                    self._take_up(earlier, surge.scope, arrivals)
                return []
        self.open.append(surge)
        self._members[surge.id] = set()
        for arrival in arrivals:
            self._join(surge, arrival)
        return [surge]

    def _since_end(self, surge: Surge) -> int:
        """Return how many incidents the scope of an ended surge has had since."""
        return _people(self._recent.get(surge.scope, _Recent()).since(surge.over_at or surge.at))

    def _take_up(self, surge: Surge, scope: Scope, arrivals: Sequence[Arrival]) -> None:
        """Add what another warning says of the same incidents; a service says more to a person than a word does."""
        if surge.scope.kind == "word" and scope.kind != "word":
            surge.scope = scope
        if surge.over_at is not None:
            surge.over_at = None
            self._ended.remove(surge)
            self.open.append(surge)
        if scope == EVERYTHING:
            return  # the whole desk holds the surge, and bystanders too
        for arrival in arrivals:
            self._join(surge, arrival)

    def _join(self, surge: Surge, arrival: Arrival) -> None:
        members = self._members[surge.id]
        if arrival.number not in members:
            members.add(arrival.number)
            surge.join(arrival.number, arrival.at, _scopes(arrival), arrival.caller)
            if surge.kind == "surge" and _is_major(surge):
                surge.kind = "major_incident"

    def _grow(self, arrival: Arrival, scopes: Sequence[Scope]) -> bool:
        """Join an arrival to the open surges of its scopes; return whether there was one."""
        joined = False
        for surge in self.open:
            if surge.scope in scopes:
                self._join(surge, arrival)
                joined = True
        return joined

    def _end(self, at: float) -> None:
        for surge in list(self.open):
            length = max(HOUR, min(surge.window, 3 * HOUR))
            if at - surge.latest < length / 2:
                continue
            recent = self._recent.get(surge.scope, _Recent())
            count = len(recent.since(at - length))
            if count <= 1 or tail(count, self._expected(surge.scope, at - length, at)) > _OVER:
                surge.over_at = max(surge.latest, surge.at)
                self.open.remove(surge)
                self._ended.append(surge)

    def _forget(self, at: float) -> None:
        """Let go of what no window reaches any more."""
        for scope, recent in list(self._recent.items()):
            while recent.arrivals and recent.arrivals[0].at <= at - WINDOWS[-1]:
                recent.arrivals.popleft()
            if not recent.arrivals:
                del self._recent[scope]
        for surge in list(self._ended):
            if surge.over_at is not None and at - surge.over_at > _AGAIN:
                self._ended.remove(surge)
                del self._members[surge.id]

    def _listen(self, start: float, end: float) -> list[Surge]:
        """Return the silence that the time up to ``end`` has made too long to be chance, once."""
        if self._latest is None or self._silence is not None or self._rhythm.days < LEAST_DAYS * 0.8:
            return []
        usual = self._expected(EVERYTHING, start, end)
        self._missed += usual.mean
        level = self.false_alarms_per_month * _SILENCE_SHARE / (MONTH * 24)
        p_value = 1 - tail(1, Expectation(self._missed, usual.shape))
        if p_value >= level:
            return []
        self._silence = Surge(
            "silence", EVERYTHING, end, self._latest, 0, self._missed, end - self._latest, p_value, latest=end
        )
        return [self._silence]

    def _end_silence(self, at: float) -> None:
        self._missed = 0.0
        if self._silence is not None:
            self._silence.over_at = at
            self._silence = None

    def _level(self, scope: Scope) -> float:
        """Return the p-value below which a scope is announced."""
        looks = max(self._rhythm.arrivals_a_day(), 1.0) * MONTH * len(WINDOWS) * _LOOKS_APART
        if scope.kind == "word":
            return self.false_alarms_per_month * _WORD_SHARE / (looks * max(self._words_each, 1.0))
        share = 1 - _WORD_SHARE - _SILENCE_SHARE
        return self.false_alarms_per_month * share / (looks * (1 + len(FIELDS)))

    def _expected(self, scope: Scope, start: float, end: float) -> Expectation:
        return self._rhythm.expected(scope, self._local(start), self._local(end))

    def _local(self, at: float) -> float:
        offset = datetime.fromtimestamp(at, self.zone).utcoffset()
        return at if offset is None else at + offset.total_seconds()


def tail(count: int, expected: Expectation) -> float:
    """Return the probability of at least ``count`` under a negative binomial with a mean and a Gamma's shape."""
    if count <= 0:
        return 1.0
    share = expected.mean / (expected.mean + expected.shape)
    return float(betainc(count, expected.shape, share))


def _scopes(arrival: Arrival) -> list[Scope]:
    fields = [Scope(kind, value) for kind in FIELDS if (value := arrival.fields.get(kind, ""))]
    return [EVERYTHING, *fields, *(Scope("word", word) for word in arrival.words)]


def _is_major(surge: Surge) -> bool:
    """Return whether a surge is so wide, so soon, that a person should look at once."""
    length = max(surge.latest - surge.since, HOUR)
    usual = surge.expected * length / surge.window
    return (
        len(surge.numbers) >= max(_MAJOR_COUNT, _MAJOR_TIMES * usual)
        and length <= WINDOWS[2]
        and len(surge.callers) >= _MAJOR_CALLERS
    )


def _people(arrivals: Iterable[Arrival]) -> int:
    """Return the number of arrivals, those of one caller counted twice at most."""
    counts: dict[str, int] = {}
    for arrival in arrivals:
        key = arrival.caller or f"\0{arrival.number}"
        counts[key] = min(counts.get(key, 0) + 1, 2)
    return sum(counts.values())
