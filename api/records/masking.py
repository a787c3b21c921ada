"""Personal data leaves a record here, before it is stored; one record at a time, without the cost of a frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnosis.incident import FIELDS
from diagnosis.knowledge import KNOWLEDGE_FIELDS
from diagnosis.redact import Redactor
from diagnosis.redact.records import CODES, mask_code, mask_value

_UNMASKED = frozenset({*FIELDS, *KNOWLEDGE_FIELDS}) - {"short_description", "description", "close_notes"}
_ARTICLE_WORDS = frozenset({"title", "symptoms", "cause", "resolution", "keywords"})


def mask_incident(body: Mapping[str, Any], redactor: Redactor) -> dict[str, Any]:
    """Return an incident's fields without personal data: words masked, codes as the core masks them."""
    return {name: _incident_value(name, value, redactor) for name, value in body.items()}


def mask_article(body: Mapping[str, Any], redactor: Redactor) -> dict[str, Any]:
    """Return an article's fields without personal data."""
    unmasked = _UNMASKED - _ARTICLE_WORDS
    return {name: value if name in unmasked else mask_value(value, redactor) for name, value in body.items()}


def _incident_value(name: str, value: Any, redactor: Redactor) -> Any:  # noqa: ANN401
    if name in CODES and isinstance(value, str):
        return mask_code(value, redactor)
    return value if name in _UNMASKED else mask_value(value, redactor)
