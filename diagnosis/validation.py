"""Validation: pydantic's errors in our words, what was expected and what was found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_OF_OBJECTS = ("model_type", "model_attributes_type", "dict_type")
_COMPLETE = ("missing", "extra_forbidden", "value_error")  # the last are our own words
_LONGEST = 60  # characters of a wrong value that are quoted


def describe_error(error: Mapping[str, Any]) -> str:
    """Return one of pydantic's errors in words: what was expected, and what was found.

    Examples
    --------
    >>> describe_error({"type": "greater_than", "msg": "Input should be greater than 0", "input": -1})
    'Input should be greater than 0; found -1'
    """
    expected = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] in _OF_OBJECTS:
        expected = "expected a JSON object"  # pydantic's words name our classes
    if error["type"] in _COMPLETE:
        return expected
    return f"{expected}; found {quote_value(error.get('input'))}"


def quote_value(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return a value as it may stand in a message: short, on one line, no character that cannot be encoded."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    text = json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
