"""ServiceNow: Table API rows in; work notes and certified fields back.

A row's values are all strings; a reference is an object (link and value, or display_value) or ``""``; times are UTC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator, Field, model_validator

from api.integrations.note import Diagnosis, certified_values, note_text
from api.integrations.payload import Moment, Payload, Prose, Words, words
from api.integrations.report import Report, report
from diagnosis.errors import InputError
from diagnosis.incident import Incident

SYSTEM = "servicenow"
MAX_ROWS = 1000
_NUMBER = re.compile(r"[A-Za-z0-9_-]{1,40}")
_SYS_ID = re.compile(r"[0-9a-f]{32}")

Count = Annotated[
    Annotated[int, Field(ge=0)] | None, BeforeValidator(lambda value: words(value) or None), Field(default=None)
]


class Row(Payload):
    """A row of the table ``incident``."""

    sys_id: Words
    number: Words
    short_description: Prose
    description: Prose
    caller_id: Words
    opened_by: Words
    location: Words
    contact_type: Words
    business_service: Words
    cmdb_ci: Words
    category: Words
    subcategory: Words
    impact: Words
    urgency: Words
    priority: Words
    assignment_group: Words
    assigned_to: Words
    reassignment_count: Count
    reopen_count: Count
    opened_at: Moment = Field(validation_alias=AliasChoices("opened_at", "sys_created_on"))
    resolved_at: Moment
    closed_at: Moment
    reopened_time: Moment
    close_code: Words
    close_notes: Words
    problem_id: Words


class Rows(Payload):
    """What a business rule or a script sends: a row, or the Table API's ``{"result": row or rows}``."""

    result: list[Row] = Field(min_length=1, max_length=MAX_ROWS)

    @model_validator(mode="before")
    @classmethod
    def _as_rows(cls, value: object) -> object:
        if isinstance(value, dict) and "result" not in value:
            value = {"result": value}
        if isinstance(value, dict) and isinstance(value.get("result"), dict):
            return {"result": [value["result"]]}
        return value


def incident_of(row: Row, fields: Mapping[str, str], number: str = "") -> Report:
    """Return the row as an incident.

    Parameters
    ----------
    number : str, optional
        Stands in where the row has none (a prediction for a record that is not saved yet).
    """
    incident = Incident(
        number=row.number or number,
        opened_at=row.opened_at,
        short_description=row.short_description,
        description=row.description,
        caller=row.caller_id,
        opened_by=row.opened_by,
        location=row.location,
        contact_type=row.contact_type,
        service=row.business_service,
        cmdb_ci=row.cmdb_ci,
        category=row.category,
        subcategory=row.subcategory,
        impact=row.impact,
        urgency=row.urgency,
        priority=row.priority,
        assignment_group=row.assignment_group,
        assigned_to=row.assigned_to,
        reassignment_count=row.reassignment_count,
        resolved_at=row.resolved_at,
        closed_at=row.closed_at,
        reopened_at=row.reopened_time,
        reopen_count=row.reopen_count,
        close_code=row.close_code,
        close_notes=row.close_notes,
        problem=row.problem_id,
    )
    return report(SYSTEM, row.sys_id or row.number, incident, row.others, fields)


def reply(found: Report, diagnosis: Diagnosis) -> dict[str, Any]:
    """Return what the business rule sets on the record: work notes, and each certified value under its field's name."""
    return {"sys_id": found.record, "number": found.incident.number, "work_notes": note_text(diagnosis),
            "certified": certified_values(diagnosis), "diagnosis": diagnosis}  # fmt: skip


def checked_number(number: str) -> str:
    """Return an incident number that is safe inside ``sysparm_query``, where ``^`` and ``=`` would add conditions.

    Raises
    ------
    InputError
        If it holds anything but letters, digits, ``-`` and ``_``.
    """
    if not _NUMBER.fullmatch(number):
        raise InputError(f"expected a ServiceNow number such as INC0010023; found {number[:60]!r}")
    return number


def is_sys_id(text: str) -> bool:
    """Return whether the text is a ServiceNow sys_id: 32 hexadecimal digits."""
    return bool(_SYS_ID.fullmatch(text))
