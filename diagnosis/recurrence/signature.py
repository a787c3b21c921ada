"""Signature: what "the same fault" means. Two incidents of one signature, one after the other, are a recurrence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from diagnosis.errors import InputError
from diagnosis.incident import CODED_FIELDS, IncidentBatch
from diagnosis.phrases import Phrase
from diagnosis.placeholders import is_placeholder, without_placeholders
from diagnosis.recurrence.like_texts import LikeTexts
from diagnosis.text import tokenise

LAST = datetime.max.replace(tzinfo=UTC)  # where a row without a time is sorted
SEPARATOR = "\x1f"  # ASCII's own: no value of a field holds it
TEXT = "text"  # not a field of an incident: what is said of the same item
PLACED = "first like text"  # the column that holds it once it has been found
COVERAGE = 0.5  # a field that fewer incidents than this carry cannot say what the same fault is
PREFERRED = (
    ("cmdb_ci", "category"),
    ("service", "category"),
    ("cmdb_ci",),
    ("service",),
    ("caller", "subcategory"),
    ("caller", "category"),
    ("category", "symptom"),
    ("subcategory",),
    ("category",),
)


@dataclass(frozen=True, slots=True)
class Signature:
    """Fields whose values, taken together, name a fault.

    Attributes
    ----------
    fields : tuple of str
        Columns of the incident frame that are known at logging, and ``"text"`` for likeness of the texts on the same
        values of the others (`LikeTexts`). An incident that lacks one of them, or has "N/A" or its like there
        (`diagnosis.placeholders`), has the empty signature: it can neither recur nor be a recurrence, unless it is
        itself reopened.

    Raises
    ------
    InputError
        If there is no field, a field twice, or one that is not known at logging.
    """

    fields: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.fields or len(set(self.fields)) < len(self.fields):
            raise InputError(Phrase("signature_empty", {"fields": self.fields or Phrase("none_found")}))
        if unknown := [name for name in self.fields if name not in (*CODED_FIELDS, TEXT)]:
            values = {"known": (*CODED_FIELDS, TEXT), "unknown": tuple(unknown)}
            raise InputError(Phrase("signature_of_unknown_fields", values))

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of a placed frame that hold the values, in order of ``fields``."""
        return tuple(PLACED if name == TEXT else name for name in self.fields)

    def place(self, incidents: IncidentBatch, like: LikeTexts | None = None, *, learn: bool = True) -> IncidentBatch:
        """Return the batch with the first like text of each row, where texts are part of the signature.

        Rows are looked at in order of ``opened_at``; a batch that has been placed is returned as it is.

        Parameters
        ----------
        like : LikeTexts, optional
            The texts of earlier incidents; by default none.
        learn : bool
            Whether the rows join it.
        """
        if TEXT not in self.fields or PLACED in incidents.names:
            return incidents
        order = in_order_of_time(incidents)
        columns = [without_placeholders(incidents.column(name)) for name in self.fields if name != TEXT]
        items = [SEPARATOR.join(column[row] for column in columns) for row in order]
        texts = _texts(incidents)
        names = (like or LikeTexts()).names(items, [texts[row] for row in order], learn=learn)
        by_row = dict(zip(order, names, strict=True))
        return incidents.with_columns({PLACED: [by_row[row] for row in range(len(incidents))]})

    def keys(self, incidents: IncidentBatch | pd.DataFrame) -> pd.Series[str]:
        """Return one key an incident, ``""`` where a field is missing, shape (n,).

        Raises
        ------
        InputError
            If a frame lacks one of the fields.
        """
        index = incidents.index if isinstance(incidents, pd.DataFrame) else None
        if isinstance(incidents, pd.DataFrame):
            if absent := [name for name in self.fields if name != TEXT and name not in incidents]:
                found = tuple(map(str, incidents.columns))
                values = {"names": self.fields, "absent": tuple(absent), "columns": found}
                raise InputError(Phrase("signature_without_columns", values))
            incidents = IncidentBatch.from_frame(incidents)
        placed = self.place(incidents)
        columns = [self.values_in(placed, name) for name in self.columns]
        joined = [self.key(values) for values in zip(*columns, strict=True)]
        return pd.Series(joined, index=index, dtype="str", name="signature")

    @staticmethod
    def values_in(incidents: IncidentBatch, column: str) -> list[str]:
        """Return a column as signatures see it: a value such as "N/A" is none."""
        values = incidents.column(column)
        return values if column == PLACED else without_placeholders(values)

    def is_known(self, incidents: IncidentBatch) -> list[bool]:
        """Return whether each incident has every field of the signature; a text needs words."""
        columns = [_texts(incidents) if name == TEXT else self.values_in(incidents, name) for name in self.fields]
        words = [bool(tokenise(text)) for text in _texts(incidents)] if TEXT in self.fields else [True] * len(incidents)
        return [all(values) and has_words for values, has_words in zip(zip(*columns, strict=True), words, strict=True)]

    def key(self, values: Sequence[str] | Mapping[str, str]) -> str:
        """Return the key of these values, in order of ``fields`` or by name; ``""`` where one is missing.

        By name, a text that has not been placed stands for itself.
        """
        if isinstance(values, Mapping):
            parts = [values.get(name, "") for name in self.fields]
            if TEXT in self.fields and TEXT not in values:
                parts[self.fields.index(TEXT)] = words_of(values)
        else:
            parts = list(values)
        return SEPARATOR.join(parts) if all(parts) else ""

    def values(self, key: str) -> dict[str, str]:
        """Return the field values that a key stands for."""
        return dict(zip(self.fields, key.split(SEPARATOR), strict=True)) if key else dict.fromkeys(self.fields, "")


def words_of(incident: Mapping[str, str]) -> str:
    """Return what the likeness of texts is judged by: the short description, or the description without one."""
    return incident.get("short_description", "").strip() or incident.get("description", "")


def in_order_of_time(incidents: IncidentBatch) -> list[int]:
    """Return the rows in order of ``opened_at``, equal times as they stand, rows without a time last."""
    times = incidents.column("opened_at")
    return sorted(range(len(times)), key=lambda row: times[row] or LAST)


def _texts(incidents: IncidentBatch) -> list[str]:
    columns = incidents.column("short_description"), incidents.column("description")
    return [short.strip() or description for short, description in zip(*columns, strict=True)]


def default_signature(frame: pd.DataFrame) -> Signature:
    """Return the first signature of `PREFERRED` that the incidents support.

    The configuration item with the category is what ITIL would call the same fault; where too few incidents carry
    one, the service, then the caller, then the category stand in.

    Raises
    ------
    InputError
        If no candidate is filled in for half of the incidents with at least two different values.
    """
    for fields in PREFERRED:
        if all(name in frame for name in fields) and _supports(frame, fields):
            return Signature(fields)
    candidates = sorted({name for fields in PREFERRED for name in fields})
    values = {"fields": tuple(candidates), "coverage": COVERAGE, "filled_names": _fill(frame, candidates)}
    raise InputError(Phrase("no_signature", values))


def require_variety(keys: pd.Series, signature: Signature) -> None:
    """Refuse keys of which fewer than two differ.

    Raises
    ------
    InputError
        If fewer than two differ.
    """
    kinds = len(keys[keys != ""].unique())
    if kinds < 2:
        values = {"fields": tuple(signature.fields), "found": kinds, "incidents": len(keys)}
        raise InputError(Phrase("recurrence_has_one_signature", values))


def _supports(frame: pd.DataFrame, fields: tuple[str, ...]) -> bool:
    keys = Signature(fields).keys(frame)
    return bool((keys != "").mean() >= COVERAGE and keys[keys != ""].nunique() >= 2)


def _coverage(column: pd.Series) -> float:
    return float(np.mean([not is_placeholder(value) for value in column]))


def _fill(frame: pd.DataFrame, names: Iterable[str]) -> tuple[Phrase, ...] | Phrase:
    shares = {name: _coverage(frame[name]) for name in names if name in frame}
    filled = tuple(Phrase("share_of_field", {"field": name, "share": share}) for name, share in shares.items())
    return filled or Phrase("none_of_them")
