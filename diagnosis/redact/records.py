"""Personal data leaves incidents and articles before any part of a release sees them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from diagnosis.incident import CODED_FIELDS, FIELDS, IncidentBatch
from diagnosis.knowledge import CONTACT_LINE, CONTINGENCY, KNOWLEDGE_FIELDS
from diagnosis.redact import Redactor

WORDS = ("short_description", "description", "close_notes")
CODES = (*CODED_FIELDS, "assigned_to")
_CHANGE_KEYS = ("number", "opened_at", "started_at", "ended_at")
ARTICLE_WORDS = ("title", "symptoms", "cause", "resolution", "keywords")

_Mask = Callable[[Any, Redactor], Any]


def mask_incidents(incidents: IncidentBatch, redactor: Redactor) -> IncidentBatch:
    """Return incidents without personal data, each as `mask_incident` leaves it."""
    masked = {
        name: _masked_column(incidents.column(name), mask, redactor)
        for name in incidents.names
        if (mask := _incident_mask(name))
    }
    return incidents.with_columns({name: column for name, column in masked.items() if column != incidents.column(name)})


def mask_incident(fields: Mapping[str, Any], redactor: Redactor) -> dict[str, Any]:
    """Return an incident's fields without personal data.

    Words and extra columns are masked in place (``<EMAIL>``). A code that holds personal data, such as a caller known
    by a mail address, becomes its mask and a digest (``<EMAIL>#9f86d081``): equal callers stay equal, which recurrence
    and routing need.
    """
    masks = {name: _incident_mask(name) for name in fields}
    return {name: mask(value, redactor) if (mask := masks[name]) else value for name, value in fields.items()}


def mask_articles(frame: pd.DataFrame, redactor: Redactor) -> pd.DataFrame:
    """Return a copy of a canonical knowledge frame without personal data, each article as `mask_article` leaves it."""
    texts = [name for name in map(str, frame.columns) if _is_article_text(name)]
    masked = frame.assign(**{name: _masked_series(frame[name], redactor) for name in texts})
    plans = np.flatnonzero(frame["keywords"].astype("str").str.contains(CONTINGENCY)) if "keywords" in frame else ()
    if len(plans):
        articles = [
            mask_article({str(name): value for name, value in frame.iloc[row].items()}, redactor) for row in plans
        ]
        for name in texts:
            values = masked[name].tolist()
            for row, article in zip(plans, articles, strict=True):
                values[row] = article[name]
            masked[name] = pd.Series(values, index=frame.index, dtype=frame[name].dtype)
    return masked


def mask_article(fields: Mapping[str, Any], redactor: Redactor) -> dict[str, Any]:
    """Return an article's fields without personal data: words and extra columns masked.

    Of a contingency plan the field ``contact`` and the lines that say whom to call stay as they are: a plan whose
    telephone number is masked is none.
    """
    mask = _plan_mask if CONTINGENCY.search(str(fields.get("keywords") or "")) else _text_mask
    return {name: mask(name, value, redactor) if _is_article_text(name) else value for name, value in fields.items()}


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
        name: _mask_code_value(value, redactor) if name in CODES else mask_value(value, redactor)
        for name, value in labels.items()
    }


def mask_change(fields: Mapping[str, Any], redactor: Redactor) -> dict[str, Any]:
    """Return the fields of a change without personal data; its number and times stay."""
    return mask_labels(fields, redactor) | {name: fields[name] for name in _CHANGE_KEYS if name in fields}


def _incident_mask(name: str) -> _Mask | None:
    """Return what masks a field of incidents, or a column that is no field; None for one that is kept as it came."""
    if name in CODES:
        return _mask_code_value
    return mask_value if name in WORDS or name not in FIELDS else None


def _text_mask(_name: str, value: Any, redactor: Redactor) -> Any:  # noqa: ANN401 - any JSON value
    return mask_value(value, redactor)


def _plan_mask(name: str, value: Any, redactor: Redactor) -> Any:  # noqa: ANN401 - any JSON value
    if name == "contact":
        return value
    if name not in ARTICLE_WORDS or not isinstance(value, str):
        return mask_value(value, redactor)
    parts, end = [], 0
    for line in CONTACT_LINE.finditer(value):
        parts += [redactor.redact(value[end : line.start()]), line[0]]
        end = line.end()
    return "".join([*parts, redactor.redact(value[end:])])


def _is_article_text(name: str) -> bool:
    return name in ARTICLE_WORDS or name not in KNOWLEDGE_FIELDS


def _mask_code_value(value: Any, redactor: Redactor) -> Any:  # noqa: ANN401 - any JSON value
    return mask_code(value, redactor) if isinstance(value, str) else mask_value(value, redactor)


def _masked_column(column: list[Any], mask: _Mask, redactor: Redactor) -> list[Any]:
    masks = {value: mask(value, redactor) for value in {value for value in column if isinstance(value, str)}}
    return [masks[value] if isinstance(value, str) else mask(value, redactor) for value in column]


def _masked_series(column: pd.Series[Any], redactor: Redactor) -> pd.Series[Any]:
    values = _masked_column(column.tolist(), mask_value, redactor)
    return pd.Series(values, index=column.index, name=column.name, dtype=column.dtype)
