"""Report: an incident as a system told it, with that system's own name for the record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from api.integrations.payload import words
from diagnosis.errors import InputError
from diagnosis.incident import COUNT_FIELDS, FIELDS, TIME_FIELDS, Incident

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
    """

    incident: Incident
    record: str


def report(
    system: str, record: str, incident: Incident, others: Mapping[str, Any], fields: Mapping[str, str]
) -> Report:
    """Return a report whose incident also holds the organisation's own fields.

    Parameters
    ----------
    others : mapping
        The payload's fields that the dialect does not name.
    fields : mapping of str to str
        Their name to ours (``{"u_symptom": "symptom"}``), from the settings.
    """
    values = {
        ours: str(words(others[theirs])) for theirs, ours in fields.items() if others.get(theirs) not in (None, "")
    }
    incident = replace(incident, **values, extra={"source": system, "record": record})  # type: ignore[arg-type]
    return Report(incident, record)


def checked_fields(fields: Mapping[str, str]) -> dict[str, str]:
    """Return a field map whose right side names incident fields that may be set from words.

    Raises
    ------
    InputError
        If it names another.
    """
    unknown = sorted(set(fields.values()) - MAPPABLE)
    if unknown:
        raise InputError(f"expected incident fields ({', '.join(sorted(MAPPABLE))}); found {', '.join(unknown)}")
    return dict(fields)
