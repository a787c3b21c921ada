"""Tickets as APIs and webhooks send them, translated by the same tables as the files that their systems export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase, as_written
from training.records.arrangements import as_record
from training.records.chunk import Malformed
from training.records.columns import INCIDENTS, RecordKind, draft_plan, plan_columns
from training.records.json_file import chunk_of, flatten
from training.records.translate import Translation, Translator

Ticket = Mapping[str, Any]


def translate_tickets(
    system: str,
    tickets: Sequence[Ticket],
    *,
    kind: RecordKind = INCIDENTS,
    mapping: Mapping[str, str] | None = None,
    zone: tzinfo = UTC,
    every_row: bool = False,
) -> Translation:
    """Return tickets as canonical columns, those that can be used; the place of a ticket is counted from 1.

    Parameters
    ----------
    system : {"servicenow", "jira", "zammad", "glpi", "rt"}
    tickets : sequence of mapping
        A row of ServiceNow's Table API; a Jira issue; a Zammad ticket with its first ``article``; a GLPI item;
        a ticket of RT's REST2.
    kind : RecordKind
        What they are; articles come from a system's own knowledge base.
    mapping : mapping of str to str, optional
        Canonical field to a field of theirs; wins over the dialect where a ticket has that field.
    zone : tzinfo
        Of times that name none.
    every_row : bool
        Keep tickets without any text.

    Raises
    ------
    InputError
        If no ticket has a number, or none has any field that tells of a fault.
    """
    rows: dict[int, dict[str, str]] = {}
    malformed: list[Malformed] = []
    for place, ticket in enumerate(tickets, start=1):
        try:
            rows[place] = flatten(as_record(ticket))
        except RecursionError as error:
            malformed.append(Malformed(place, as_written(str(error))))
    chunk = chunk_of(rows, malformed)
    # A field that none of these tickets has may be one of others: of another queue, or empty in all of them.
    present = {ours: theirs for ours, theirs in (mapping or {}).items() if theirs in chunk.header}
    plan = (draft_plan if every_row else plan_columns)(chunk.header, kind, system, present, system)
    if "number" not in plan.sources:
        raise InputError(Phrase("ticket_without_number", {"system": system}))
    latest = datetime.now(UTC) + timedelta(days=1)
    return Translator(system, kind, latest, every_row=every_row, zone=zone).translate(chunk, plan, {})
