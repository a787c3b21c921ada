"""JSON Lines, an array, an object with an array, or one record, as raw chunks; nested values as dotted columns."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from json.decoder import WHITESPACE  # type: ignore[attr-defined]
from pathlib import Path
from typing import Any, TextIO

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase, as_written
from diagnosis.text import valid_text
from diagnosis.text.atlassian import document_text
from training.records.arrangements import as_record
from training.records.chunk import Chunk, Malformed, ReadOptions
from training.records.encoding import detect_encoding, open_text

# Where the systems around us put the rows of an answer: ServiceNow's Table API, Jira's search, Zammad's, others.
WRAPPERS = ("result", "results", "issues", "tickets", "records", "data", "items", "value", "incidents", "knowledge")
# A reference to another record reads as the first of these that it has: ServiceNow, Jira, Zammad, GLPI.
REFERENCE_NAMES = (
    "display_value",
    "displayName",
    "name",
    "completename",
    "value",
    "fullname",
    "login",
    "email",
    "key",
    "id",
)
MAX_DEPTH = 20  # deeper than any record nests
_BLOCK = 1 << 20
_MAX_VALUE = 64 << 20  # characters of one value; a longer one is no record
_LONGEST_LINE = 8 << 20  # characters
_TOO_DEEP = Phrase("json_too_deep", {"most": MAX_DEPTH})
_DECODER = json.JSONDecoder()
# A string, at the latest to the end of its line, or a brace.
_BRACES = re.compile(r'"(?:[^"\\\n]|\\[^\n])*+"?|[{}]')

_FIRST_NAMES = re.compile(r'\{\s*"([^"\\\n]{1,200})"\s*:(?:\s*(?:"[^"\\\n]*"|[\w.+-]+)\s*,\s*"([^"\\\n]{1,200})"\s*:)?')
_LONGEST_WORD = 12  # characters of a literal or an escape that may be cut at the end of what was read
_CUT_OFF = Phrase("json_cut_off")

Record = tuple[int, Any]


def read_json(path: Path, options: ReadOptions) -> Iterator[Chunk]:
    """Yield the records of a JSON or JSON Lines file.

    A name ending in ``.json`` may hold either; the other names hold JSON Lines.

    Raises
    ------
    InputError
        If the file is neither, or breaks off in the middle of an array.
    """
    encoding = options.encoding or detect_encoding(path)
    if note := encoding.note(path.name):
        options.notes.append(note)
    with open_text(path, encoding) as stream:
        is_json = ".json" in [suffix.lower() for suffix in path.suffixes] and not _is_lines(stream)
        stream.seek(0)
        records = _Values(stream, path.name).records() if is_json else _lines(stream)
        yield from _chunks(records, options.chunk_rows)


def _fault_of(error: Exception) -> Phrase:
    """Return what the decoder found; of its errors one alone, a number of too many digits, is no JSONDecodeError."""
    if isinstance(error, RecursionError):
        return _TOO_DEEP
    return as_written(error.msg) if isinstance(error, json.JSONDecodeError) else Phrase("json_number_too_long")


def _is_lines(stream: TextIO) -> bool:
    """Return whether the first line with anything on it is a record by itself, and not the last one."""
    while line := stream.readline(_LONGEST_LINE):  # a whole export may stand on one line
        if text := line.strip().strip("\ufeff"):
            try:
                return text.startswith("{") and isinstance(json.loads(text), dict) and bool(stream.readline(1))
            except (ValueError, RecursionError):
                return False
    return False


def _lines(stream: TextIO) -> Iterator[Record]:
    for place, line in enumerate(stream, start=1):
        text = line.strip().strip("\ufeff")
        if not text:
            continue
        try:
            yield place, json.loads(text)
        except ValueError:
            yield place, Malformed(place, Phrase("json_object_expected"))
        except RecursionError:
            yield place, Malformed(place, _TOO_DEEP)


class _Values:
    """The values of a JSON text, one after another, in memory bounded by the largest of them.

    Python's own reader takes what exports hold beside the standard: NaN, and halves of surrogate pairs.
    """

    def __init__(self, stream: TextIO, file: str) -> None:
        self._stream, self._file = stream, file
        self._text, self._at = "", 0
        self._beginning: re.Pattern[str] | None = None  # of the records of an array
        self._names: frozenset[str] = frozenset()

    def records(self) -> Iterator[Record]:
        """Yield the records of an array, of an array inside an object, or single objects.

        Raises
        ------
        InputError
            If the file begins with anything else.
        """
        sign = self._peek()
        if sign == "[":
            yield from self._array()
        elif sign == "{":
            yield from self._object()
        else:
            start = Phrase("json_begins_otherwise", {"sign": sign}) if sign else Phrase("json_is_empty")
            values = {"wrappers": tuple(WRAPPERS), "file": self._file, "start": start}
            raise InputError(Phrase("json_of_other_form", values))

    def _array(self) -> Iterator[Record]:
        """Yield the records of an array; what is broken is one of them, and those around it are read."""
        self._at += 1
        place = 0
        while (sign := self._peek()) != "]":
            if not sign and not place:
                raise self._broken(Phrase("json_array_end_expected"))
            place += 1
            if not sign:
                yield place, Malformed(place, _CUT_OFF)
                return
            value = self._value(place)
            yield place, value
            after = self._peek()
            if not after and place > 1:
                if not isinstance(value, Malformed):
                    yield place + 1, Malformed(place + 1, _CUT_OFF)
                return
            if after == ",":
                self._at += 1
            elif after not in ("]", "{"):  # a comma that is missing leaves two records that can be told apart
                stop = self._next_record(self._at)
                if stop is None:
                    raise self._broken(Phrase("json_comma_in_array_expected"))
                place += 1
                yield place, Malformed(place, Phrase("json_comma_expected"))
                self._at = stop
        self._at += 1

    def _stop(self, error: ValueError | RecursionError) -> int | None:
        """Return where a broken element of an array ends, None if that takes more of the text to tell."""
        is_object = self._text[self._at : self._at + 1] == "{"
        stop = self._end_of_object() if is_object else None
        is_cut = isinstance(error, json.JSONDecodeError) and (
            error.msg.startswith("Unterminated") or error.pos > len(self._text) - _LONGEST_WORD
        )
        if is_cut and stop is None:
            return None
        following = self._next_record(self._at + 1, stop)
        return stop if following is None else following

    def _next_record(self, start: int, stop: int | None = None) -> int | None:
        """Return where the next record begins, by the names that the records of this array have."""
        beginning = self._beginning
        if beginning is None and (match := _FIRST_NAMES.match(self._text, self._at)):
            beginning = _beginning([name for name in match.groups() if name is not None])
        for match in beginning.finditer(self._text, start, stop or len(self._text)) if beginning else ():
            if self._is_record(match.start("record")):
                return match.start("record")
        return None

    def _is_record(self, place: int) -> bool:
        """Return whether a record stands at a place: half the names of the first one, or more than was read so far."""
        try:
            value, _ = _DECODER.raw_decode(self._text, place)
        except (ValueError, RecursionError):
            return True
        return 2 * len(self._names & set(value)) >= len(self._names)

    def _end_of_object(self) -> int | None:
        """Return where the object here ends by its braces outside strings, None if that cannot be told."""
        depth = 0
        for match in _BRACES.finditer(self._text, self._at):
            depth += {"{": 1, "}": -1}.get(match[0], 0)
            if depth <= 0:
                return match.end() if match[0] == "}" and depth == 0 else None
        return None

    def _object(self) -> Iterator[Record]:
        """Yield the records of the array that an object holds, or the object and those after it as records."""
        record: dict[str, Any] = {}
        self._at += 1
        while self._peek() != "}":
            name = self._value()
            if not isinstance(name, str) or self._peek() != ":":
                raise self._broken(Phrase("json_name_expected"))
            self._at += 1
            if name in WRAPPERS and self._peek() == "[":
                yield from self._array()
                return
            record[name] = self._value()
            if self._peek() == ",":
                self._at += 1
            elif self._peek() != "}":
                raise self._broken(Phrase("json_comma_in_object_expected"))
        self._at += 1
        inner = next((record[name] for name in WRAPPERS if isinstance(record.get(name), dict)), None)
        yield 1, inner if inner is not None and len(record) == 1 else record
        place = 1
        while self._peek():
            place += 1
            yield place, self._value()

    def _peek(self) -> str:
        """Return the next character that is not space, ``""`` at the end."""
        while True:
            self._at = WHITESPACE.match(self._text, self._at).end()
            if self._text[self._at : self._at + 1] == "\ufeff":
                self._at += 1
                continue
            if self._at < len(self._text) or not self._read_on():
                return self._text[self._at : self._at + 1]

    def _value(self, place: int | None = None) -> Any:  # noqa: ANN401 - any JSON value
        """Return the next value; in an array, whose `place` it has, a broken record does not end the reading."""
        self._peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except (ValueError, RecursionError) as error:
                fault = _fault_of(error)
                if place is not None and (stop := self._stop(error)) is not None:
                    self._at = stop
                    return Malformed(place, Phrase("json_error", {"fault": fault}))
                if not self._read_on():
                    if place is None or place == 1:
                        raise self._broken(fault) from None
                    following = self._next_record(self._at + 1)
                    self._at = len(self._text) if following is None else following
                    reason = _CUT_OFF if following is None else Phrase("json_object_broken", {"fault": fault})
                    return Malformed(place, reason)
                continue
            # A number at the end of what was read may go on.
            if end < len(self._text) or not isinstance(value, int | float) or not self._read_on():
                self._at = end
                if self._beginning is None and place is not None and isinstance(value, dict) and value:
                    self._beginning, self._names = _beginning(list(value)[:2]), frozenset(value)
                return value

    def _read_on(self) -> bool:
        """Read on; the next block is as large as what is held, so that a large value is not read over and over."""
        pending = self._text[self._at :]
        if len(pending) > _MAX_VALUE:
            raise InputError(Phrase("json_value_too_long", {"file": self._file, "most": _MAX_VALUE}))
        block = self._stream.read(max(_BLOCK, len(pending)))
        self._text, self._at = pending + block, 0
        return bool(block)

    def _broken(self, fault: Phrase) -> InputError:
        place = " ".join(self._text[self._at : self._at + 30].split()) or Phrase("json_at_its_end")
        return InputError(Phrase("json_broken", {"file": self._file, "fault": fault, "place": place}))


def _beginning(names: list[str]) -> re.Pattern[str]:
    """Return a pattern of the beginning of a record: its first names, and no colon before it, as a nested one has."""
    quoted = [re.escape(json.dumps(name, ensure_ascii=False)) for name in names]
    second = r'(?:\s*(?:"(?:[^"\\]|\\.)*"|[\w.+-]+)\s*,\s*' + quoted[1] + r"\s*:)" if len(quoted) > 1 else ""
    return re.compile(rf"[,}}\]\s]\s*(?P<record>\{{\s*{quoted[0]}\s*:{second})")


def _chunks(records: Iterable[Record], chunk_rows: int) -> Iterator[Chunk]:
    rows: dict[int, dict[str, str]] = {}
    malformed: list[Malformed] = []
    for place, record in records:
        if isinstance(record, dict):
            try:
                rows[place] = flatten(as_record(record))
            except RecursionError:
                malformed.append(Malformed(place, _TOO_DEEP))
        else:
            malformed.append(
                record if isinstance(record, Malformed) else Malformed(place, Phrase("json_object_expected"))
            )
        if len(rows) >= chunk_rows:
            yield chunk_of(rows, malformed)
            rows, malformed = {}, []
    yield chunk_of(rows, malformed)


def chunk_of(rows: Mapping[int, Mapping[str, str]], malformed: list[Malformed] | None = None) -> Chunk:
    """Return flattened records as a chunk, each under its place; a name that a record lacks is empty there."""
    header = list(dict.fromkeys(chain.from_iterable(rows.values())))
    columns = [[row.get(name, "") for row in rows.values()] for name in header]
    return Chunk(header, columns, list(rows), malformed or [])


def flatten(record: Mapping[str, Any], prefix: str = "", depth: int = 0) -> dict[str, str]:
    """Return one record as columns of text.

    A reference (``{"link": …, "value": …, "display_value": …}``, ``{"id": …, "name": …}``) becomes a column of its own
    name, and each of its parts a dotted one (``assignment_group.value``); a list becomes its entries' names joined
    by "; "; an Atlassian document its text.

    Raises
    ------
    RecursionError
        If values are nested deeper than `MAX_DEPTH`.

    Examples
    --------
    >>> flatten({"number": "INC1", "assignment_group": {"value": "d62", "display_value": "Network"}})
    {'number': 'INC1', 'assignment_group': 'Network', 'assignment_group.value': 'd62', 'assignment_group.display_value': 'Network'}
    """  # noqa: E501
    if depth > MAX_DEPTH:
        raise RecursionError(_TOO_DEEP)
    row: dict[str, str] = {}
    for key, value in record.items():
        name = prefix + (key if key.isascii() else valid_text(key))
        text = as_text(value)
        if text is not None:
            row[name] = text
        if isinstance(value, Mapping) and value.get("type") != "doc":
            row.update(flatten(value, f"{name}.", depth + 1))
    return row


def as_text(value: Any, depth: int = 0) -> str | None:  # noqa: ANN401 - any JSON value
    """Return a JSON value as the text of one cell, or None where an object has no name of its own.

    Raises
    ------
    RecursionError
        If it is nested deeper than `MAX_DEPTH`.
    """
    if depth > MAX_DEPTH:
        raise RecursionError(_TOO_DEEP)
    if isinstance(value, list):
        return "; ".join(text for entry in value if (text := as_text(entry, depth + 1)))
    if isinstance(value, Mapping):
        if value.get("type") == "doc":
            return valid_text(document_text(value))
        names = (value[name] for name in REFERENCE_NAMES if value.get(name) not in (None, ""))
        return next((text for name in names if (text := as_text(name, depth + 1))), None)
    return _scalar_text(value)


def _scalar_text(value: str | float | bool | None) -> str:
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value)
    return text if text.isascii() and text.isprintable() else valid_text(text)
