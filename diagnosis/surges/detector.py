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

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from scipy.special import betainc

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.surges.maintenance import MaintenanceWindow
from diagnosis.surges.recent import WINDOWS, Arrival, RecentArrivals, people
from diagnosis.surges.rhythm import DAY, HOUR, ArrivalRhythm, DayKinds, Expectation, plain_week
from diagnosis.surges.scope import EVERYTHING, FIELDS, Scope
from diagnosis.surges.surge import Surge

MONTH = 365.25 / 12
STATE_VERSION = 1
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
_DISMISSAL_FACTOR = 10.0  # how much rarer than before a scope must be after each dismissal
_MOST_DISMISSALS = 6
_PAUSE = 60.0  # seconds until a scope that said the same as an open surge is looked at again
_MANY = 1_000  # arrivals in a window, which cost too much to count at each one of them
_BIN = 20 * 60.0
_MAJOR_COUNT, _MAJOR_TIMES, _MAJOR_CALLERS = 12, 6.0, 8


class SurgeDetector:
    """Watches arrivals in order of time and announces surges.

    Parameters
    ----------
    false_alarms_per_month : float, default 1.0
        How many announcements a month without a surge are accepted, on average at most.
    zone : str, default "UTC"
        Time zone of the desk, whose hours and weekdays are its rhythm.
    day_kinds : callable, optional
        The desk's calendar: which days are working days and which public holidays.

    Attributes
    ----------
    open : list of Surge
        What is announced and not over.
    maintenance : sequence of MaintenanceWindow
        What they cover is not counted.
    dismissals : mapping of Scope to int
        How often people have dismissed a warning of a scope: each time it has to be ten times rarer.
    """

    def __init__(
        self, false_alarms_per_month: float = 1.0, zone: str = "UTC", day_kinds: DayKinds = plain_week
    ) -> None:
        if not 0 < false_alarms_per_month < 1000:
            raise InputError(Phrase("false_alarms_wrong", {"value": str(false_alarms_per_month)}))
        self.false_alarms_per_month = false_alarms_per_month
        self.zone = ZoneInfo(zone)
        self.open: list[Surge] = []
        self.maintenance: Sequence[MaintenanceWindow] = ()
        self.dismissals: Mapping[Scope, int] = {}
        self._ended: list[Surge] = []
        self._decided: dict[str, int] = {}  # by what people ended, how many callers another one of its scope must have
        self._rhythm = ArrivalRhythm(day_kinds)
        self._recent: dict[Scope, RecentArrivals] = {}
        self._members: dict[str, set[str]] = {}
        self._taken_up: dict[Scope, float] = {}  # when a scope last said the same as a surge
        self._day: float | None = None
        self._latest: float | None = None
        self._words_each = 5.0
        self._silence: Surge | None = None
        self._last_silence: Surge | None = None  # that is over
        self._missed = 0.0  # arrivals that were usual since the latest one
        self._clock: float | None = None

    @property
    def latest(self) -> float | None:
        """When the latest arrival came, in seconds since the epoch; None before the first."""
        return self._latest

    def add(self, arrival: Arrival) -> list[Surge]:
        """Take in one arrival; return what it announces.

        An arrival earlier than the latest one is counted with the present ones if it is less than half a day late, and
        otherwise left out: its moment has been judged. One that a maintenance window covers is not counted.
        """
        if self._latest is not None and arrival.at < self._latest - WINDOWS[-1]:
            return []
        at = arrival.at if self._latest is None else max(arrival.at, self._latest)
        if self._latest is not None and at - self._latest > _LONGEST_SILENCE:
            announced = self._listen_until(at)
            self.skip_to(at)  # a hole in the history, or one incident of a wrong year: its days say nothing of the desk
        else:
            announced = self.advance(at)
        self._end_silence(at)
        self._latest = at
        if any(window.covers(arrival.fields, arrival.at) for window in self.maintenance):
            return announced
        arrival = Arrival(arrival.number, at, arrival.fields, tuple(dict.fromkeys(arrival.words)), arrival.caller)
        scopes = scopes_of(arrival)
        self._words_each += 0.01 * (len(arrival.words) - self._words_each)
        self._rhythm.add(self._local(at), scopes)
        self._remember(arrival, scopes)
        if not self._grow(arrival, scopes):
            announced += self._look(arrival, scopes)
        return announced

    def _remember(self, arrival: Arrival, scopes: Sequence[Scope]) -> None:
        for scope in scopes:
            recent = self._recent.get(scope)
            if recent is None:
                recent = self._recent[scope] = RecentArrivals()
            recent.add(arrival)

    def advance(self, at: float) -> list[Surge]:
        """Let time pass without an arrival; return what that announces: a silence, where some were usual."""
        announced = self._listen_until(at)
        self._close_days(at)
        self._end(at)
        return announced

    def _listen_until(self, at: float) -> list[Surge]:
        announced: list[Surge] = []
        clock = at if self._clock is None else self._clock
        if at - clock > _LONGEST_SILENCE:  # a clock that jumped, or a history with a hole: not hour by hour
            clock = at - _LONGEST_SILENCE
        while clock < at:
            step = min(clock + HOUR, at)
            announced += self._listen(clock, step)
            clock = step
        self._clock = at
        return announced

    def skip_to(self, at: float) -> None:
        """Let time pass that nobody watched: what is open ends, and the days are neither learned from nor a silence."""
        for surge in list(self.open):
            self._end_one(surge, max(surge.latest, surge.at))
        self._end_silence(at)
        local = self._local(at)
        self._day, self._clock = local - local % DAY, at
        self._forget(at)

    def end(self, surge_id: str, at: float) -> None:
        """End a surge because a person says that it is over: what comes after and is rare by itself is another."""
        self._decide(surge_id, at, 1)
        if self._silence is not None and self._silence.id == surge_id:
            self._end_silence(at)

    def dismiss(self, surge_id: str, at: float) -> None:
        """End a surge because a person says that it was none: another one of its scope has to have more callers."""
        dismissed = next((surge for surge in [*self.open, *self._ended] if surge.id == surge_id), None)
        if dismissed is not None and surge_id not in self._decided:
            self._decide(surge_id, at, len(dismissed.callers) + 1)

    def _decide(self, surge_id: str, at: float, least: int) -> None:
        for surge in list(self.open):
            if surge.id == surge_id:
                self._end_one(surge, at)
        if any(surge.id == surge_id for surge in self._ended):
            self._decided[surge_id] = least

    def rename(self, surge: Surge, surge_id: str) -> None:
        """Give a surge the id under which it was announced before."""
        members = self._members.pop(surge.id, None)
        surge.id = surge_id
        if members is not None:
            self._members[surge_id] = members

    def held_open(self) -> list[Surge]:
        """Return what is announced and not over, a silence too."""
        return [*self.open, *([self._silence] if self._silence else [])]

    def recent_numbers(self) -> dict[str, float]:
        """Return the numbers of what was counted within the longest window, and when that came."""
        return {arrival.number: arrival.at for arrival in self._recent.get(EVERYTHING, RecentArrivals())}

    def course(self, surge: Surge, at: float) -> list[tuple[float, int, float]]:
        """Return counts of a surge's scope beside what is usual, in steps of twenty minutes as far as is remembered.

        Returns
        -------
        list of (float, int, float)
            The beginning of each step in seconds since the epoch, how many came, and how many are usual.
        """
        first = max(surge.since - 3 * HOUR, at - WINDOWS[-1])
        start = first - first % _BIN
        forgotten = (at if self._latest is None else self._latest) - WINDOWS[-1]
        if start < forgotten:  # a step of which a part is forgotten would count too few
            start = forgotten - forgotten % _BIN + _BIN
        recent = self._recent.get(surge.scope, RecentArrivals())
        counts: dict[float, int] = {}
        for arrival in recent.since(start):
            counts[arrival.at - arrival.at % _BIN] = counts.get(arrival.at - arrival.at % _BIN, 0) + 1
        steps = []
        while start <= at:
            usual = self._expected(surge.scope, start, start + _BIN).mean
            steps.append((start, counts.get(start, 0), round(usual, 3)))
            start += _BIN
        return steps

    def to_state(self) -> dict[str, Any]:
        """Return everything that was learned and is open, as JSON values: what `restore` goes on from."""
        everything = self._recent.get(EVERYTHING, RecentArrivals())
        return {
            "version": STATE_VERSION,
            "rhythm": self._rhythm.to_state(),
            "arrivals": [[a.number, a.at, a.fields, list(a.words), a.caller] for a in everything],
            "open": [surge.to_state() for surge in self.open],
            "ended": [surge.to_state() for surge in self._ended],
            "silence": self._silence.to_state() if self._silence else None,
            "last_silence": self._last_silence.to_state() if self._last_silence else None,
            "decided": self._decided,
            "members": {surge.id: sorted(self._members[surge.id]) for surge in [*self.open, *self._ended]},
            "taken_up": [[*scope, moment] for scope, moment in self._taken_up.items()],
            "day": self._day,
            "latest": self._latest,
            "words_each": self._words_each,
            "missed": self._missed,
            "clock": self._clock,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `to_state` returned.

        Raises
        ------
        InputError
            If another version of the program wrote it.
        """
        if state.get("version") != STATE_VERSION:
            raise InputError(
                Phrase("surge_state_of_other_version", {"expected": STATE_VERSION, "value": state.get("version")})
            )
        self._rhythm.restore(state["rhythm"])
        for number, at, fields, words, caller in state["arrivals"]:
            arrival = Arrival(number, at, fields, tuple(words), caller)
            self._remember(arrival, scopes_of(arrival))
        self.open = [Surge.from_state(row) for row in state["open"]]
        self._ended = [Surge.from_state(row) for row in state["ended"]]
        self._silence = Surge.from_state(state["silence"]) if state["silence"] else None
        self._last_silence = Surge.from_state(state["last_silence"]) if state["last_silence"] else None
        self._decided = dict(state.get("decided", {}))
        self._members = {surge: set(numbers) for surge, numbers in state["members"].items()}
        self._taken_up = {Scope(kind, value): moment for kind, value, moment in state["taken_up"]}
        self._day, self._latest, self._clock = state["day"], state["latest"], state["clock"]
        self._words_each, self._missed = state["words_each"], state["missed"]

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
        """Return the surge of the scope that is least usual of those that are rare enough and say something new.

        A scope that tells of an open surge, as the whole desk does while one lasts, must not hide another's.
        """
        if self._rhythm.days < LEAST_DAYS * 0.8:  # what fading leaves of them
            return []
        by_field: list[Surge] = []
        by_word: list[Surge] = []
        open_scopes = {surge.scope for surge in self.open}
        for scope in scopes:
            if scope in open_scopes or arrival.at - self._taken_up.get(scope, -_PAUSE) < _PAUSE:
                continue
            candidate = self._rarest(scope, arrival.at)
            if candidate is not None and candidate.p_value < self._level(scope):
                (by_word if scope.kind == "word" else by_field).append(candidate)
        names_place = any(candidate.scope != EVERYTHING for candidate in by_field)
        candidates = sorted(by_field, key=_rarity)
        if not names_place:  # a service says more to a person than a word does
            candidates += sorted(by_word, key=_rarity)
        for candidate in candidates:
            if announced := self._announce(candidate):
                return announced
        return []

    def _rarest(self, scope: Scope, at: float) -> Surge | None:
        """Return the window of a scope in which its count is rarest, as a surge that is not announced yet."""
        least = LEAST_BY_WORD if scope.kind == "word" else LEAST_COUNT
        recent = self._recent[scope]
        best: tuple[float, int, float] | None = None
        for place, window in enumerate(WINDOWS):
            count = recent.people[place]
            if count < least:
                continue
            expected = self._expected(scope, at - window, at)
            p_value = tail(count - 1, expected)
            if best is None or p_value < best[0]:
                best = p_value, place, expected.mean
        if best is None:
            return None
        p_value, place, mean = best
        return Surge(
            "surge",
            scope,
            at,
            recent.first_in_window(place),
            recent.count_in_window(place),
            mean,
            WINDOWS[place],
            p_value,
        )

    def _announce(self, surge: Surge) -> list[Surge]:
        arrivals = self._recent[surge.scope].since(surge.at - surge.window)
        numbers = {arrival.number for arrival in arrivals}
        decided: list[Surge] = []
        for earlier in [*self.open, *self._ended]:
            common = len(numbers & self._members[earlier.id])
            same = earlier.scope == surge.scope or common >= _SAME * min(len(numbers), len(earlier.numbers))
            if not same or (earlier.over_at is not None and surge.at - earlier.over_at >= _AGAIN):
                continue
            if earlier.id in self._decided:
                decided.append(earlier)
                continue
            if earlier.over_at is None or self._since_end(earlier) >= _ANEW:
                self._take_up(earlier, surge.scope, arrivals)
            self._taken_up[surge.scope] = surge.at
            return []
        if decided:
            another = self._another(surge, decided)
            if another is None:
                if len(arrivals) > _MANY:
                    self._taken_up[surge.scope] = surge.at
                return []
            surge, arrivals = another, self._recent[surge.scope].since(another.at - another.window)
        self.open.append(surge)
        self._members[surge.id] = set()
        for arrival in arrivals:
            self._join(surge, arrival)
        return [surge]

    def _another(self, surge: Surge, decided: Sequence[Surge]) -> Surge | None:
        """Return what came since people ended these surges, as one of its own; None where it is not rare by itself."""
        start = max(surge.at - surge.window, *(earlier.over_at or earlier.at for earlier in decided))
        arrivals = self._recent[surge.scope].since(start)
        count, expected = people(arrivals), self._expected(surge.scope, start, surge.at)
        least = LEAST_BY_WORD if surge.scope.kind == "word" else LEAST_COUNT
        p_value = tail(count - 1, expected)
        if count < max(least, *(self._decided[earlier.id] for earlier in decided)):
            return None
        if p_value >= self._level(surge.scope):
            return None
        window = surge.at - start
        return replace(
            surge, since=arrivals[0].at, count=len(arrivals), expected=expected.mean, window=window, p_value=p_value
        )

    def _since_end(self, surge: Surge) -> int:
        """Return how many incidents the scope of an ended surge has had since."""
        return people(self._recent.get(surge.scope, RecentArrivals()).since(surge.over_at or surge.at))

    def _take_up(self, surge: Surge, scope: Scope, arrivals: Sequence[Arrival]) -> None:
        """Add what another warning says of the same incidents, and take its scope if that says more."""
        if _telling(scope) > _telling(surge.scope):
            if surge.scope == EVERYTHING:  # it held bystanders, and perhaps another surge
                surge.empty()
                self._members[surge.id] = set()
                arrivals = self._recent[scope].since(surge.since - surge.window)
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
            surge.join(arrival.number, arrival.at, scopes_of(arrival), arrival.caller)
            if surge.kind == "surge" and _is_major(surge):
                surge.kind = "major_incident"

    def _grow(self, arrival: Arrival, scopes: Sequence[Scope]) -> bool:
        """Join an arrival to the open surges of its scopes; return whether that says enough of where it belongs."""
        is_placed = False
        for surge in self.open:
            if surge.scope in scopes:
                self._join(surge, arrival)
                is_placed = is_placed or surge.scope != EVERYTHING
        return is_placed

    def _end(self, at: float) -> None:
        for surge in list(self.open):
            length = max(HOUR, min(surge.window, 3 * HOUR))
            if at - surge.latest < length / 2:
                continue
            count = self._recent.get(surge.scope, RecentArrivals()).count_since(at - length)
            if count <= 1 or tail(count, self._expected(surge.scope, at - length, at)) > _OVER:
                self._end_one(surge, max(surge.latest, surge.at))

    def _end_one(self, surge: Surge, at: float) -> None:
        surge.over_at = at
        self.open.remove(surge)
        self._ended.append(surge)

    def _forget(self, at: float) -> None:
        """Let go of what no window reaches any more."""
        for scope, recent in list(self._recent.items()):
            recent.expire(at)
            if not len(recent):
                del self._recent[scope]
        self._taken_up = {scope: moment for scope, moment in self._taken_up.items() if at - moment < _PAUSE}
        for surge in list(self._ended):
            if surge.over_at is not None and at - surge.over_at > _AGAIN:
                self._ended.remove(surge)
                del self._members[surge.id]
                self._decided.pop(surge.id, None)

    def _listen(self, start: float, end: float) -> list[Surge]:
        """Return the silence that the time up to ``end`` has made too long to be chance, once."""
        if self._latest is None or self._silence is not None or self._rhythm.days < LEAST_DAYS * 0.8:
            return []
        if self._rhythm.is_holiday(self._local(end)) or any(
            not window.scope and window.start < end and start < window.end for window in self.maintenance
        ):
            return []
        usual = self._expected(EVERYTHING, start, end)
        self._missed += usual.mean
        level = self.false_alarms_per_month * _SILENCE_SHARE / (MONTH * 24)
        p_value = 1 - tail(1, Expectation(self._missed, usual.shape))
        if p_value >= level:
            return []
        last = self._last_silence
        if last is not None and last.over_at is not None and self._latest - last.over_at < _AGAIN:
            last.over_at, self._silence, self._last_silence = None, last, None
            return []  # one incident in between does not make it another
        self._silence = Surge(
            "silence", EVERYTHING, end, self._latest, 0, self._missed, end - self._latest, p_value, latest=end
        )
        return [self._silence]

    def _end_silence(self, at: float) -> None:
        self._missed = 0.0
        if self._silence is not None:
            self._silence.over_at = at
            self._last_silence, self._silence = self._silence, None

    def _level(self, scope: Scope) -> float:
        """Return the p-value below which a scope is announced."""
        looks = max(self._rhythm.arrivals_a_day(), 1.0) * MONTH * len(WINDOWS) * _LOOKS_APART
        looks *= _DISMISSAL_FACTOR ** min(self.dismissals.get(scope, 0), _MOST_DISMISSALS)
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


def _rarity(surge: Surge) -> float:
    return surge.p_value


def _telling(scope: Scope) -> int:
    """Return how much a scope says to a person: a field more than a word, a word more than the whole desk."""
    return {"all": 0, "word": 1}.get(scope.kind, 2)


def scopes_of(arrival: Arrival) -> list[Scope]:
    """Return everything that an arrival is counted in."""
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
