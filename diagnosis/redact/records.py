"""Personal data leaves incidents and articles before any part of a release sees them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import pandas as pd

from diagnosis.incident import CODED_FIELDS, IncidentBatch
from diagnosis.redact import Redactor

WORDS = ("short_description", "description", "close_notes")
CODES = (*CODED_FIELDS, "assigned_to")
_CHANGE_KEYS = ("number", "opened_at", "started_at", "ended_at")
ARTICLE_WORDS = ("title", "symptoms", "cause", "resolution", "keywords")


def mask_incidents(incidents: IncidentBatch, redactor: Redactor) -> IncidentBatch:
    """Return incidents without personal data; extra columns stay as they are.

    Words are masked in place (``<EMAIL>``). A code that holds personal data, such as a caller known by a mail address,
    becomes its mask and a digest (``<EMAIL>#9f86d081``): equal callers stay equal, which recurrence and routing need.
    """
    masked = {name: [redactor.redact(text) for text in incidents.column(name)] for name in WORDS}
    for name in CODES:
        column = incidents.column(name)
        masks = {value: mask_code(value, redactor) for value in set(column)}
        masked[name] = [masks[value] for value in column]
    return incidents.with_columns({name: column for name, column in masked.items() if column != incidents.column(name)})


def mask_articles(frame: pd.DataFrame, redactor: Redactor) -> pd.DataFrame:
    """Return a copy of a canonical knowledge frame without personal data."""
    return frame.assign(**{name: redactor.redact_column(frame[name]) for name in ARTICLE_WORDS})


def mask_code(value: str, redactor: Redactor) -> str:
    """Return a code as it is, or, if it holds personal data, its mask and a digest that keeps equal codes equal."""
    masked = redactor.redact(value) if value else value
    if masked == value:
        return value
    return f"{masked}#{hashlib.blake2b(value.encode(), digest_size=4).hexdigest()}"


def mask_value(value: Any, redactor: Redactor) -> Any:  # noqa: ANN401 - any JSON value
    """Return a JSON value with every string in it redacted."""
    if isinstance(value, str):
        return redactor.redact(value)
    if isinstance(value, dict):
        return {name: mask_value(item, redactor) for name, item in value.items()}
    if isinstance(value, list):
        return [mask_value(item, redactor) for item in value]
    return value


def mask_labels(labels: Mapping[str, Any], redactor: Redactor) -> dict[str, Any]:
    """Return the labels of an alert or a change without personal data; codes as those of incidents, to stay equal."""
    return {
        name: mask_code(value, redactor) if name in CODES and isinstance(value, str) else mask_value(value, redactor)
        for name, value in labels.items()
    }


def mask_change(fields: Mapping[str, Any], redactor: Redactor) -> dict[str, Any]:
    """Return the fields of a change without personal data; its number and times stay."""
    return mask_labels(fields, redactor) | {name: fields[name] for name in _CHANGE_KEYS if name in fields}
