"""Incidents and articles as pages show them, from the store or from the history that came with the release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from api.errors import NothingPublishedError
from api.service import Service
from diagnosis.store.database import RecordNotFoundError

if TYPE_CHECKING:
    from diagnosis.diagnoser import Diagnoser

Kind = Literal["incidents", "knowledge"]


def find(service: Service, kind: Kind, numbers: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Return the known records of these numbers, personal data masked, without empty fields."""
    store = service.store.incidents if kind == "incidents" else service.store.articles
    records: dict[str, Mapping[str, Any]] = {n: {**r.body, "number": n} for n, r in store.known(numbers).items()}
    missing = [number for number in numbers if number not in records]
    diagnoser = published_diagnoser(service) if missing else None
    if diagnoser is not None:
        history = diagnoser.parts.history if kind == "incidents" else diagnoser.parts.knowledge
        rows = history.rows(missing).to_dict("records")
        records |= {str(row["number"]): _without_empty_fields(row) for row in rows}
    return records


def get(service: Service, kind: Kind, number: str) -> Mapping[str, Any]:
    """Return one record.

    Raises
    ------
    RecordNotFoundError
        If there is none of that number.
    """
    records = find(service, kind, [number])
    if number not in records:
        raise RecordNotFoundError(f"no record {number!r} in {kind}")
    return records[number]


def published_diagnoser(service: Service) -> Diagnoser | None:
    """Return the published release's diagnoser; None where no release is published."""
    try:
        return service.serving.current.diagnoser
    except NothingPublishedError:
        return None


def _without_empty_fields(row: Mapping[Any, Any]) -> dict[str, Any]:
    fields = {name: value for name, value in row.items() if not pd.isna(value) and value != ""}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()}
