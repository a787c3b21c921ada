"""Signature: what "the same fault" means. Two incidents of one signature, one after the other, are a recurrence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from diagnosis.errors import InputError
from diagnosis.incident import CODED_FIELDS

SEPARATOR = "\x1f"  # ASCII's own: no value of a field holds it
COVERAGE = 0.5  # a field that fewer incidents than this carry cannot say what the same fault is
PREFERRED = (("cmdb_ci", "category"), ("service", "category"), ("cmdb_ci",), ("service",), ("caller", "subcategory"),
             ("caller", "category"), ("category", "symptom"), ("subcategory",), ("category",))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Signature:
    """Fields whose values, taken together, name a fault.

    Attributes
    ----------
    fields : tuple of str
        Columns of the incident frame that are known at logging. An incident that lacks one of them has the empty
        signature: it can neither recur nor be a recurrence, unless it is itself reopened.

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
        if unknown := [name for name in self.fields if name not in CODED_FIELDS]:
            raise InputError(
                f"a signature is made of fields known at logging ({', '.join(CODED_FIELDS)}); "
                f"found {', '.join(unknown)}"
            )

    def keys(self, frame: pd.DataFrame) -> pd.Series[str]:
        """Return one key an incident, ``""`` where a field is missing, shape (n,)."""
        if absent := [name for name in self.fields if name not in frame]:
            raise InputError(
                f"signature {', '.join(self.fields)} needs these columns; missing {', '.join(absent)}, "
                f"found {', '.join(map(str, frame.columns))}"
            )
        columns = [frame[name].to_numpy(dtype=object) for name in self.fields]
        joined = [self.key(values) for values in zip(*columns, strict=True)]
        return pd.Series(joined, index=frame.index, dtype="str", name="signature")

    def key(self, values: Sequence[str] | Mapping[str, str]) -> str:
        """Return the key of these values, in order of ``fields`` or by name; ``""`` where one is missing."""
        parts = [values.get(name, "") for name in self.fields] if isinstance(values, Mapping) else list(values)
        return SEPARATOR.join(parts) if all(parts) else ""

    def values(self, key: str) -> dict[str, str]:
        """Return the field values that a key stands for."""
        return dict(zip(self.fields, key.split(SEPARATOR), strict=True)) if key else dict.fromkeys(self.fields, "")


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
    named = sorted({name for fields in PREFERRED for name in fields})
    raise InputError(
        f"no signature fits: one of {', '.join(named)} must be filled in for {COVERAGE:.0%} of the incidents with at "
        f"least two values; found {_fill(frame, named)}"
    )


def _supports(frame: pd.DataFrame, fields: tuple[str, ...]) -> bool:
    keys = Signature(fields).keys(frame)
    return bool((keys != "").mean() >= COVERAGE and keys[keys != ""].nunique() >= 2)


def _fill(frame: pd.DataFrame, names: Iterable[str]) -> str:
    return ", ".join(f"{name} {(frame[name] != '').mean():.0%}" for name in names if name in frame) or "none of them"
