"""Pull: from a system's pages to canonical, masked rows in an output; killed at any moment, it goes on where it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from diagnosis.errors import InputError
from diagnosis.incident import FIELDS, IncidentBatch, as_frame
from diagnosis.locks import LockedError, locked
from diagnosis.redact import Redactor
from diagnosis.redact.records import mask_incidents
from diagnosis.store.bodies import bodies_of
from training.records import PRESETS, ImportCounts
from training.records.columns import INCIDENTS, plan_columns
from training.records.json_file import chunk_of, flatten
from training.records.reject import RejectFile
from training.records.translate import Translator
from training.sources import glpi, jira, servicenow, zammad
from training.sources.caller import Caller
from training.sources.credentials import Credentials, authorization
from training.sources.outputs import Output
from training.sources.page import Cursor, Page, Question, Record
from training.sources.progress_file import Progress

SYSTEMS = PRESETS
Pages = Callable[[Caller, Question, Cursor], Iterator[Page]]
Told = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Pull:
    """What is pulled.

    Attributes
    ----------
    system : {"servicenow", "jira", "zammad", "glpi"}
    credentials : Credentials
    query : str
        Filter in the system's own language.
    mapping : mapping of str to str
        Canonical field to a field of theirs; wins over the preset.
    kept : tuple of str
        Fields of theirs that are kept beside the format's, as they come; they are not masked.
    """

    system: str
    credentials: Credentials
    query: str = ""
    mapping: Mapping[str, str] | None = None
    kept: tuple[str, ...] = ()


def pull(
    asked: Pull,
    output: Output,
    state: Path,
    *,
    into: str,
    since: str = "",
    rejects: Path | None = None,
    told: Told = lambda _rows, _total: None,
    caller: Caller | None = None,
) -> ImportCounts:
    """Read every incident, or after a first whole pull those that changed, into an output.

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
    told : callable of (rows, total or None)
        Called after each page.

    Raises
    ------
    InputError
        If the state is of another pull, or another program is writing it.
    SourceError
        If the system refuses or stays away; what was read is kept.
    """
    names = {"system": asked.system, "url": asked.credentials.url, "query": asked.query, "into": into}
    with _alone(state), _calling(asked, caller) as calling, RejectFile(rejects) as rejected:
        progress = Progress.load(state, names, since).begun()
        output.go_on(progress.size)
        translating = _Translating(asked, rejected)
        question = Question(asked.query, progress.since, (*(asked.mapping or {}).values(), *asked.kept))
        for page in _pages(asked)(calling, question, progress.cursor):
            bodies = translating.bodies(page.records)
            progress = progress.after(page.cursor, len(bodies), output.put(bodies))
            progress.save(state)
            told(len(page.records), page.total)
        output.finish()
        progress.finished().save(state)
        output.clear()
        return translating.counts


def _pages(asked: Pull) -> Pages:
    if asked.system == "glpi":
        return partial(glpi.pages, credentials=asked.credentials)
    systems: dict[str, Pages] = {"servicenow": servicenow.pages, "jira": jira.pages, "zammad": zammad.pages}
    if asked.system not in systems:
        raise InputError(f"expected a source among {', '.join(SYSTEMS)}; found {asked.system!r}")
    return systems[asked.system]


@contextmanager
def _calling(asked: Pull, caller: Caller | None) -> Iterator[Caller]:
    if caller is not None:
        yield caller
        return
    signed = authorization(asked.system, asked.credentials.user, asked.credentials.token)
    with Caller(asked.credentials.url, signed) as made:
        yield made


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    try:
        with locked(state.with_name(f".{state.name}.lock")):
            yield
    except LockedError as error:
        raise InputError(f"{state}: another import is writing it") from error


class _Translating:
    """Records become rows as the store keeps them; what cannot be used is written down and counted."""

    def __init__(self, asked: Pull, rejected: RejectFile) -> None:
        self._asked, self._rejected, self._redactor = asked, rejected, Redactor()
        self._imported = self._repaired = 0
        latest = pd.Timestamp(datetime.now(UTC)) + timedelta(days=1)
        self._translator = Translator(asked.system, INCIDENTS, latest, every_row=False)

    def bodies(self, records: Sequence[Record]) -> dict[str, dict[str, Any]]:
        """Return the records that can be used, by number, masked; fields that nobody asked for are left out."""
        if not records:
            return {}
        asked = self._asked
        chunk = chunk_of({place: flatten(dict(record)) for place, record in enumerate(records, start=1)}, [])
        plan = plan_columns(list(chunk.frame.columns), INCIDENTS, asked.system, asked.mapping, asked.system)
        translation = self._translator.translate(chunk, plan, {})
        self._rejected.write(translation.rejects)
        self._imported += len(translation.frame)
        self._repaired += int(translation.repaired.sum())
        frame = as_frame(translation.frame)
        kept = [name for name in asked.kept if name in frame and name not in FIELDS]
        return bodies_of(mask_incidents(IncidentBatch.from_frame(frame[[*FIELDS, *kept]]), self._redactor).frame)

    @property
    def counts(self) -> ImportCounts:
        """What was done so far."""
        return ImportCounts(
            read=self._imported + self._rejected.rows,
            imported=self._imported,
            rejected=self._rejected.rows,
            repaired=self._repaired,
            blanked=self._rejected.values,
            presets={self._asked.system: self._asked.system},
            reasons=dict(self._rejected.reasons.most_common()),
        )
