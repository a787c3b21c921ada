"""Records as the JSON bodies that the store keeps: what is known of them, times in ISO 8601."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from diagnosis.incident import IncidentBatch
from diagnosis.times import format_utc


def bodies_of(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return the rows of a canonical frame by number; of rows with one number the last counts."""
    rows = [stored_body(row) for row in frame.to_dict("records")]
    return {row["number"]: row for row in rows}


def record_of(incidents: IncidentBatch, row: int, fields: Sequence[str]) -> dict[str, Any]:
    """Return some fields of one incident of a batch."""
    return stored_body({name: incidents.column(name)[row] for name in fields})


def stored_body(values: Mapping[Any, Any]) -> dict[str, Any]:
    """Return what is known of a record, as plain JSON values with times in UTC."""
    return {str(name): _plain(value) for name, value in values.items() if _is_known(value)}


def _is_known(value: Any) -> bool:  # noqa: ANN401 - a cell of a frame
    return not (value is None or value is pd.NA or value is pd.NaT or value == "" or value != value)  # noqa: PLR0124


def _plain(value: Any) -> Any:  # noqa: ANN401 - a cell of a frame
    if isinstance(value, datetime):
        return format_utc(value)
    return value.item() if hasattr(value, "item") else value
