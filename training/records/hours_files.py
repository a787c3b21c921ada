"""Hours that teams have, by week, as a CSV file: ``assignment_group``, ``hours`` and, for one week, ``week``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from training.records.small_table import read_text, row_refused, rows_of

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
            raise InputError(row_refused(path, place, error.phrase)) from error
        if key in hours:
            repeated = Phrase("hours_repeated", {"group": " ".join(filter(None, key))})
            raise InputError(row_refused(path, place, repeated))
        hours[key] = value
    return hours


def _row(values: Mapping[str, str]) -> tuple[tuple[str, str], float]:
    group, text = values.get("assignment_group", ""), values.get("hours", "")
    if not group:
        raise InputError(Phrase("hours_without_group"))
    try:
        hours = float(text)
    except ValueError:
        hours = -1.0
    if not 0 <= hours <= MOST:
        raise InputError(Phrase("hours_out_of_range", {"most": MOST, "value": text}))
    return (group, _monday(values.get("week", ""))), hours


def _monday(text: str) -> str:
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError as error:
        raise InputError(Phrase("hours_of_no_week", {"value": text})) from error
    return "" if day is None else (day - timedelta(days=day.weekday())).isoformat()
