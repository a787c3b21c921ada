"""RecordService: incidents and knowledge articles are stored, read and deleted; searchable within a second."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, Literal, TypeVar

from api.audit.service import AuditService
from api.errors import NothingPublishedError
from api.records.numbers import spellings
from api.records.schemas import ArticleIn, IncidentIn, body_of
from api.serving import Serving
from api.webhooks.events import Events
from diagnosis.phrases import Phrase
from diagnosis.redact import Redactor
from diagnosis.redact.records import mask_article, mask_incident
from diagnosis.store import Store
from diagnosis.store.bodies import stored_body
from diagnosis.store.database import RecordNotFoundError
from diagnosis.store.records import Record, Records

Kind = Literal["incidents", "knowledge"]
Row = TypeVar("Row", IncidentIn, ArticleIn)


class RecordService(Generic[Row]):
    """One kind of record; personal data is masked before it is stored.

    Parameters
    ----------
    kind : {"incidents", "knowledge"}
    store : Store
    serving : Serving
    redactor : Redactor
    events : Events
    audit : AuditService
    """

    def __init__(
        self,
        kind: Kind,
        store: Store,
        serving: Serving,
        redactor: Redactor,
        events: Events,
        audit: AuditService,
    ) -> None:
        self.kind = kind
        self._store = store
        self._serving = serving
        self._redactor = redactor
        self._events = events
        self._audit = audit

    def upsert(self, actor: str, rows: Sequence[Row]) -> list[Record]:
        """Insert or replace records that somebody sent."""
        return self._put(rows, lambda: self._audit.note(actor, f"{self.kind}.upsert", self.kind, stored=len(rows)))

    def take_in(self, rows: Sequence[Row]) -> list[Record]:
        """Insert or replace records that a connected system reported; its own log says who changed them.

        One that is stored as it was reported is left: it is no news to anybody.
        """
        bodies = self._masked(rows)
        known = self._records.find(list(bodies))
        news = {number: body for number, body in bodies.items() if number not in known or known[number].body != body}
        stored = {record.number: record for record in self._store_bodies(news, lambda: None)} if news else {}
        return [stored.get(number) or known[number] for number in bodies]

    def write(self, actor: str, article: Row, incident: str) -> Record:
        """Insert an article that a person wrote from an incident."""
        note = lambda: self._audit.note(actor, "article.write", article.number, incident=incident)  # noqa: E731
        return self._put([article], note)[0]

    def keep_up(self, actor: str, article: Row, upkeep: str, fields: Sequence[str]) -> Record:
        """Replace an article that a person edited, reviewed or retired."""
        note = lambda: self._audit.note(actor, f"article.{upkeep}", article.number, fields=list(fields))  # noqa: E731
        return self._put([article], note)[0]

    def delete(self, actor: str, number: str) -> None:
        """Delete a record; what it said is erased, and it is found no more within a second.

        Raises
        ------
        RecordNotFoundError
            If there is none of that number.
        """
        with self._store.transaction():
            self._records.delete(number)
            self._audit.note(actor, f"{self.kind}.delete", number)
        self._serving.store_changed()

    def get(self, number: str) -> Record:
        """Return one stored record.

        Raises
        ------
        RecordNotFoundError
            If there is none of that number.
        """
        return self._records.get(number)

    def page(self, limit: int, beyond: str | None = None) -> list[Record]:
        """Return up to `limit` stored records in order of number, those after the given number."""
        return self._records.page(limit, beyond)

    def newest(self, limit: int) -> list[Record]:
        """Return up to `limit` stored records, those that were stored last first."""
        return self._records.newest(limit)

    def stored(self, numbers: Sequence[str]) -> dict[str, Record]:
        """Return those of these records that are stored, by number."""
        return self._records.find(numbers)

    def find(self, numbers: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Return the fields of these records, stored or from the history of the release, by number, none empty."""
        fields: dict[str, Mapping[str, Any]] = {
            number: {**record.body, "number": number} for number, record in self.stored(numbers).items()
        }
        missing = [number for number in numbers if number not in fields]
        return fields | self._released(missing) if missing else fields

    def known_number(self, number: str) -> str | None:
        """Return the number of a record that is equal but for the case of letters, the same where there is one."""
        records = self.find(spellings(number))
        return next((spelling for spelling in spellings(number) if spelling in records), None)

    def in_language(self, numbers: Sequence[str], language: str) -> dict[str, Mapping[str, Any]]:
        """Return the fields of these articles by number, those of a translation where one is in the language."""
        try:
            knowledge = self._serving.current.diagnoser.parts.knowledge
        except NothingPublishedError:
            return self.find(numbers)
        chosen: dict[str, str] = {number: knowledge.in_language(number, language) for number in numbers}
        fields = self.find(list({*chosen, *chosen.values()}))
        articles = {number: fields.get(chosen[number]) or fields.get(number) for number in numbers}
        return {number: article for number, article in articles.items() if article is not None}

    def look_up(self, number: str) -> Mapping[str, Any]:
        """Return the fields of one record, stored or from the history of the release.

        Raises
        ------
        RecordNotFoundError
            If there is none of that number.
        """
        fields = self.find([number])
        if number not in fields:
            raise RecordNotFoundError(Phrase("no_record", {"id": number, "records": self.kind}))
        return fields[number]

    @property
    def _records(self) -> Records:
        return self._store.incidents if self.kind == "incidents" else self._store.articles

    def _put(self, rows: Sequence[Row], note: Callable[[], None]) -> list[Record]:
        return self._store_bodies(self._masked(rows), note)

    def _masked(self, rows: Sequence[Row]) -> dict[str, Mapping[str, Any]]:
        mask = mask_incident if self.kind == "incidents" else mask_article
        return {row.number: mask(body_of(row), self._redactor) for row in rows}

    def _store_bodies(self, bodies: Mapping[str, Mapping[str, Any]], note: Callable[[], None]) -> list[Record]:
        with self._store.transaction():
            records = self._records.put(bodies)
            if self.kind == "incidents":
                self._events.updated(bodies)
            note()
        self._serving.store_changed()
        self._events.outbox_changed()
        return records

    def _released(self, numbers: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        try:
            parts = self._serving.current.diagnoser.parts
        except NothingPublishedError:
            return {}
        table = (parts.history if self.kind == "incidents" else parts.knowledge).rows(numbers)
        return {str(row["number"]): stored_body(row) for row in table.to_dict("records")}
