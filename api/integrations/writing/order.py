"""Order: what is to be written to one record, and the rules that every writer keeps.

Each writer makes sure rather than does: it reads the record first, so that an order carried out twice, or half, leaves
one note, and a value that a person has changed since stays theirs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from api.integrations.note import Diagnosis, certified_values, note_digest, note_text
from api.integrations.report import Report
from api.integrations.settings import System
from api.outgoing.courier import GivenUpError
from api.telemetry import current_trace
from diagnosis.incident import FIELDS
from diagnosis.store.outbox import OutgoingCall
from diagnosis.text.chinese import has_han

# The same call would be refused again; anything else (401 and 403 too: a token may be renewed) is tried later.
_FINAL = frozenset({400, 404, 405, 410, 413, 415, 422})


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be written.

    Attributes
    ----------
    record, number : str
        The record, by the system's key and by the name that people use.
    note : str
        The text; it ends with the diagnosis's id.
    marker : str
        That id: a note that holds it is there already.
    values : mapping of str to str
        Certified values by target.
    previous : mapping of str to str
        What those targets held when the record was diagnosed; a value is written only while it still does.
    """

    record: str
    number: str
    note: str
    marker: str
    tags: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    previous: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The record's key, safe inside a path.

        Raises
        ------
        GivenUpError
            If it is empty or would lead to another path: ``.`` and ``..`` stay what they are when they are quoted.
        """
        if self.record in ("", ".", ".."):
            raise GivenUpError(f"expected the key of a record; found {self.record!r}")
        return quote(self.record, safe="")


def order_for(system: str, settings: System, report: Report, diagnosis: Diagnosis, zone: str = "UTC") -> OutgoingCall:
    """Return the call that writes a diagnosis back: once for what it says, however often the record is sent."""
    values, previous = {}, {}
    for target, value in certified_values(diagnosis).items():
        current = getattr(report.incident, target) if target in FIELDS else ""
        if current != value and (not current or current in settings.intake_groups):  # a person's choice is never moved
            values[target], previous[target] = value, current
    note = note_text(diagnosis, zone)
    order = Order(report.record, report.incident.number, note, diagnosis["id"], settings.tags, values, previous)
    return OutgoingCall(
        system, system, f"{system}:{report.record}:{note_digest(diagnosis)}", asdict(order), trace=current_trace()
    )


def answer_order(system: str, record: str, number: str, surge: str, answer: str) -> OutgoingCall:
    """Return the call that writes the one answer of a surge to a record, once for what it says."""
    digest = hashlib.sha256(answer.encode()).hexdigest()[:12]
    marker = f"{surge}-{digest}"
    footer = f"Faultwise 突增 {marker}" if has_han(answer) else f"Faultwise surge {marker}"
    order = Order(record, number, f"{answer}\n\n{footer}", marker)
    return OutgoingCall(system, system, f"{system}:{record}:answer:{marker}", asdict(order), trace=current_trace())


def call(client: httpx.Client, method: str, path: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON in and out
    """Make one call and return its JSON.

    Raises
    ------
    GivenUpError
        If the same call would be refused again.
    httpx.HTTPError
        If it failed in a way that may pass.
    """
    response = client.request(method, path, **arguments)
    if response.status_code in _FINAL:
        raise GivenUpError(f"{method} {path} was answered {response.status_code} {response.reason_phrase}")
    response.raise_for_status()
    try:
        return response.json() if response.content else None
    except ValueError as error:
        raise httpx.DecodingError(f"{method} {path} was answered with something else than JSON") from error
