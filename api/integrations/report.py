"""Report: an incident as a system sent it, with that system's own name for the record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi.exceptions import RequestValidationError

from api.errors import detail_of
from diagnosis.errors import InputError
from diagnosis.incident import COUNT_FIELDS, FIELDS, TIME_FIELDS, Incident
from diagnosis.phrases import Phrase
from training.records.arrangements import as_record
from training.records.dialects import dialects
from training.records.json_file import flatten
from training.records.tickets import translate_tickets

MAX_WORD, MAX_TEXT = 1_000, 200_000  # characters; what is longer is cut
_TEXTS = frozenset({"short_description", "description", "close_notes"})
_NUMBERS = ("number", "key", "id")  # what the systems call it
MAPPABLE = frozenset(FIELDS) - {"number", *TIME_FIELDS, *COUNT_FIELDS}


@dataclass(frozen=True, slots=True)
class Report:
    """One incident from a system around us.

    Attributes
    ----------
    incident : Incident
        ``extra`` holds ``source`` (the system) and ``record``.
    record : str
        The system's key of the record: what a write-back needs (a sys_id, an issue key, an id).
    warnings : tuple of str
        Values that were left out, with the reason.
    has_type: bool
        Whether the payload names a type, so that a request that became an incident is one.
    """

    incident: Incident
    record: str
    warnings: tuple[str, ...] = ()
    has_type: bool = False


@dataclass(frozen=True, slots=True)
class ListOutcome:
    """What became of the reports of a list, by their places.

    Attributes
    ----------
    diagnoses : dict of int to dict
    refused : dict of int to str
        Why a report was not taken.
    owed : list of int
        Whose diagnosis takes longer than the system waits: it is made later, and written back where that is on.
    """

    diagnoses: dict[int, dict[str, Any]]
    refused: dict[int, str]
    owed: list[int]


def reason_of(error: RequestValidationError | InputError) -> str:
    """Return in a line why a report cannot be used."""
    if isinstance(error, InputError):
        return detail_of(error.phrase)
    fault = error.errors()[0]
    return f"{'/'.join(map(str, fault['loc'][1:]))}: {fault['msg']}"


def report_of_ticket(
    system: str, ticket: Mapping[str, Any], record: str, fields: Mapping[str, str], prefix: str = ""
) -> Report:
    """Return a ticket as a report, by the table that reads the system's exports and its API too.

    A value that cannot be used is left out and named in the warnings; one that is too long is cut.

    Parameters
    ----------
    ticket : mapping
        As `training.records.tickets.translate_tickets` takes it; it has a number.
    record : str
        The system's key of the record.
    fields : mapping of str to str
        The organisation's own fields to ours (``{"u_symptom": "symptom"}``), from the settings.
    prefix : str
        Where the own fields stand in the ticket (``fields.`` in a Jira issue).

    Raises
    ------
    InputError
        If the ticket is nested too deep to be one, or has no number.
    """
    try:
        present = flatten(as_record(ticket))
    except RecursionError as error:
        raise InputError(error.args[0]) from error
    if not any(present.get(name) for name in _NUMBERS):
        fault = {
            "type": "missing",
            "loc": ("body", "number"),
            "msg": "expected the number of the ticket",
            "input": None,
        }
        raise RequestValidationError([fault])
    mapping = {ours: prefix + theirs for theirs, ours in fields.items() if present.get(prefix + theirs)}
    translation = translate_tickets(system, [ticket], mapping=mapping, every_row=True)
    if not translation.places:
        raise InputError(Phrase("ticket_refused", {"system": system, "reason": translation.rejects[0].reason}))
    values = {name: translation.columns[name][0] for name in FIELDS if name in translation.columns}
    values = {name: _cut(name, value) for name, value in values.items() if value not in ("", None)}
    warnings = tuple(f"{reject.column}: {reject.reason}; left out" for reject in translation.rejects)
    names = (mapping.get("type", ""), *dialects("incidents")[system].sources.get("type", ()))
    has_type = any(present.get(name) for name in names)
    return Report(Incident(**values, extra={"source": system, "record": record}), record, warnings, has_type)


def _cut(name: str, value: Any) -> Any:  # noqa: ANN401 - a value of a field
    if not isinstance(value, str):
        return value
    return value[: MAX_TEXT if name in _TEXTS else MAX_WORD]


def checked_fields(fields: Mapping[str, str]) -> dict[str, str]:
    """Return a field map whose right side names incident fields that may be set from words.

    Raises
    ------
    InputError
        If it names another.
    """
    unknown = sorted(set(fields.values()) - MAPPABLE)
    if unknown:
        values = {"names": tuple(sorted(MAPPABLE)), "unknown": tuple(unknown)}
        raise InputError(Phrase("mapped_fields_unknown", values))
    return dict(fields)
