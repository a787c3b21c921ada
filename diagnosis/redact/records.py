"""Personal data leaves an incident before any part of a release sees it."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pandas as pd

from diagnosis.incident import CODED_FIELDS, Incident
from diagnosis.redact import Redactor

WORDS = ("short_description", "description", "close_notes")
CODES = (*CODED_FIELDS, "assigned_to")


def mask_incidents(frame: pd.DataFrame, redactor: Redactor) -> pd.DataFrame:
    """Return a copy of a canonical incident frame without personal data.

    Words are masked in place (``<EMAIL>``). A code that holds personal data, such as a caller known by a mail address,
    becomes its mask and a digest (``<EMAIL>#9f86d081``): equal callers stay equal, which recurrence and routing need.
    """
    masked = {name: redactor.redact_column(frame[name]) for name in WORDS}
    masked |= {name: _mask_codes(frame[name], redactor) for name in CODES}
    return frame.assign(**masked)


def mask_incident(incident: Incident, redactor: Redactor) -> Incident:
    """Return one incident without personal data, masked as `mask_incidents` masks a frame."""
    words = {name: redactor.redact(getattr(incident, name)) for name in WORDS}
    codes = {name: mask_code(getattr(incident, name), redactor) for name in CODES}
    return replace(incident, **words, **codes)  # type: ignore[arg-type]


def mask_articles(frame: pd.DataFrame, redactor: Redactor) -> pd.DataFrame:
    """Return a copy of a canonical knowledge frame without personal data."""
    words = ("title", "symptoms", "cause", "resolution", "keywords")
    return frame.assign(**{name: redactor.redact_column(frame[name]) for name in words})


def mask_code(value: str, redactor: Redactor) -> str:
    """Return a code as it is, or, if it holds personal data, its mask and a digest that keeps equal codes equal."""
    masked = redactor.redact(value) if value else value
    if masked == value:
        return value
    return f"{masked}#{hashlib.blake2b(value.encode(), digest_size=4).hexdigest()}"


def _mask_codes(column: pd.Series, redactor: Redactor) -> pd.Series:
    masks = {value: mask_code(value, redactor) for value in column.unique()}
    return column.replace(masks) if any(code != mask for code, mask in masks.items()) else column
