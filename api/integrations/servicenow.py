"""ServiceNow: Table API rows in; work notes and certified fields back.

A row's values are all strings; a reference is an object (link and value, or display_value) or ``""``; times are UTC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import Field, ValidationError, model_validator

from api.integrations.note import Diagnosis, certified_values, note_text
from api.integrations.payload import Payload, Words, errors_of
from api.integrations.report import ListOutcome, Report, reason_of, report_of_ticket
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase

SYSTEM = "servicenow"
MAX_ROWS = 1000
_NUMBER = re.compile(r"[A-Za-z0-9_-]{1,40}")
_SYS_ID = re.compile(r"[0-9a-f]{32}")


class IncidentRow(Payload):
    """A row of the table ``incident``; its other fields are read by the system's table."""

    sys_id: Words
    number: Words

    @property
    def ticket(self) -> dict[str, Any]:
        """The row as it came."""
        return self.extra_fields | {"sys_id": self.sys_id, "number": self.number}


class _Listing(Payload):
    @model_validator(mode="before")
    @classmethod
    def _as_rows(cls, value: object) -> object:
        if isinstance(value, dict) and "result" not in value:
            value = {"result": value}
        if isinstance(value, dict) and isinstance(value.get("result"), dict):
            return {"result": [value["result"]]}
        return value


class Rows(_Listing):
    """What a business rule or a script sends: a row, or the Table API's ``{"result": row or rows}``."""

    result: list[IncidentRow] = Field(min_length=1, max_length=MAX_ROWS)


class UnreadRows(_Listing):
    """The same, each row as it came: one that cannot be read must not cost the others their diagnoses."""

    result: list[Any] = Field(min_length=1, max_length=MAX_ROWS)


def incident_of(row: IncidentRow, fields: Mapping[str, str], number: str = "") -> Report:
    """Return the row as an incident.

    Parameters
    ----------
    number : str, optional
        Stands in where the row has none (a prediction for a record that is not saved yet).
    """
    ticket = row.ticket | {"number": row.number or number}
    return report_of_ticket(SYSTEM, ticket, row.sys_id or row.number or number, fields)


def reports_of(rows: Sequence[object], fields: Mapping[str, str]) -> tuple[dict[int, Report], dict[int, str]]:
    """Return several rows as incidents, and why others cannot be used, by their places.

    Raises
    ------
    InputError
        If none can be used.
    """
    reports: dict[int, Report] = {}
    refused: dict[int, str] = {}
    for place, row in enumerate(rows):
        try:
            reports[place] = incident_of(IncidentRow.model_validate(row), fields)
        except ValidationError as error:
            refused[place] = reason_of(RequestValidationError(errors_of(error)))
        except (RequestValidationError, InputError) as error:
            refused[place] = reason_of(error)
    if not reports:
        raise InputError(Phrase("servicenow_rows_refused", {"reason": refused[0]}))
    return reports, refused


def changes_of(rows: Sequence[object]) -> tuple[dict[int, dict[str, Any]], dict[int, str]]:
    """Return rows of the table ``change_request`` as they came, and why others are none, by their places."""
    records: dict[int, dict[str, Any]] = {}
    refused: dict[int, str] = {}
    for place, row in enumerate(rows):
        try:
            records[place] = IncidentRow.model_validate(row).ticket
        except ValidationError as error:
            refused[place] = reason_of(RequestValidationError(errors_of(error)))
    return records, refused


def changes_reply(stored: int, refused: Mapping[int, str]) -> dict[str, Any]:
    """Return what a script gets that sent several changes.

    Raises
    ------
    InputError
        If none can be used.
    """
    if not stored:
        raise InputError(Phrase("servicenow_changes_refused", {"reason": refused[0]}))
    return {"stored": stored, "refused": _refusals(refused)}


def _refusals(refused: Mapping[int, str]) -> list[dict[str, Any]]:
    return [{"index": place, "error": error} for place, error in sorted(refused.items())]


def reply(report: Report, diagnosis: Diagnosis, zone: str = "UTC") -> dict[str, Any]:
    """Return what the business rule sets on the record: work notes, and each certified value under its field's name."""
    return {
        "sys_id": report.record,
        "number": report.incident.number,
        "work_notes": note_text(diagnosis, zone),
        "certified": certified_values(diagnosis),
        "diagnosis": diagnosis,
        "warnings": list(report.warnings),
    }


def list_reply(
    reports: Mapping[int, Report], outcome: ListOutcome, refused: Mapping[int, str], zone: str = "UTC"
) -> dict[str, Any]:
    """Return what a script gets that sent several rows: what is diagnosed, what follows, and what cannot be used."""
    return {
        "result": [reply(reports[place], diagnosis, zone) for place, diagnosis in sorted(outcome.diagnoses.items())],
        "accepted": [
            {"sys_id": reports[place].record, "number": reports[place].incident.number} for place in outcome.owed
        ],
        "refused": _refusals({**refused, **outcome.refused}),
    }


def checked_number(number: str) -> str:
    """Return an incident number that is safe inside ``sysparm_query``, where ``^`` and ``=`` would add conditions.

    Raises
    ------
    InputError
        If it holds anything but letters, digits, ``-`` and ``_``.
    """
    if not _NUMBER.fullmatch(number):
        raise InputError(Phrase("servicenow_number_wrong", {"value": number[:60]}))
    return number


def is_sys_id(text: str) -> bool:
    """Return whether the text is a ServiceNow sys_id: 32 hexadecimal digits."""
    return bool(_SYS_ID.fullmatch(text))
