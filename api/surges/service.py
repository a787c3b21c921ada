"""SurgeService: what is breaking now, and what people decide on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from api.audit.service import AuditService
from api.errors import NothingPublishedError
from api.records.schemas import ArticleIn, IncidentIn
from api.records.service import RecordService
from api.serving import Serving
from api.surges.contingency import Contingency, contingency_pages
from api.surges.schemas import (
    ChangeHintOut,
    PastSurgeOut,
    StepOut,
    SurgeDetailOut,
    SurgeOut,
)
from api.surges.watch import SurgeWatch, event_data, mark
from api.webhooks.events import Events
from diagnosis.findings import SurgeMark
from diagnosis.redact import Redactor
from diagnosis.store import Store
from diagnosis.store.database import ConflictError
from diagnosis.store.monitoring import StoredChange
from diagnosis.store.surges import StoredSurge
from diagnosis.surges.monitoring_data import ServiceMap
from diagnosis.times import format_utc, utc_now

MOST_MEMBERS = 1000  # incidents of one surge that are listed
_DAY = timedelta(days=1)
_MOST_ARTICLES = 2000
_MOST_PAST = 5
_MOST_CHANGES = 20


class SurgeService:
    """Surges as they are read, declared, dismissed, ended and answered.

    Parameters
    ----------
    store : Store
    serving : Serving
    redactor : Redactor
        Masks personal data in what people write.
    events : Events
    audit : AuditService
    records : pair of RecordService
        Incidents and knowledge articles.
    watch : SurgeWatch

    Attributes
    ----------
    on_answer : callable
        Called with a surge and incidents that are to get its answer.
    """

    def __init__(
        self,
        store: Store,
        serving: Serving,
        redactor: Redactor,
        events: Events,
        audit: AuditService,
        records: tuple[RecordService[IncidentIn], RecordService[ArticleIn]],
        watch: SurgeWatch,
    ) -> None:
        self._store = store
        self._serving = serving
        self._redactor = redactor
        self._events = events
        self._audit = audit
        self._incidents, self._articles_stored = records
        self.watch = watch
        self.on_answer: Callable[[StoredSurge, Sequence[str]], None] = lambda _surge, _numbers: None
        watch.on_joined = self._tell_answer

    @property
    def false_alarms_per_month(self) -> float:
        """How many announcements without a surge are accepted."""
        return self.watch.false_alarms_per_month

    def start(self) -> None:
        """Begin to watch what is stored."""
        self.watch.start()

    def stop(self) -> None:
        """End that."""
        self.watch.stop()

    def page(self, limit: int, before: tuple[datetime, str] | None = None, state: str = "") -> list[SurgeOut]:
        """Return up to `limit` surges in a state, or in any, the latest announced first."""
        return self._shown(self._store.surges.page(limit, before, state))

    def get(self, surge: str) -> SurgeDetailOut:
        """Return one surge with everything that is known of it.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        """
        stored = self._store.surges.get(surge)
        [summary] = self._shown([stored])
        incidents, alerts = self._store.surges.members(surge)
        contingency = self.contingency(stored)
        return SurgeDetailOut(
            **summary.model_dump(),
            numbers=incidents[:MOST_MEMBERS],
            alert_ids=alerts[:MOST_MEMBERS],
            members={kind: dict(values) for kind, values in stored.members.items()},
            course=[StepOut(at=at, count=count, expected=usual) for at, count, usual in stored.course],
            changes=[_hint(change) for change in self._changes(stored)],
            past=[self._past(past) for past in self._earlier(stored)],
            contingency=contingency.number if contingency else None,
        )

    def marks_of(self, numbers: Sequence[str]) -> dict[str, SurgeMark]:
        """Return the open surge that joins each of these incidents, by number."""
        surges = self._store.surges.of_incidents(numbers).items()
        return {number: mark(surge) for number, surge in surges if surge.state == "open"}

    def of_incident(self, number: str) -> SurgeOut | None:
        """Return the latest surge that joins an incident and was not dismissed; None if none does."""
        surge = self._store.surges.of_incidents([number]).get(number)
        return self._shown([surge])[0] if surge else None

    def declare(self, actor: str, surge: str, note: str = "") -> SurgeDetailOut:
        """Declare a surge a major incident: it lasts until a person ends it.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        ConflictError
            If it is over or dismissed.
        """
        with self._store.transaction():
            stored = self._lasting(surge)
            changes: dict[str, Any] = {"kind": "major_incident", "note": self._redactor.redact(note) or stored.note}
            if stored.declared_at is None:
                changes |= {"declared_at": utc_now(), "declared_by": actor}
            declared = self._store.surges.decide(surge, **changes)
            self._audit.note(actor, "major_incident.declare", surge, scope=stored.scope)
            self._events.emit("major_incident.declared", [(surge, {**event_data(declared), "actor": actor})])
        return self._after(surge)

    def dismiss(self, actor: str, surge: str, note: str = "") -> SurgeDetailOut:
        """Say that a surge is none: it has to be rarer the next time.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        """
        with self._store.transaction():
            stored = self._store.surges.get(surge)
            changes = {"dismissed_at": utc_now(), "dismissed_by": actor, "declared_at": None, "declared_by": ""}
            self._store.surges.decide(surge, **changes, note=self._redactor.redact(note) or stored.note)
            self._audit.note(actor, "surge.dismiss", surge, scope=stored.scope)
        return self._after(surge)

    def end(self, actor: str, surge: str, note: str = "") -> SurgeDetailOut:
        """Say that a surge, or a major incident, is over, and what ended it.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        ConflictError
            If it is over or dismissed.
        """
        with self._store.transaction():
            stored = self._lasting(surge)
            note = self._redactor.redact(note) or stored.note
            ended = self._store.surges.decide(surge, over_at=utc_now(), ended_by=actor, note=note)
            self._audit.note(actor, "surge.end", surge, scope=stored.scope)
            key = f"{surge}@{format_utc(ended.over_at or utc_now())}"
            self._events.emit("surge.ended", [(key, event_data(ended))])
        return self._after(surge)

    def answer(self, actor: str, surge: str, answer: str) -> SurgeDetailOut:
        """Tell all joined incidents the same, those that join later too.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        ConflictError
            If it was dismissed: what it joined has nothing in common then.
        """
        with self._store.transaction():
            if self._store.surges.get(surge).state == "dismissed":
                raise ConflictError("expected a surge that was not dismissed; found one that was")
            answer = self._redactor.redact(answer)
            answered = self._store.surges.decide(surge, answer=answer, answered_at=utc_now(), answered_by=actor)
            self._audit.note(actor, "surge.answer", surge, scope=answered.scope)
            self.on_answer(answered, self._store.surges.members(surge)[0])
        return self._after(surge)

    def contingency_pages(self) -> list[Contingency]:
        """Return the contingency pages of the knowledge base, by service."""
        return contingency_pages(self._articles())

    def contingency(self, surge: StoredSurge) -> Contingency | None:
        """Return the contingency page of a surge's service, else the one for every service; None for neither."""
        pages = {page.service.casefold(): page for page in self.contingency_pages()}
        services = [surge.scope.get("service", ""), *surge.members.get("service", {})]
        return next((pages[name.casefold()] for name in services if name and name.casefold() in pages), pages.get(""))

    def change_marker(self) -> tuple[object, ...]:
        """Return a value that differs after a surge began, grew, ended or was decided on."""
        newest = self._store.surges.page(1)
        lasting = self._store.surges.lasting()
        return tuple((surge.id, surge.latest, surge.state, surge.answered_at) for surge in [*newest, *lasting])

    def _lasting(self, surge: str) -> StoredSurge:
        stored = self._store.surges.get(surge)
        if stored.state != "open":
            raise ConflictError(f"expected a surge that lasts; found one that is {stored.state}")
        return stored

    def _tell_answer(self, surge: StoredSurge, numbers: Sequence[str]) -> None:
        self.on_answer(surge, numbers)

    def _after(self, surge: str) -> SurgeDetailOut:
        self._events.outbox_changed()
        self.watch.wake()
        return self.get(surge)

    def _articles(self) -> Iterable[Mapping[str, Any]]:
        try:
            frame = self._serving.current.diagnoser.parts.knowledge.frame()
        except NothingPublishedError:
            numbers = [record.number for record in self._articles_stored.newest(_MOST_ARTICLES)]
        else:
            named = frame["keywords"].astype("str").str.contains("contingency|应急", case=False, regex=True)
            numbers = frame.loc[named, "number"].tolist()
        return [{**fields, "number": number} for number, fields in self._articles_stored.find(numbers).items()]

    def _shown(self, surges: Sequence[StoredSurge]) -> list[SurgeOut]:
        counts = self._store.surges.counts([surge.id for surge in surges])
        links = self._store.service_links.all() if surges else []
        service_map = ServiceMap.from_pairs((item, needs) for item, needs, _ in links)
        return [_out(surge, counts[surge.id], service_map, self._changes(surge)) for surge in surges]

    def _changes(self, surge: StoredSurge) -> list[StoredChange]:
        """Return the changes on its items and services from a day before it to its announcement, the latest first."""
        items = list(surge.members.get("cmdb_ci", {}))
        services = list(surge.members.get("service", {}))
        if surge.kind == "silence" or not (items or services):
            return []
        changes = self._store.change_records.on(items, services, surge.since - _DAY, surge.at, _MOST_CHANGES)
        return sorted(
            changes, key=lambda change: change.cmdb_ci not in items
        )  # stable: the item's before the service's

    def _earlier(self, surge: StoredSurge) -> list[StoredSurge]:
        if surge.kind == "silence" or surge.scope_kind == "all":
            return []
        return self._store.surges.of_scope(surge.scope_kind, surge.scope_value, surge.at, _MOST_PAST)

    def _past(self, surge: StoredSurge) -> PastSurgeOut:
        numbers, _ = self._store.surges.members(surge.id)
        return PastSurgeOut(
            id=surge.id,
            since=_time(surge.since),
            over_at=None if surge.over_at is None else _time(surge.over_at),
            incidents=len(numbers),
            ended_with=surge.note or self._usual_resolution(numbers[:100]),
        )

    def _usual_resolution(self, numbers: Sequence[str]) -> str:
        """Return the resolution that most of these incidents have, if two have it or there is only one."""
        records = self._incidents.find(numbers).values()
        notes = Counter(str(row["close_notes"]).strip() for row in records if row.get("close_notes"))
        note, count = max(notes.items(), key=lambda pair: pair[1], default=("", 0))
        return note[:600] if count > 1 or len(notes) == 1 else ""


def cursor_of(surge: SurgeOut) -> str:
    """Return the place of a surge in the list, for a cursor."""
    return f"{surge.at} {surge.id}"


def _out(
    surge: StoredSurge, counts: tuple[int, int], service_map: ServiceMap, changes: Sequence[StoredChange]
) -> SurgeOut:
    times = {name: getattr(surge, name) for name in ("over_at", "declared_at", "dismissed_at", "answered_at")}
    return SurgeOut(
        id=surge.id,
        kind=surge.kind,  # type: ignore[arg-type]
        state=surge.state,
        scope=surge.scope,
        at=_time(surge.at),
        since=_time(surge.since),
        latest=_time(surge.latest),
        found=surge.count,
        expected=round(surge.expected, 2),
        window_minutes=round(surge.window / 60),
        incidents=counts[0],
        alerts=counts[1],
        likely_item=_likely_item(surge, sum(counts), service_map),
        likely_change=changes[0].number if changes else None,
        declared_by=surge.declared_by,
        dismissed_by=surge.dismissed_by,
        ended_by=surge.ended_by,
        note=surge.note,
        answer=surge.answer,
        answered_by=surge.answered_by,
        **{name: None if moment is None else _time(moment) for name, moment in times.items()},
    )


def _likely_item(surge: StoredSurge, total: int, service_map: ServiceMap) -> str | None:
    items = dict(surge.members.get("cmdb_ci", {}))
    if (common := service_map.common_item(items)) is not None:
        return common
    item, count = max(items.items(), key=lambda pair: pair[1], default=("", 0))
    return item if count and 2 * count >= total else None


def _hint(change: StoredChange) -> ChangeHintOut:
    return ChangeHintOut(
        number=change.number,
        at=_time(change.at) if change.at else "",
        cmdb_ci=change.cmdb_ci,
        service=change.service,
        short_description=str(change.body.get("short_description", "")),
    )


def _time(moment: datetime) -> str:
    return format_utc(moment, timespec="seconds")
