"""Alerts, changes and the service map as CSV files, in the columns of the import format."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import TypeVar

import pandas as pd

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase, either
from diagnosis.surges.maintenance import MaintenanceWindow
from diagnosis.surges.monitoring_data import Alert, Change, ServiceMap
from diagnosis.surges.scope import FIELDS
from training.records.changes import canonical_change, is_cancelled
from training.records.small_table import column_expected, row_refused
from training.records.times import parse_times

Row = TypeVar("Row")


def read_alerts(path: Path, warn: Callable[[Phrase], object]) -> list[Alert]:
    """Read alerts (``id``, ``started_at``; ``ended_at``, ``name``, ``cmdb_ci``, ``service``, ``description``).

    Parameters
    ----------
    warn : callable
        Told of rows that cannot be used, in one sentence a reason.

    Raises
    ------
    InputError
        If the file cannot be read or lacks a column that every alert has.
    """
    table = _table(path, ("id", "started_at"))
    started, ended = _times(table, "started_at"), _times(table, "ended_at")
    _warn_undated(path, "started_at", started, warn)
    begin, end = _all_seconds(started), _all_seconds(ended)

    def make(row: Mapping[Hashable, str], place: int) -> Alert:
        return Alert(
            id=row["id"],
            at=begin[place],
            over=None if math.isnan(end[place]) else end[place],
            name=row.get("name", ""),
            cmdb_ci=row.get("cmdb_ci", ""),
            service=row.get("service", ""),
            description=row.get("description", ""),
        )

    return _records_of(table, started, make)


def read_changes(path: Path, warn: Callable[[Phrase], object]) -> list[Change]:
    """Read changes (``number``; ``started_at`` or ``opened_at``, ``cmdb_ci``, ``service``, ``short_description``).

    Exports of ServiceNow and GLPI are read too, by their own names. What was cancelled is left out.

    Raises
    ------
    InputError
        If the file cannot be read or lacks a column that every change has.
    """
    rows = read_change_rows(path, warn)
    return [
        Change(
            number=row["number"],
            at=_seconds(at),
            cmdb_ci=row.get("cmdb_ci", ""),
            service=row.get("service", ""),
            short_description=row.get("short_description", ""),
        )
        for row, at in rows
        if not is_cancelled(row.get("state", ""))
    ]


def read_change_rows(path: Path, warn: Callable[[Phrase], object]) -> list[tuple[dict[str, str], pd.Timestamp]]:
    """Return each change with a number in the fields of the import format, and when it started or was opened.

    Raises
    ------
    InputError
        If the file cannot be read or lacks a column that every change has.
    """
    table = _table(path, ())
    rows = [canonical_change({str(name): value for name, value in row.items()}) for row in table.to_dict("records")]
    for names in (("number",), ("started_at", "opened_at")):
        if rows and not any(name in row for row in rows for name in names):
            raise InputError(column_expected(path, either(names), table.columns))
    columns = pd.DataFrame({name: [row.get(name, "") for row in rows] for name in ("started_at", "opened_at")})
    at = _times(columns, "started_at").fillna(_times(columns, "opened_at"))
    usable = [not pd.isna(at[place]) and "number" in row for place, row in enumerate(rows)]
    if left_out := len(rows) - sum(usable):
        warn(Phrase("changes_without_time", {"file": str(path), "n": left_out, "of": len(rows)}))
    return [(row, at[place]) for place, row in enumerate(rows) if usable[place]]


def read_service_map(path: Path) -> ServiceMap:
    """Read which item needs which (``from`` needs ``to``); cycles are no error.

    Raises
    ------
    InputError
        If the file cannot be read or lacks a column.
    """
    table = _table(path, ("from", "to"))
    pairs = zip(table["from"], table["to"], strict=True)
    return ServiceMap.from_pairs((item, needs) for item, needs in pairs if item and needs)


def read_maintenance(path: Path) -> list[MaintenanceWindow]:
    """Read maintenance windows (``starts_at``, ``ends_at``; the fields of a scope, such as ``service``; ``note``).

    Raises
    ------
    InputError
        If the file cannot be read, lacks a column, or a window has no readable times or ends before it starts.
    """
    table = _table(path, ("starts_at", "ends_at"))
    starts, ends = _times(table, "starts_at"), _times(table, "ends_at")
    windows = []
    for place, row in enumerate(table.to_dict("records")):
        if pd.isna(starts[place]) or pd.isna(ends[place]):
            raise InputError(row_refused(path, place + 2, Phrase("maintenance_untimed")))
        if ends[place] <= starts[place]:
            raise InputError(row_refused(path, place + 2, Phrase("maintenance_ends_first")))
        scope: dict[str, str] = {name: row[name] for name in FIELDS if row.get(name)}
        start, end = _seconds(starts[place]), _seconds(ends[place])
        windows.append(MaintenanceWindow(f"row {place + 2}", start, end, scope, row.get("note", "")))
    return windows


def _table(path: Path, required: tuple[str, ...]) -> pd.DataFrame:
    try:
        if path.suffix == ".jsonl":  # what `faultwise import --source … --out` wrote
            rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
            table = pd.DataFrame(rows, dtype=str).fillna("")
        else:
            table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", skipinitialspace=True)
    except pd.errors.EmptyDataError as error:
        raise InputError(Phrase("header_expected", {"path": str(path)})) from error
    except (ValueError, UnicodeDecodeError, pd.errors.ParserError) as error:
        raise InputError(Phrase("table_expected", {"path": str(path), "fault": str(error)})) from error
    lacking = [name for name in required if name not in table.columns]
    if lacking:
        raise InputError(column_expected(path, lacking[0], table.columns))
    return table


def _times(table: pd.DataFrame, name: str) -> pd.Series:
    if name not in table.columns:
        return pd.Series(pd.NaT, index=table.index, dtype="datetime64[us, UTC]")
    times = parse_times(table[name].tolist()).times
    return pd.Series(times, index=table.index, dtype="datetime64[us, UTC]")


def _warn_undated(path: Path, name: str, times: pd.Series, warn: Callable[[Phrase], object]) -> None:
    if undated := int(times.isna().sum()):
        warn(Phrase("rows_without_time", {"file": str(path), "n": undated, "of": len(times), "column": name}))


def _all_seconds(times: pd.Series) -> list[float]:
    """Return times in seconds since the epoch; NaN where there is none."""
    seconds: list[float] = ((times - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)).tolist()
    return seconds


def _seconds(moment: pd.Timestamp) -> float:
    return float(moment.timestamp())


def _records_of(table: pd.DataFrame, times: pd.Series, make: Callable[[Mapping[Hashable, str], int], Row]) -> list[Row]:
    names, columns = list(table.columns), [table[name].tolist() for name in table.columns]
    usable = times.notna().tolist()
    return [  # one row at a time: a flood of a million alerts must not become a million dicts at once
        make(dict(zip(names, values, strict=True)), place)
        for place, values in enumerate(zip(*columns, strict=True))
        if usable[place]
    ]
