"""Actions as a file: CSV, or JSON as `/v1/actions` shows them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, cast, get_args

from diagnosis.actions import Action, ActionKind, ActionSource, ActionStatus
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.times import as_utc
from training.records.small_table import read_text, rows_of

COLUMNS = ("id", "title", "kind", "source_kind", "source", "owner", "due", "measure", "status", "done_at")
EVIDENCE = ("team", "numbers")  # columns of a CSV file that become evidence; numbers with spaces between
PROBLEM = "problem"  # column of a CSV file for the id, title or signature of the problem that an action is about


def read_actions(path: Path, measures: tuple[str, ...]) -> list[Action]:
    """Read actions.

    Parameters
    ----------
    path : Path
        CSV with the columns `COLUMNS`, `EVIDENCE` and `PROBLEM`, of which only ``title`` has to be there, or JSON: a
        list, or what ``GET /v1/actions`` answers.
    measures : tuple of str
        What an action may be judged by.

    Raises
    ------
    InputError
        If the file cannot be read, or a row cannot be used, with its place, what was expected and what was found.
    """
    text = read_text(path)
    rows = _json_rows(path, text) if text.lstrip().startswith(("[", "{")) else _csv_rows(path, text)
    actions = []
    for place, row in enumerate(rows, 1):
        try:
            actions.append(_action(row, measures))
        except InputError as error:
            values = {"path": str(path), "place": place, "fault": error.phrase}
            raise InputError(Phrase("action_refused", values)) from error
    return actions


def actions_csv(actions: Iterable[Mapping[str, Any]]) -> str:
    """Return actions as CSV that `read_actions` reads; its byte order mark lets spreadsheets read Chinese."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, restval="", extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(actions)
    return "\ufeff" + stream.getvalue()


def _json_rows(path: Path, text: str) -> list[Mapping[str, Any]]:
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(Phrase("json_unreadable", {"path": str(path), "fault": str(error)})) from error
    rows = content.get("items", [content]) if isinstance(content, Mapping) else content
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise InputError(Phrase("actions_expected", {"path": str(path)}))
    return rows


def _csv_rows(path: Path, text: str) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = []
    for values in rows_of(path, text, ("title",)):
        evidence: list[dict[str, Any]] = [{"number": number} for number in values.get("numbers", "").split()]
        if values.get("team"):
            evidence.append({"team": values["team"]})
        source = {"source_kind": PROBLEM, "source": values[PROBLEM]} if values.get(PROBLEM) else {}
        rows.append({**values, **source, "evidence": evidence})
    return rows


def _action(row: Mapping[str, Any], measures: tuple[str, ...]) -> Action:
    text = {name: str(row.get(name) or "").strip() for name in COLUMNS}
    if not text["title"]:
        raise InputError(Phrase("action_without_title"))
    evidence = row.get("evidence") or []
    if not isinstance(evidence, list) or not all(isinstance(item, Mapping) for item in evidence):
        raise InputError(Phrase("action_evidence_wrong"))
    done_at = _moment(text["done_at"], "done_at")
    status = _among("status", text["status"] or ("done" if done_at else "open"), get_args(ActionStatus))
    if status == "done" and done_at is None:
        raise InputError(Phrase("action_done_undated"))
    due = _moment(text["due"], "due")
    result = row.get("result")
    return Action(
        title=text["title"],
        kind=cast(ActionKind, _among("kind", text["kind"] or "fix", get_args(ActionKind))),
        source_kind=cast(ActionSource, _among("source_kind", text["source_kind"] or "person", get_args(ActionSource))),
        source=text["source"],
        evidence=tuple(evidence),
        owner=text["owner"],
        due=None if due is None else date(due.year, due.month, due.day),
        measure=_among("measure", text["measure"], ("", *measures)),
        status=cast(ActionStatus, status),
        done_at=done_at,
        result=result if isinstance(result, Mapping) else None,
        id=text["id"],
        created_at=_moment(str(row.get("created_at") or "").strip(), "created_at"),
    )


def _among(name: str, value: str, expected: tuple[str, ...]) -> str:
    if value not in expected:
        choices = tuple(filter(None, expected))
        raise InputError(Phrase("value_not_offered", {"name": name, "choices": choices, "value": value}))
    return value


def _moment(text: str, name: str) -> datetime | None:
    try:
        return as_utc(datetime.fromisoformat(text)) if text else None
    except ValueError as error:
        raise InputError(Phrase("date_expected", {"name": name, "value": text})) from error
