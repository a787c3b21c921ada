"""problem_signature: which fields say what one fault is: what breaks, never the people who report it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.placeholders import without_placeholders
from diagnosis.recurrence.signature import COVERAGE, TEXT, Signature

PEOPLE = frozenset({"caller", "opened_by"})
CANDIDATES = (
    ("cmdb_ci", "category"),
    ("service", "category"),
    ("cmdb_ci",),
    ("service",),
    ("category", "symptom"),
    ("subcategory",),
    ("category",),
    ("symptom",),
)  # the first that the incidents support says what a fault is
REPEATED = 0.1  # share of values logged again from which a field names something; fewer are numbers of single incidents
FEWEST_ITEMS = 10  # with two or more incidents, from which it is told whether each person has an item of their own
OWN_SHARE = 0.9  # share of those items that only one person reports: then they are devices of persons


def problem_signature(frame: pd.DataFrame, learned: Signature | None = None) -> Signature:
    """Return the fields that say what one fault is, or the text alone where the incidents have none of them.

    A field is passed over that fewer than half of the incidents carry, whose values hardly ever come twice (numbers of
    single incidents), and an item that is each person's own device: they would split one fault. Fields of which all
    incidents have the same values are passed over too where no text can tell their faults apart.

    Parameters
    ----------
    frame : DataFrame
        Canonical incident frame.
    learned : Signature, optional
        What recurrence was learned by; it is taken unless it names people.

    Raises
    ------
    InputError
        If the incidents have none of these fields, and no words either.
    """
    if learned is not None and not PEOPLE & set(learned.fields):
        return learned
    is_fault = frame["type"] == "incident"
    faults = frame[is_fault] if is_fault.any() else frame
    with_text = _has_words(faults)
    supported = [Signature(fields) for fields in CANDIDATES if _supports(faults, fields)]
    for signature in supported:
        if with_text or len(set(signature.keys(faults)) - {""}) > 1:
            return signature
    if supported:
        return supported[0]
    if with_text:
        return Signature((TEXT,))
    # Nothing repeats and nothing is said: each value is a fault of its own.
    for fields in CANDIDATES:
        if _share_filled(faults, fields) >= COVERAGE:
            return Signature(fields)
    if learned is not None:
        return learned
    names = sorted({name for fields in CANDIDATES for name in fields})
    shares = {name: _share_filled(faults, (name,)) for name in names}
    filled = tuple(Phrase("share_of_field", {"field": name, "share": share}) for name, share in shares.items())
    values = {"fields": tuple(names), "coverage": COVERAGE, "filled_names": filled}
    raise InputError(Phrase("no_fault_signature", values))


def _supports(faults: pd.DataFrame, fields: tuple[str, ...]) -> bool:
    if _share_filled(faults, fields) < COVERAGE:
        return False
    keys = Signature(fields).keys(faults)
    if keys[keys != ""].duplicated(keep=False).mean() < REPEATED:
        return False
    return "cmdb_ci" not in fields or not _are_devices_of_persons(faults)


def _share_filled(faults: pd.DataFrame, fields: tuple[str, ...]) -> float:
    return float((Signature(fields).keys(faults) != "").mean()) if len(faults) else 0.0


def _are_devices_of_persons(faults: pd.DataFrame) -> bool:
    pairs = pd.DataFrame({name: without_placeholders(faults[name].tolist()) for name in ("cmdb_ci", "caller")})
    pairs = pairs[(pairs["cmdb_ci"] != "") & (pairs["caller"] != "")]
    by_item = pairs.groupby("cmdb_ci")["caller"].agg(["size", "nunique"])
    repeated = by_item[by_item["size"] > 1]
    if len(repeated) < FEWEST_ITEMS:
        return False
    # One sender of everything, such as a monitoring system, owns nothing.
    callers = pairs.loc[pairs["cmdb_ci"].isin(repeated.index), "caller"].nunique()
    return bool((repeated["nunique"] == 1).mean() >= OWN_SHARE and callers >= len(repeated) / 2)


def _has_words(faults: pd.DataFrame) -> bool:
    titles, bodies = (without_placeholders(faults[name].tolist()) for name in ("short_description", "description"))
    has_words = [bool(title.strip() or body.strip()) for title, body in zip(titles, bodies, strict=True)]
    return bool(has_words) and float(np.mean(has_words)) >= COVERAGE
