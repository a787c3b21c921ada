"""Signature: what "the same fault" means. Two incidents of one signature, one after the other, are a recurrence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from diagnosis.errors import InputError
from diagnosis.incident import CODED_FIELDS
from diagnosis.phrases import Phrase
from diagnosis.recurrence.like_texts import LikeTexts

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
        values of the others (`LikeTexts`). An incident that lacks one of them has the empty signature: it can
        neither recur nor be a recurrence, unless it is itself reopened.

    Raises
    ------
    InputError
        If there is no field, a field twice, or one that is not known at logging.
    """

    fields: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.fields or len(set(self.fields)) < len(self.fields):
            raise InputError(
                f"a signature needs one or more different fields; found {', '.join(self.fields) or 'none'}"
            )
        if unknown := [name for name in self.fields if name not in (*CODED_FIELDS, TEXT)]:
            raise InputError(
                f"a signature is made of fields known at logging ({', '.join(CODED_FIELDS)}, {TEXT}); "
                f"found {', '.join(unknown)}"
            )

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of a placed frame that hold the values, in order of ``fields``."""
        return tuple(PLACED if name == TEXT else name for name in self.fields)

    def place(self, frame: pd.DataFrame, like: LikeTexts | None = None, *, learn: bool = True) -> pd.DataFrame:
        """Return the frame with the first like text of each row, where texts are part of the signature.

        Rows are looked at in order of ``opened_at``; a frame that has been placed is returned as it is.

        Parameters
        ----------
        like : LikeTexts, optional
            The texts of earlier incidents; by default none.
        learn : bool
            Whether the rows join it.
        """
        if TEXT not in self.fields or PLACED in frame:
            return frame
        ordered = frame.sort_values("opened_at", kind="stable") if len(frame) > 1 else frame
        columns = [ordered[name].tolist() for name in self.fields if name != TEXT]
        items = [SEPARATOR.join(values) for values in zip(*columns, strict=True)] if columns else [""] * len(ordered)
        texts = zip(ordered["short_description"].tolist(), ordered["description"].tolist(), strict=True)
        names = (like or LikeTexts()).names(items, [short.strip() or long for short, long in texts], learn=learn)
        return frame.assign(**{PLACED: pd.Series(names, index=ordered.index, dtype="str").reindex(frame.index)})

    def keys(self, frame: pd.DataFrame) -> pd.Series[str]:
        """Return one key an incident, ``""`` where a field is missing, shape (n,)."""
        if absent := [name for name in self.fields if name != TEXT and name not in frame]:
            raise InputError(
                f"signature {', '.join(self.fields)} needs these columns; missing {', '.join(absent)}, "
                f"found {', '.join(map(str, frame.columns))}"
            )
        placed = self.place(frame)
        columns = [placed[name].to_numpy(dtype=object) for name in self.columns]
        joined = [self.key(values) for values in zip(*columns, strict=True)]
        return pd.Series(joined, index=frame.index, dtype="str", name="signature")

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
    raise InputError(
        f"no signature fits: one of {', '.join(candidates)} must be filled in for {COVERAGE:.0%} of the incidents with "
        f"at least two values; found {_fill(frame, candidates)}"
    )


def require_variety(keys: pd.Series, signature: Signature) -> None:
    """Refuse keys of which fewer than two differ."""
    kinds = len(keys[keys != ""].unique())
    if kinds < 2:
        values = {"fields": tuple(signature.fields), "found": kinds, "incidents": len(keys)}
        raise InputError(Phrase("recurrence_has_one_signature", values))


def _supports(frame: pd.DataFrame, fields: tuple[str, ...]) -> bool:
    keys = Signature(fields).keys(frame)
    return bool((keys != "").mean() >= COVERAGE and keys[keys != ""].nunique() >= 2)


def _fill(frame: pd.DataFrame, names: Iterable[str]) -> str:
    return ", ".join(f"{name} {(frame[name] != '').mean():.0%}" for name in names if name in frame) or "none of them"
