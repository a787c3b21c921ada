"""Pull: from a system's pages to canonical, masked rows in an output; killed at any moment, it goes on where it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import partial
from pathlib import Path
from typing import Any

from diagnosis.errors import InputError
from diagnosis.incident import FIELDS, as_frame
from diagnosis.knowledge import as_knowledge_frame
from diagnosis.locks import LockedError, locked
from diagnosis.phrases import Phrase
from diagnosis.redact import Redactor
from diagnosis.redact.records import mask_articles, mask_change
from diagnosis.store.bodies import bodies_of
from diagnosis.times import format_utc
from training.records import PRESETS, ImportCounts
from training.records.changes import CHANGE_TIMES, canonical_change
from training.records.columns import CHANGES, INCIDENTS, KNOWLEDGE, RecordKind
from training.records.masking import IncidentMask
from training.records.reject import Reject, RejectFile
from training.records.tickets import translate_tickets
from training.records.times import parse_times
from training.sources import glpi, jira, rt, servicenow, zammad
from training.sources.caller import Caller
from training.sources.credentials import PREFIX, Credentials, authorization
from training.sources.outputs import Output
from training.sources.own_fields import CUSTOM
from training.sources.page import Cursor, Page, Query, Record
from training.sources.progress_file import Progress

SYSTEMS = PRESETS
KNOWLEDGE_SYSTEMS = ("rt",)  # whose articles are read too
CHANGE_SYSTEMS = ("servicenow", "jira", "glpi", "rt")  # whose changes are
_NO_CHANGE = Phrase("change_expected")
CHANGES_BY_QUERY = ("jira", "rt")  # where a change is an issue of a type, or a ticket of a queue, that the query names
Pages = Callable[[Caller, Query, Cursor], Iterator[Page]]
OnPage = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Pull:
    """What is read from where, and how it is translated.

    Attributes
    ----------
    system : {"servicenow", "jira", "zammad", "glpi", "rt"}
    credentials : Credentials
    query : str
        Filter in the system's own language.
    mapping : mapping of str to str
        Canonical field to a field of theirs; wins over the preset.
    extra_fields : tuple of str
        Fields of theirs that are kept beside the format's; masked as texts are.
    zone : tzinfo
        Of times that name none.
    kind : RecordKind
        Incidents, the articles of its knowledge base (`KNOWLEDGE_SYSTEMS`), or changes (`CHANGE_SYSTEMS`).
    """

    system: str
    credentials: Credentials
    query: str = ""
    mapping: Mapping[str, str] | None = None
    extra_fields: tuple[str, ...] = ()
    zone: tzinfo = UTC
    kind: RecordKind = INCIDENTS


def pull(
    request: Pull,
    output: Output,
    state: Path,
    *,
    into: str,
    since: str = "",
    rejects: Path | None = None,
    on_page: OnPage = lambda _rows, _total: None,
    caller: Caller | None = None,
) -> ImportCounts:
    """Read every record, or after a first whole pull those that changed, into an output.

    A page is put before its place is noted, and putting is repeatable: nothing is lost and nothing is there twice,
    whenever the program ends.

    Parameters
    ----------
    state : Path
        The file that notes how far it is; one pull at a time holds it.
    into : str
        What the output is called; a state of another output is refused.
    since : str
        For a first pull, only what changed at or after this moment (ISO 8601, UTC).
    rejects : Path, optional
        Where rows that cannot be used go (CSV), those of this run.
    on_page : callable of (rows, total or None)
        Called after each page.

    Raises
    ------
    InputError
        If the state is of another pull, or another program is writing it.
    SourceError
        If the system refuses or stays away; what was read is kept.
    """
    origin = {"system": request.system, "url": request.credentials.url, "query": request.query, "into": into}
    if request.kind is not INCIDENTS:
        origin["kind"] = request.kind.name
    fields = fields_of(request)
    with _alone(state), _connected(request, caller) as connected, RejectFile(rejects) as reject_file:
        progress = Progress.load(state, origin, since, fields).begun()
        output.go_on(progress.size)
        translator = _PageTranslator(request, reject_file)
        query = Query(request.query, progress.since, (*(request.mapping or {}).values(), *request.extra_fields))
        for page in pages_of(request)(connected, query, progress.cursor):
            bodies = translator.bodies(page.records)
            progress = progress.advanced(page.cursor, len(bodies), output.put(bodies))
            progress.save(state)
            on_page(len(page.records), page.total)
        output.finish()
        progress.finished().save(state)
        output.clear()
        return translator.counts


def fields_of(request: Pull) -> dict[str, str]:
    """Return what is read into which field, and what is kept, as the state of a pull notes it."""
    return {**{name: name for name in request.extra_fields}, **(request.mapping or {})}


def pages_of(request: Pull) -> Pages:
    """Return what reads the pages of a system.

    Raises
    ------
    InputError
        If there is no such system, or it has none of these records.
    """
    if request.kind is CHANGES:
        return _change_pages(request)
    if request.system == "glpi":
        return partial(glpi.pages, credentials=request.credentials)
    if request.kind is KNOWLEDGE:
        if request.system != "rt":
            values = {"systems": tuple(KNOWLEDGE_SYSTEMS), "system": request.system}
            raise InputError(Phrase("source_without_articles", values))
        return rt.article_pages
    systems: dict[str, Pages] = {
        "servicenow": servicenow.pages,
        "jira": jira.pages,
        "zammad": zammad.pages,
        "rt": rt.pages,
    }
    if request.system not in systems:
        raise InputError(Phrase("source_unknown", {"systems": tuple(SYSTEMS), "system": request.system}))
    return systems[request.system]


def _change_pages(request: Pull) -> Pages:
    if request.system not in CHANGE_SYSTEMS:
        values = {"systems": tuple(CHANGE_SYSTEMS), "system": request.system}
        raise InputError(Phrase("source_without_changes", values))
    if request.system in CHANGES_BY_QUERY and not request.query:
        code = "changes_without_type" if request.system == "jira" else "changes_without_queue"
        raise InputError(Phrase(code, {"system": request.system}))
    systems: dict[str, Pages] = {
        "servicenow": servicenow.change_pages,
        "jira": jira.pages,
        "glpi": partial(glpi.change_pages, credentials=request.credentials),
        "rt": rt.pages,
    }
    return systems[request.system]


@contextmanager
def _connected(request: Pull, caller: Caller | None) -> Iterator[Caller]:
    if caller is not None:
        yield caller
        return
    header = authorization(request.system, request.credentials.user, request.credentials.token)
    with Caller(request.credentials.url, header) as connected:
        yield connected


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    try:
        with locked(state.with_name(f".{state.name}.lock")):
            yield
    except LockedError as error:
        raise InputError(Phrase("import_state_locked", {"path": str(state)})) from error


class _PageTranslator:
    """Records become rows as the store keeps them; what cannot be used is written down and counted."""

    def __init__(self, request: Pull, rejects: RejectFile) -> None:
        self._request, self._rejects, self._redactor = request, rejects, Redactor()
        self._mask = IncidentMask(self._redactor)
        self._imported = self._repaired = 0
        self._unread: Counter[str] = Counter()
        self._without_value = dict(request.mapping or {}) if request.kind is INCIDENTS else {}

    def bodies(self, records: Sequence[Record]) -> dict[str, dict[str, Any]]:
        """Return the records that can be used, by number, masked; fields that nobody asked for are left out."""
        if not records:
            return {}
        request = self._request
        if request.kind is CHANGES:
            return self._changes(records)
        translation = translate_tickets(
            request.system, records, kind=request.kind, mapping=request.mapping, zone=request.zone
        )
        self._rejects.write(translation.rejects)
        self._imported += len(translation.places)
        self._repaired += sum(translation.repaired)
        if request.kind is KNOWLEDGE:
            return bodies_of(mask_articles(as_knowledge_frame(translation.frame()), self._redactor))
        self._look_at(translation.columns)
        frame = as_frame(translation.frame())
        extra = [name for name in request.extra_fields if name in frame and name not in FIELDS]
        return bodies_of(self._mask(frame[[*FIELDS, *extra]]))

    def _changes(self, records: Sequence[Record]) -> dict[str, dict[str, Any]]:
        """Return the changes that have a number and a time; times are written in UTC."""
        request = self._request
        rows = [canonical_change(record, request.system, request.mapping) for record in records]
        for name in CHANGE_TIMES:
            times = parse_times([row.get(name, "") for row in rows], zone=request.zone).times
            for row, moment in zip(rows, times, strict=True):
                row.pop(name, None)
                if moment is not None:
                    row[name] = format_utc(moment, timespec="seconds")
        usable = [row for row in rows if "number" in row and ("started_at" in row or "opened_at" in row)]
        self._rejects.write(
            Reject(request.system, place, "", _NO_CHANGE, row.get("number", ""))
            for place, row in enumerate(rows, start=1)
            if row not in usable
        )
        self._imported += len(usable)
        return {row["number"]: mask_change(row, self._redactor) for row in usable}

    def _look_at(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Note which custom fields held values that nobody reads, and which fields that were asked for held none."""
        for name, values in columns.items():
            rows = sum(value not in ("", None) for value in values)
            if rows:
                self._without_value.pop(name, None)
            if name.startswith(CUSTOM) and name not in self._request.extra_fields:
                self._unread[name] += rows

    def _notes(self) -> tuple[Phrase, ...]:
        notes = [
            Phrase("field_without_values", {"theirs": theirs, "ours": ours})
            for ours, theirs in self._without_value.items()
            if self._imported
        ]
        if unread := [(name, rows) for name, rows in self._unread.most_common() if rows]:
            setting = f"{PREFIX}{self._request.system.upper()}__FIELDS"
            names = tuple(Phrase("rows_of_custom_field", {"name": name, "n": rows}) for name, rows in unread)
            notes.append(Phrase("custom_fields_unread", {"names": names, "setting": setting}))
        return tuple(notes)

    @property
    def counts(self) -> ImportCounts:
        """What was done so far."""
        return ImportCounts(
            read=self._imported + self._rejects.rows,
            imported=self._imported,
            rejected=self._rejects.rows,
            repaired=self._repaired,
            blanked=self._rejects.values,
            presets={self._request.system: self._request.system},
            reasons=dict(self._rejects.reasons.most_common()),
            notes=(*self._notes(), *self._mask.notes),
        )
