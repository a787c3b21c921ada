"""Incidents and articles as pages show them, from the store or from the history that the release brought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import pandas as pd

from api.errors import NothingPublishedError
from api.service import Service
from diagnosis.store.database import RecordNotFoundError

Kind = Literal["incidents", "knowledge"]


def find(service: Service, kind: Kind, numbers: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """Return the known records of these numbers, personal data masked, without empty fields."""
    store = service.store.incidents if kind == "incidents" else service.store.articles
    found: dict[str, Mapping[str, Any]] = {n: {**r.body, "number": n} for n, r in store.known(numbers).items()}
    missing = [number for number in numbers if number not in found]
    if missing:
        try:
            parts = service.serving.current.diagnoser.parts
        except NothingPublishedError:
            return found
        rows = (parts.history if kind == "incidents" else parts.knowledge).rows(missing)
        found |= {str(row["number"]): _plain(row) for row in rows.to_dict("records")}
    return found


def get(service: Service, kind: Kind, number: str) -> Mapping[str, Any]:
    """Return one record.

    Raises
    ------
    RecordNotFoundError
        If there is none of that number.
    """
    found = find(service, kind, [number])
    if number not in found:
        raise RecordNotFoundError(f"no record {number!r} in {kind}")
    return found[number]


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    known = {name: value for name, value in row.items() if not pd.isna(value) and value != ""}
    return {n: v.isoformat() if isinstance(v, datetime) else v for n, v in known.items()}
