"""What an import would make of a file: each column with its field, a sample, and what to do where it would fail."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Unpack

from diagnosis.errors import InputError
from diagnosis.incident import TIME_FIELDS
from diagnosis.phrases import Phrase
from training.records.columns import INCIDENTS, ROWS, ColumnPlan, RecordKind, draft_plan, proposed_field
from training.records.dialects import type_words
from training.records.source import open_source
from training.records.stream import ImportOptions, read_options
from training.records.times import day_comes_first, parse_times

_SAMPLE_ROWS = 1_000
_SAMPLE_LENGTH = 40

_LOOKED_AT = 20
_UNZONED = re.compile(r"\d:\d\d(:\d\d(\.\d+)?)?(\s*[AaPp]\.?[Mm]\.?)?$")  # it ends with the hour

Use = Literal["field", "kept", "ignored"]


@dataclass(frozen=True, slots=True)
class ColumnUse:
    """What becomes of one column.

    Attributes
    ----------
    column : str
        As the file names it.
    use : {"field", "kept", "ignored"}
        Mapped to a field, kept as it is, or left out for it has no name.
    field : str
        The field that it is mapped to, or ``""``.
    proposal : str
        A field of ours that it looks like and that no column fills, or ``""``.
    sample : str
        Its first value, cut.
    filled : int
        Rows with a value among those that were looked at.
    """

    column: str
    use: Use
    field: str
    proposal: str
    sample: str
    filled: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """What an import would make of a file.

    Attributes
    ----------
    file : str
    preset : str
        The dialect that was seen in the header, or ``""``.
    rows : int
        Rows that were looked at.
    columns : tuple of ColumnUse
        In order of the file.
    missing : Phrase or ""
        Why the file would be refused as it is; ``""`` if it would not.
    advice : tuple of str
        Options that would help.
    notes : tuple of Phrase
        What was assumed: the encoding, sheets that are not read.
    """

    file: str
    preset: str
    rows: int
    columns: tuple[ColumnUse, ...]
    missing: Phrase | Literal[""]
    advice: tuple[str, ...]
    notes: tuple[Phrase, ...]


def explain(
    path: Path, kind: RecordKind, mask: Callable[[str], str] = str, **options: Unpack[ImportOptions]
) -> Explanation:
    """Look at the beginning of a file and say what an import would make of it.

    Parameters
    ----------
    path : Path
    kind : RecordKind
        Incidents or knowledge.
    mask : callable of str
        Takes personal data out of a sample.
    **options
        As for the import.

    Raises
    ------
    InputError
        If the file cannot be read, or an option names what is not there.
    """
    source = open_source(path)
    reading = replace(read_options(kind, options), chunk_rows=_SAMPLE_ROWS)
    header: dict[str, None] = {}
    samples: dict[str, list[str]] = {}
    rows = 0
    for chunk in source.chunks(reading):
        for name, column in zip(chunk.header, chunk.columns, strict=True):
            header[name] = None
            samples.setdefault(name, []).extend(value.strip() for value in column if value.strip())
        rows += len(chunk)
        if rows >= _SAMPLE_ROWS:
            break
    preset, mapping = options.get("preset"), options.get("mapping")
    plan = draft_plan(list(header), kind, preset, mapping, path.name, options.get("number_from"))
    given = {*(mapping or {}).values(), options.get("number_from")}
    uses = tuple(_use(name, samples[name], plan, kind, mask) for name in header)
    uses = tuple(replace(use, proposal="") if use.column in given else use for use in uses)
    missing: Phrase | Literal[""] = ""
    try:
        plan.check(list(header), kind, path.name)
    except InputError as error:
        missing = error.phrase
    notes = [*reading.notes, *(() if options.get("timezone") else _zone_notes(uses, samples))]
    return Explanation(path.name, plan.preset, rows, uses, missing, _advice(uses, plan), tuple(notes))


def _zone_notes(uses: tuple[ColumnUse, ...], samples: dict[str, list[str]]) -> tuple[Phrase, ...]:
    """Return what is said of times without a zone: eight hours make another day, and another quarter."""
    columns = [use.column for use in uses if (use.field or use.proposal) in TIME_FIELDS]
    unzoned = [name for name in columns if any(_UNZONED.search(value) for value in samples[name][:_LOOKED_AT])]
    if not unzoned:
        return ()
    return (Phrase("times_without_zone", {"columns": tuple(unzoned)}),)


def _use(name: str, values: list[str], plan: ColumnPlan, kind: RecordKind, mask: Callable[[str], str]) -> ColumnUse:
    field = next((field for field, columns in plan.sources.items() if name in columns), "")
    proposal = proposed_field(name, kind) if name and not field else ""
    if kind is INCIDENTS and not (plan.dialect and field == "type"):
        by_values = _field_of(field or proposal, values)
        proposal = "" if by_values == field else by_values
    if proposal.endswith("_at") and not _are_times(values):
        proposal = ""
    sample = mask(" ".join(values[0].split())[: 4 * _SAMPLE_LENGTH]) if values else ""
    return ColumnUse(
        name,
        "field" if field else "kept" if name else "ignored",
        field,
        "" if proposal in plan.sources else proposal,
        sample if len(sample) <= _SAMPLE_LENGTH else sample[: _SAMPLE_LENGTH - 1] + "…",
        len(values),
    )


def _field_of(field: str, values: list[str]) -> str:
    """Return the field of a column whose name may mean two, by what it holds; any other as it is."""
    if field in ("number", "problem"):  # desks call a ticket's subject so too
        sentences = sum(not re.search(r"\d", value) or len(value.split()) > 2 for value in values)
        return "short_description" if 2 * sentences > len(values) else field
    if field in ("type", "category"):  # both are called "kind" and "type"
        types = sum(value.casefold() in type_words() for value in values)
        return "type" if 2 * types > len(values) else "category" if values else field
    return field


def _are_times(values: list[str]) -> bool:
    """Return whether most values can be read as times: ``Solved`` may hold yes and no, 处理时间 two hours."""
    day_first = day_comes_first(values)
    times = parse_times(values, True if day_first is None else day_first).times
    return 2 * sum(time is not None for time in times) > len(values)


def _advice(uses: tuple[ColumnUse, ...], plan: ColumnPlan) -> tuple[str, ...]:
    proposals = {use.proposal: use.column for use in reversed(uses) if use.proposal}
    advice = [f"--map {_quoted(f'{field}={column}')}" for field, column in proposals.items()]
    if "number" not in plan.sources and not plan.numbered and "number" not in proposals:
        advice.append(f"--number-from {ROWS}")
    return tuple(advice)


def _quoted(text: str) -> str:
    return f'"{text}"' if " " in text else text
