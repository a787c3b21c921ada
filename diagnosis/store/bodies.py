"""Rows of a canonical frame as the JSON bodies that the store keeps: what is known, times in ISO 8601."""

from __future__ import annotations

from typing import Any

import pandas as pd


def bodies_of(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return the rows by number; of rows with one number the last counts."""
    rows = [{str(k): _plain(v) for k, v in row.items() if _known(v)} for row in frame.to_dict("records")]
    return {row["number"]: row for row in rows}


def _known(value: Any) -> bool:  # noqa: ANN401 - a cell of a frame
    return not (value is None or value is pd.NA or value is pd.NaT or value == "" or value != value)  # noqa: PLR0124


def _plain(value: Any) -> Any:  # noqa: ANN401 - a cell of a frame
    if isinstance(value, pd.Timestamp):
        return value.isoformat().replace("+00:00", "Z")
    return value.item() if hasattr(value, "item") else value
