"""SurgeWatch: every incident and alert that is stored passes the detector, in one process at a time.

The store's changes are followed in their own order, so that no request waits for it. Whoever holds the watch keeps the
detector's state in the store; another process, or this one after a restart, goes on from there. A warning has the same
id when it is seen again, and is announced in the transaction that first stores it: once.
"""

from __future__ import annotations

import json
import logging
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
from ulid import ULID

from api.serving import Serving
from api.surges.learning import Course, learn_history, longer, new_detector, steps
from api.surges.settings import SurgeSettings
from api.webhooks.events import Events
from diagnosis.background import BackgroundLoop
from diagnosis.errors import FaultwiseError, InputError
from diagnosis.findings import SurgeMark
from diagnosis.store import Store
from diagnosis.store.monitoring import StoredAlert
from diagnosis.store.records import Record
from diagnosis.store.surges import StoredSurge
from diagnosis.surges import Arrival, MaintenanceWindow, Surge, SurgeDetector
from diagnosis.surges.monitoring_data import Alert, OpenAlerts
from diagnosis.surges.recent import WINDOWS
from diagnosis.surges.replay import ALERT, arrival_of_alert, arrivals_of, monitor_of, scope_words
from diagnosis.surges.scope import FIELDS, Scope
from diagnosis.times import format_utc, from_seconds, parse_utc, utc_now

log = logging.getLogger(__name__)

NAME = "surges"
_HOLD = 30.0  # seconds for which the watch is taken; another process may take it then
_RENEW = 10.0
_SAVE = 60.0  # seconds between two savings of the detector's state
_PAGE = 1000
# Two quarters and the two weeks before that only teach, so that the review of the last one knows of all its outages.
_LEARNING_PERIOD = timedelta(days=200)
_MOST_ALERTS = 100_000  # of the history, the newest
_LONGEST_GAP = 6 * 3600.0  # s: a longer time without a watch is neither learned from nor a silence
_CLOCK_WENT_BACK = 3600.0  # s: by how much the latest arrival is in the future then
_DISMISSAL_PERIOD = timedelta(days=180)  # how long a dismissal counts
_LATEST_ANNOUNCEMENT = timedelta(hours=12)  # after a surge began; later it is kept, and not announced
_MOST_VALUES = 10  # of a field, kept with a surge
_TITLES = ("short_description", "description")
_ENCODER = json.JSONEncoder(separators=(",", ":"))


class SurgeWatch:
    """Watches what is stored, and says of an incident to which open surge it belongs.

    Parameters
    ----------
    store : Store
    serving : Serving
        Its history is what the rhythm is learned from when nothing is known yet.
    events : Events
    settings : SurgeSettings
    holidays : str
        Country of the desk's public holidays; empty for none.
    """

    def __init__(self, store: Store, serving: Serving, events: Events, settings: SurgeSettings, holidays: str) -> None:
        self._store = store
        self._serving = serving
        self._events = events
        self._settings = settings
        self._holidays = holidays
        self._new_detector()  # an unknown country is said at the start
        self._loop = BackgroundLoop("surge watch", self.run_once, settings.seconds)
        self._id = str(ULID())
        self.on_joined: Callable[[StoredSurge, Sequence[str]], None] = lambda _surge, _numbers: None
        self._open: Sequence[StoredSurge] = ()
        self._detector: SurgeDetector | None = None
        self._alerts = OpenAlerts()
        self._tracked: dict[str, Surge] = {}
        self._written: dict[str, tuple[object, ...]] = {}
        self._joined: dict[str, int] = {}  # how many of its incidents are stored
        self._seen: dict[str, float] = {}
        self._end_times: dict[str, datetime] = {}
        self._dismissed: set[str] = set()  # what the detector knows to be none
        self._unknown: dict[str, StoredSurge] = {}  # stored as lasting, and not in the detector as it was saved
        self._past_courses: dict[str, Course] = {}  # of surges of the history that was learned from
        self._sequence = self._watched_upto = 0
        self._held_until = self._saved_at = self._decisions_at = float("-inf")

    @property
    def false_alarms_per_month(self) -> float:
        """How many announcements without a surge are accepted."""
        return self._settings.false_alarms_per_month

    @property
    def is_watching(self) -> bool:
        """Whether this process watches; one of all does."""
        return self._detector is not None

    @property
    def watched_upto(self) -> int:
        """The last stored change that was looked at, and what came of it stored."""
        return self._watched_upto

    def start(self) -> None:
        """Begin."""
        self._loop.start()

    def stop(self) -> None:
        """End, and let another process watch."""
        self._loop.stop()
        if self._detector is None:
            return
        try:
            self._save()
            self._store.watch_states.let_go(NAME, self._id)
        except FaultwiseError as error:  # the database is away: who watches next goes on from what was saved before
            log.warning("the state of the surge watch was not saved: %s", type(error).__name__)

    def wake(self) -> None:
        """Look now."""
        self._loop.wake()

    def mark_of(self, record: Mapping[str, Any]) -> SurgeMark | None:
        """Return the open surge that an incident with these fields belongs to, the latest announced; None for none."""
        if not self._open or record.get("type") == "request":
            return None
        words: list[str] | None = None
        for surge in self._open:
            if surge.scope_kind == "word":
                words = scope_words(_title(record)) if words is None else words
                is_inside = surge.scope_value in words
            else:
                is_inside = surge.scope_kind in FIELDS and record.get(surge.scope_kind) == surge.scope_value
            if is_inside:
                return mark(surge)
        return None

    def run_once(self) -> bool:
        """Look at what was stored since; return whether there is more."""
        if not self._is_holding():
            self._detector = None
            self._refresh()
            return False
        detector = self._detector or self._begin()
        if detector.latest is not None and detector.latest > utc_now().timestamp() + _CLOCK_WENT_BACK:
            log.warning("the clock went back; the surge watch learns anew from the history")
            detector = self._begin(anew=True)
        if time.monotonic() - self._decisions_at > 1.0:
            self._hear_decisions(detector)
        complete = self._take_in(detector)
        if complete:
            self._track(detector.advance(utc_now().timestamp()))
        self._write(detector)
        if complete:
            self._end_unknown()
        if time.monotonic() - self._saved_at > _SAVE:
            self._save()
        self._refresh()
        self._watched_upto = self._sequence
        return not complete

    def _is_holding(self) -> bool:
        moment = time.monotonic()
        if self._detector is not None and moment < self._held_until - _HOLD + _RENEW:
            return True
        if self._detector is None and moment < self._held_until:  # another one has it
            return False
        return self._hold()

    def _hold(self) -> bool:
        moment = time.monotonic()
        is_ours = self._store.watch_states.hold(NAME, self._id, _HOLD)
        self._held_until = moment + (_HOLD if is_ours else _RENEW / 2)
        return is_ours

    def _is_in_vain(self) -> bool:
        """Whether to learn no longer: the service stops, or another process has the watch, which is renewed here."""
        is_due = time.monotonic() >= self._held_until - _HOLD + _RENEW
        return self._loop.is_stopping or (is_due and not self._hold())

    def _new_detector(self) -> SurgeDetector:
        return new_detector(self._settings, self._holidays)

    def _begin(self, *, anew: bool = False) -> SurgeDetector:
        """Return the detector as it was when it was last saved, else one that has learned from the history."""
        detector = self._new_detector()
        self._alerts, self._tracked, self._written, self._joined, self._seen = OpenAlerts(), {}, {}, {}, {}
        self._end_times, self._dismissed, self._decisions_at = {}, set(), float("-inf")
        saved = None if anew else self._store.watch_states.load(NAME)
        try:
            if saved is not None:
                self._sequence, saved_at, packed = saved
                state = json.loads(zlib.decompress(packed))
                detector.restore(state["detector"])
                self._alerts.restore(state["alerts"])
                if (utc_now() - saved_at).total_seconds() > _LONGEST_GAP:
                    self._tracked.update((surge.id, surge) for surge in detector.held_open())
                    detector.skip_to(utc_now().timestamp())
        except (InputError, ValueError, KeyError, TypeError, zlib.error):
            log.warning("the state of the surge watch cannot be read; it learns anew from the history")
            saved, detector = None, self._new_detector()
        if saved is None:
            self._learn(detector)
        self._tracked.update((surge.id, surge) for surge in detector.held_open())
        self._seen.update(detector.recent_numbers())
        known = {surge.id for surge in detector.held_open()}
        self._unknown = {surge.id: surge for surge in self._store.surges.lasting() if surge.id not in known}
        self._detector = detector
        self._saved_at = time.monotonic()
        return detector

    def _learn(self, detector: SurgeDetector) -> None:
        """Learn from the history and its alerts; its surges are kept as past ones."""
        self._sequence = self._store.changes.last()
        incidents = self._history()
        alerts = self._alerts_since(incidents[0].at if incidents else 0.0)
        arrivals = sorted([*incidents, *alerts], key=lambda arrival: arrival.at)
        history = learn_history(arrivals, self._settings, self._holidays, self._is_in_vain)
        detector.restore(history.state)
        self._tracked.update(history.surges)
        self._track(detector.held_open())  # what ends below ends for the detector: it has its own copies
        self._past_courses = history.courses
        moment = utc_now().timestamp()
        if arrivals and moment - arrivals[-1].at > _LONGEST_GAP:
            detector.advance(arrivals[-1].at + WINDOWS[-1])
            detector.skip_to(moment)

    def _history(self) -> list[Arrival]:
        dated = self._serving.incidents(("number", "opened_at"))
        dated = dated[dated["opened_at"] <= pd.Timestamp(utc_now())]
        if dated.empty:
            return []
        latest = dated["opened_at"] > dated["opened_at"].max() - _LEARNING_PERIOD
        numbers = frozenset(dated.loc[latest, "number"])
        frame = self._serving.incidents(numbers=numbers)
        return arrivals_of(frame[frame["number"].isin(numbers)])

    def _alerts_since(self, start: float) -> list[Arrival]:
        """Return the stored alerts from a time on as the detector sees them: the rhythm of what comes holds them too.

        Those made into incidents are in the history as such, and those stored meanwhile are taken in afterwards.
        """
        alerts = self._store.alerts.started_between(from_seconds(start), utc_now(), _MOST_ALERTS)
        return [_arrival_of(alert) for alert in alerts if not alert.incident and alert.sequence <= self._sequence]

    def _hear_decisions(self, detector: SurgeDetector) -> None:
        """Take in what people decided, and which windows hold."""
        moment = utc_now()
        detector.maintenance = [
            MaintenanceWindow(window.id, window.starts_at.timestamp(), window.ends_at.timestamp(), window.scope)
            for window in self._store.maintenance.since(moment - timedelta(hours=12))
        ]
        dismissed = self._store.surges.dismissed(moment - _DISMISSAL_PERIOD)
        counts = self._store.surges.counts([surge.id for surge in dismissed])
        detector.dismissals = lessons(dismissed, {surge: sum(pair) for surge, pair in counts.items()})
        for surge in self._store.surges.ended_by_people(moment - timedelta(days=2)):
            if surge.over_at is not None and self._end_times.get(surge.id) != surge.over_at:
                detector.end(surge.id, surge.over_at.timestamp())
                self._end_times[surge.id] = surge.over_at
        for surge in dismissed:
            if surge.dismissed_at is not None and surge.id not in self._dismissed:
                detector.dismiss(surge.id, surge.dismissed_at.timestamp())
                self._dismissed.add(surge.id)
        self._decisions_at = time.monotonic()

    def _take_in(self, detector: SurgeDetector) -> bool:
        """Pass one page of what was stored to the detector; return whether that was the last."""
        changes = self._store.changes.since(self._sequence, _PAGE)
        alerts = self._store.alerts.between(self._sequence, changes.upto, _PAGE)
        upto = alerts[-1].sequence if len(alerts) == _PAGE else changes.upto
        arrivals = [self._of_incident(record) for record in changes.incidents if record.sequence <= upto]
        arrivals += [self._of_alert(alert) for alert in alerts]
        if len(self._seen) > 50_000:
            oldest = utc_now().timestamp() - 2 * WINDOWS[-1]
            self._seen = {number: at for number, at in self._seen.items() if at > oldest}
        for arrival in sorted((arrival for arrival in arrivals if arrival), key=lambda arrival: arrival.at):
            self._track(detector.add(arrival))
        self._sequence = upto
        return changes.complete and upto == changes.upto

    def _of_incident(self, record: Record) -> Arrival | None:
        """Return an incident as the detector sees it; None for one that is no news: seen, deleted, or of the past."""
        body = record.body
        if record.deleted or body.get("type") == "request" or record.number in self._seen:
            return None
        created_at = record.created_at.timestamp()
        at = min(_seconds(body.get("opened_at")) or created_at, created_at)  # a clock ahead of ours is not believed
        if created_at - at > WINDOWS[-1]:
            return None
        self._seen[record.number] = created_at
        fields: dict[str, str] = {name: str(body.get(name) or "") for name in FIELDS}
        if body.get("contact_type") == "monitoring":
            name = str(body.get("symptom") or body.get("short_description") or "")
            alert = Alert(record.number, at, None, name, fields["cmdb_ci"], fields["service"])
            if not self._alerts.is_new(alert):  # a storm of one alert counts once
                return None
        words = tuple(scope_words(_title(body)))
        caller = monitor_of(fields) if body.get("contact_type") == "monitoring" else str(body.get("caller") or "")
        return Arrival(record.number, at, fields, words, caller)

    def _of_alert(self, alert: StoredAlert) -> Arrival | None:
        """Return an alert as the detector sees it; one that was made into an incident is seen as that."""
        moment = utc_now().timestamp()
        arrival = _arrival_of(alert)
        if alert.incident or moment - arrival.at > WINDOWS[-1]:
            return None
        return replace(arrival, at=min(arrival.at, moment))

    def _track(self, surges: Sequence[Surge]) -> None:
        self._tracked.update((surge.id, surge) for surge in surges)

    def _write(self, detector: SurgeDetector) -> None:
        """Store what changed of surges, and announce what is new, in one transaction."""
        self._track(detector.held_open())
        self._adopt(detector)
        changed = [surge for surge in self._tracked.values() if self._written.get(surge.id) != _version(surge)]
        if not changed:
            return
        moment = utc_now()
        with self._store.transaction():
            if not self._store.watch_states.hold(NAME, self._id, _HOLD):
                self._detector = None
                return
            stored = {surge.id: surge for surge in self._store.surges.find([surge.id for surge in changed])}
            rows = [self._row(surge, stored.get(surge.id), detector, moment) for surge in changed]
            new = set(self._store.surges.write(rows))
            for surge in changed:
                self._join(surge, stored.get(surge.id))
            recent = moment - _LATEST_ANNOUNCEMENT
            started = [row for row in rows if row.id in new and row.at > recent]
            ended = [row for row in rows if row.over_at is not None and row.over_at > recent and _was_open(stored, row)]
            self._events.emit("surge.started", [(row.id, event_data(row)) for row in started])
            self._events.emit(
                "surge.ended",
                [(f"{row.id}@{format_utc(row.over_at)}", event_data(row)) for row in ended if row.over_at is not None],
            )
        self._events.outbox_changed()
        for surge in changed:
            self._written[surge.id] = _version(surge)
            if surge.over_at is not None and moment.timestamp() - surge.over_at > 2 * WINDOWS[-1]:
                for kept in (self._tracked, self._written, self._joined):
                    kept.pop(surge.id, None)

    def _adopt(self, detector: SurgeDetector) -> None:
        """Give what was announced before a crash its id of then: what came may be seen in another order now."""
        for surge in list(self._tracked.values()):
            if not self._unknown:
                return
            if self._unknown.pop(surge.id, None) is not None or surge.id in self._written:
                continue
            for stored in list(self._unknown.values()):
                if self._is_same(surge, stored):
                    del self._tracked[surge.id], self._unknown[stored.id]
                    detector.rename(surge, stored.id)
                    self._tracked[surge.id] = surge
                    break

    def _is_same(self, surge: Surge, stored: StoredSurge) -> bool:
        if "silence" in (surge.kind, stored.kind):
            return surge.kind == stored.kind
        if (stored.scope_kind, stored.scope_value) == surge.scope:
            return True
        incidents, alerts = self._store.surges.members(stored.id)
        numbers = {*incidents, *(f"{ALERT}{alert}" for alert in alerts)}
        return 2 * len(numbers & set(surge.numbers)) >= min(len(numbers), len(surge.numbers)) > 0

    def _end_unknown(self) -> None:
        """End what is stored as lasting and the detector, which has seen all, has known nothing of for long."""
        quiet = utc_now() - timedelta(seconds=WINDOWS[-1])
        lost = [surge for surge in self._unknown.values() if surge.latest < quiet and surge.declared_at is None]
        self._unknown = {surge.id: surge for surge in self._unknown.values() if surge.latest >= quiet}
        if not lost:
            return
        with self._store.transaction():
            ended = [self._store.surges.decide(surge.id, over_at=max(surge.latest, surge.at)) for surge in lost]
            self._events.emit(
                "surge.ended",
                [(f"{row.id}@{format_utc(row.over_at)}", event_data(row)) for row in ended if row.over_at],
            )
        self._events.outbox_changed()

    def _row(self, surge: Surge, stored: StoredSurge | None, detector: SurgeDetector, moment: datetime) -> StoredSurge:
        over_at = None if surge.over_at is None else from_seconds(surge.over_at)
        course = stored.course if stored else self._past_courses.get(surge.id, ())
        if surge.kind != "silence":
            until = moment.timestamp() if surge.over_at is None else surge.over_at
            course = longer(course, steps(detector, surge, min(until, surge.latest + 3 * WINDOWS[1])))
        if stored is not None and stored.declared_at is not None and not stored.ended_by:
            over_at = None  # a declared major incident is ended by a person
        if stored is not None and stored.ended_by and self._end_times.get(surge.id) != stored.over_at:
            over_at = stored.over_at  # ended this moment; the detector hears of it at the next turn
        return StoredSurge(
            surge.id,
            surge.kind,
            surge.scope.kind,
            surge.scope.value,
            from_seconds(surge.at).replace(microsecond=0),
            from_seconds(surge.since),
            from_seconds(max(surge.latest, surge.at)),
            over_at,
            surge.count,
            surge.expected,
            surge.window,
            _frequent(surge),
            course,
        )

    def _join(self, surge: Surge, stored: StoredSurge | None) -> None:
        count = self._joined.get(surge.id, 0)
        if stored is not None and (stored.scope_kind, stored.scope_value) != surge.scope:  # it turned out to be another
            self._store.surges.empty(surge.id)
            count = 0
        numbers = [(n.removeprefix(ALERT), n.startswith(ALERT)) for n in surge.numbers[count:]]
        self._store.surges.join(surge.id, numbers)
        if stored is not None and stored.answer:
            self.on_joined(stored, [number for number, is_alert in numbers if not is_alert])
        self._joined[surge.id] = len(surge.numbers)

    def _save(self) -> None:
        if self._detector is None:
            return
        state = {"detector": self._detector.to_state(), "alerts": self._alerts.to_state()}
        written = "".join(
            _ENCODER.iterencode(state)
        )  # piece by piece: `dumps` would hold up requests until it is through
        packed = zlib.compress(written.encode(), 1)
        self._store.watch_states.save(NAME, self._id, self._sequence, packed)
        self._saved_at = time.monotonic()

    def _refresh(self) -> None:
        self._open = [
            surge
            for surge in self._store.surges.lasting()
            if surge.state == "open" and surge.kind != "silence" and surge.scope_kind != "all"
        ]


def _arrival_of(alert: StoredAlert) -> Arrival:
    started_at = alert.started_at.timestamp()
    return arrival_of_alert(Alert(alert.id, started_at, None, alert.name, alert.cmdb_ci, alert.service))


def mark(surge: StoredSurge) -> SurgeMark:
    """Return what a diagnosis says of a surge."""
    return SurgeMark(surge.id, surge.scope, surge.since.replace(microsecond=0))


def lessons(dismissed: Sequence[StoredSurge], totals: Mapping[str, int]) -> dict[Scope, int]:
    """Return how often warnings of each scope were dismissed.

    The scope that was announced counts, and whatever else at least half of its incidents share, so that the same wave
    does not come back under another name; the whole desk counts only where it was announced itself.
    """
    counts: dict[Scope, int] = {}
    for surge in dismissed:
        scopes = {Scope(surge.scope_kind, surge.scope_value)}  # type: ignore[arg-type]
        half = totals.get(surge.id, 0) / 2
        for kind, values in surge.members.items():
            scopes |= {Scope(kind, value) for value, n in values.items() if n >= half > 0}  # type: ignore[arg-type]
        for scope in scopes:
            counts[scope] = counts.get(scope, 0) + 1
    return counts


def event_data(surge: StoredSurge) -> dict[str, Any]:
    """Return what an event says of a surge."""
    return {
        "id": surge.id,
        "kind": surge.kind,
        "scope": surge.scope,
        "since": format_utc(surge.since, timespec="seconds"),
        "incidents": surge.count,
        "expected": round(surge.expected, 2),
        "over_at": None if surge.over_at is None else format_utc(surge.over_at, timespec="seconds"),
    }


def _was_open(stored: Mapping[str, StoredSurge], row: StoredSurge) -> bool:
    earlier = stored.get(row.id)
    return earlier is None or earlier.over_at is None


def _version(surge: Surge) -> tuple[object, ...]:
    return surge.kind, surge.scope, len(surge.numbers), surge.over_at


def _frequent(surge: Surge) -> dict[str, dict[str, int]]:
    """Return the most frequent values of each field of a surge's incidents."""
    members: dict[str, dict[str, int]] = {}
    for scope, count in surge.members.most_common():
        values = members.setdefault(scope.kind, {})
        if scope.kind != "all" and len(values) < _MOST_VALUES:
            values[scope.value] = count
    members.pop("all", None)
    return members


def _title(record: Mapping[str, Any]) -> str:
    return next((str(record[name]) for name in _TITLES if record.get(name)), "")


def _seconds(value: Any) -> float | None:  # noqa: ANN401 - as it is stored
    if not value:
        return None
    return parse_utc(str(value)).timestamp()
