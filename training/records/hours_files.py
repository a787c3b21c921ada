"""Hours that teams have, by week, as a CSV file: ``assignment_group``, ``hours`` and, for one week, ``week``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

from diagnosis.errors import InputError
from training.records.small_table import read_text, rows_of

MOST = 1_000_000.0  # hours of one week
_COLUMNS = ("assignment_group", "hours")


def read_hours(path: Path) -> dict[tuple[str, str], float]:
    """Return the hours of each group by the Monday of a week, and ``""`` where a row names none.

    Raises
    ------
    InputError
        If the file cannot be read, or a row cannot be used, with its place, what was expected and what was found.
    """
    hours: dict[tuple[str, str], float] = {}
    for place, values in enumerate(rows_of(path, read_text(path), _COLUMNS), 2):
        try:
            key, value = _row(values)
        except InputError as error:
            raise InputError(f"{path}: row {place}: {error}") from error
        if key in hours:
            raise InputError(f"{path}: row {place}: {' '.join(filter(None, key))} was there already")
        hours[key] = value
    return hours


def _row(values: Mapping[str, str]) -> tuple[tuple[str, str], float]:
    group, text = values.get("assignment_group", ""), values.get("hours", "")
    if not group:
        raise InputError("assignment_group: expected a group; found nothing")
    try:
        hours = float(text)
    except ValueError:
        hours = -1.0
    if not 0 <= hours <= MOST:
        raise InputError(f"hours: expected a number from 0 to {MOST:,.0f}; found {text!r}")
    return (group, _monday(values.get("week", ""))), hours


def _monday(text: str) -> str:
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError as error:
        raise InputError(f"week: expected a day of it such as 2026-10-05; found {text!r}") from error
    return "" if day is None else (day - timedelta(days=day.weekday())).isoformat()
