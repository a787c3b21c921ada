"""SurgeService: what is breaking now, and what people decide on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
from diagnosis.phrases import Phrase
from diagnosis.records import KnowledgeRecords
from diagnosis.redact import Redactor
from diagnosis.store import Store
from diagnosis.store.database import ConflictError
from diagnosis.store.monitoring import Place, StoredChange
from diagnosis.store.surges import StoredSurge
from diagnosis.surges.monitoring_data import ServiceMap
from diagnosis.surges.surge import services_hit
from diagnosis.times import format_utc, utc_now

MOST_MEMBERS = 1000  # incidents of one surge that are listed
_DAY = timedelta(days=1)
_MOST_ARTICLES = 2000
_MOST_PAST = 5
_MOST_COMPARED = 200  # earlier surges that are looked at for the same service, the latest
_MOST_CHANGES = 20


@dataclass(frozen=True, slots=True)
class _ContingencySearch:
    """The contingency pages of a version of the knowledge base."""

    knowledge: KnowledgeRecords
    version: int
    pages: list[Contingency]


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
    incidents, articles : RecordService
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
        incidents: RecordService[IncidentIn],
        articles: RecordService[ArticleIn],
        watch: SurgeWatch,
    ) -> None:
        self._store = store
        self._serving = serving
        self._redactor = redactor
        self._events = events
        self._audit = audit
        self._incidents = incidents
        self._articles = articles
        self._contingency: _ContingencySearch | None = None
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

    def page(self, limit: int, before: int | None = None, state: str = "") -> list[StoredSurge]:
        """Return up to `limit` surges in a state, or in any, the latest announced first, those before a sequence."""
        return self._store.surges.page(limit, before, state)

    def get(self, surge: str) -> SurgeDetailOut:
        """Return one surge with everything that is known of it.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        """
        return self.detail(surge)[0]

    def detail(self, surge: str) -> tuple[SurgeDetailOut, Contingency | None]:
        """Return one surge with everything that is known of it, and the contingency page that holds for it.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        """
        stored = self._store.surges.get(surge)
        changes = self._changes([stored])
        [summary] = self.summaries([stored], changes)
        incidents, alerts = self._store.surges.members(surge)
        contingency = self.contingency(stored)
        detail = SurgeDetailOut(
            **summary.model_dump(),
            numbers=incidents[:MOST_MEMBERS],
            alert_ids=alerts[:MOST_MEMBERS],
            members={kind: dict(values) for kind, values in stored.members.items()},
            course=[StepOut(at=at, count=count, expected=usual) for at, count, usual in stored.course],
            changes=[_hint(change) for change in changes[surge]],
            past=self._past(self._earlier(stored)),
            contingency=contingency.number if contingency else None,
        )
        return detail, contingency

    def marks_of(self, numbers: Sequence[str]) -> dict[str, SurgeMark]:
        """Return the open surge that joins each of these incidents, by number."""
        surges = self._store.surges.of_incidents(numbers).items()
        return {number: mark(surge) for number, surge in surges if surge.state == "open"}

    def of_incident(self, number: str) -> SurgeOut | None:
        """Return the latest surge that joins an incident and was not dismissed; None if none does."""
        surge = self._store.surges.of_incidents([number]).get(number)
        return self.summaries([surge])[0] if surge else None

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
                raise ConflictError(Phrase("surge_dismissed"))
            answer = self._redactor.redact(answer)
            answered = self._store.surges.decide(surge, answer=answer, answered_at=utc_now(), answered_by=actor)
            self._audit.note(actor, "surge.answer", surge, scope=answered.scope)
            self.on_answer(answered, self._store.surges.members(surge)[0])
        return self._after(surge)

    def contingency_pages(self) -> list[Contingency]:
        """Return the contingency pages of the knowledge base, by service; searched again when an article changed."""
        try:
            knowledge = self._serving.current.diagnoser.parts.knowledge
        except NothingPublishedError:
            return contingency_pages(self._stored_articles([r.number for r in self._articles.newest(_MOST_ARTICLES)]))
        version = knowledge.version  # before the search: what changes meanwhile is searched the next time
        searched = self._contingency
        if searched is None or searched.knowledge is not knowledge or searched.version != version:
            frame = knowledge.frame()
            named = frame["keywords"].astype("str").str.contains("contingency|应急", case=False, regex=True)
            pages = contingency_pages(self._stored_articles(frame.loc[named, "number"].tolist()))
            self._contingency = searched = _ContingencySearch(knowledge, version, pages)
        return searched.pages

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
            raise ConflictError(Phrase("surge_over", {"state": stored.state}))
        return stored

    def _tell_answer(self, surge: StoredSurge, numbers: Sequence[str]) -> None:
        self.on_answer(surge, numbers)

    def _after(self, surge: str) -> SurgeDetailOut:
        self._events.outbox_changed()
        self.watch.wake()
        return self.get(surge)

    def _stored_articles(self, numbers: Sequence[str]) -> list[Mapping[str, Any]]:
        return [{**fields, "number": number} for number, fields in self._articles.find(numbers).items()]

    def summaries(
        self, surges: Sequence[StoredSurge], changes: Mapping[str, Sequence[StoredChange]] | None = None
    ) -> list[SurgeOut]:
        """Return surges as they are shown in a list."""
        counts = self._store.surges.counts([surge.id for surge in surges])
        links = self._store.service_links.all() if surges else []
        service_map = ServiceMap.from_pairs((item, needs) for item, needs, _ in links)
        changes = self._changes(surges) if changes is None else changes
        return [_out(surge, counts[surge.id], service_map, changes[surge.id]) for surge in surges]

    def _changes(self, surges: Sequence[StoredSurge]) -> dict[str, list[StoredChange]]:
        """Return, by surge, the changes on its items and services from a day before it to its announcement.

        Those on its items come before those on its services, and the latest first.
        """
        places = [_place(surge) for surge in surges]
        by_surge = zip(surges, places, self._store.change_records.on_each(places), strict=True)
        return {
            surge.id: sorted(changes, key=lambda change: change.cmdb_ci not in place.items)[:_MOST_CHANGES]
            for surge, place, changes in by_surge
        }

    def _earlier(self, surge: StoredSurge) -> list[StoredSurge]:
        """Return earlier surges like one: of its scope, then those that hit the same service most."""
        if surge.kind == "silence" or surge.scope_kind == "all":
            return []
        same = self._store.surges.of_scope(surge.scope_kind, surge.scope_value, surge.sequence, _MOST_PAST)
        own_ids = {earlier.id for earlier in same}
        service = services_hit(surge.members.get("service", {}))[:1]
        alike = [
            earlier
            for earlier in self._store.surges.page(_MOST_COMPARED, surge.sequence)
            if earlier.id not in own_ids and _is_of(earlier, service)
        ]
        return [*same, *alike][:_MOST_PAST]

    def _past(self, surges: Sequence[StoredSurge]) -> list[PastSurgeOut]:
        counts = self._store.surges.counts([surge.id for surge in surges])
        return [
            PastSurgeOut(
                id=surge.id,
                since=_time(surge.since),
                over_at=None if surge.over_at is None else _time(surge.over_at),
                incidents=counts[surge.id][0],
                ended_with=surge.note or self._usual_resolution(self._store.surges.members(surge.id)[0][:100]),
            )
            for surge in surges
        ]

    def _usual_resolution(self, numbers: Sequence[str]) -> str:
        """Return the resolution that most of these incidents have, if two have it or there is only one."""
        records = self._incidents.find(numbers).values()
        notes = Counter(str(row["close_notes"]).strip() for row in records if row.get("close_notes"))
        note, count = max(notes.items(), key=lambda pair: pair[1], default=("", 0))
        return note[:600] if count > 1 or len(notes) == 1 else ""


def cursor_of(surge: StoredSurge) -> str:
    """Return the place of a surge in the list, for a cursor."""
    return str(surge.sequence)


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
        services=services_hit(surge.members.get("service", {})),
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


def _is_of(surge: StoredSurge, service: Sequence[str]) -> bool:
    """Return whether a surge that was not dismissed hit a service most; none is hit most by a silence."""
    is_surge = surge.kind != "silence" and surge.dismissed_at is None
    return bool(service) and is_surge and services_hit(surge.members.get("service", {}))[:1] == list(service)


def _place(surge: StoredSurge) -> Place:
    """Return where and when a change may have led to a surge; nowhere for a silence."""
    values = {} if surge.kind == "silence" else surge.members
    return Place(list(values.get("cmdb_ci", {})), list(values.get("service", {})), surge.since - _DAY, surge.at)


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
