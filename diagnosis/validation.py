"""Validation: pydantic's errors as phrases, what was expected and what was found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from diagnosis.errors import FaultwiseError
from diagnosis.phrases import Phrase, as_written, catalogue

_OF_OBJECTS = ("model_type", "model_attributes_type", "dict_type")
_COMPLETE = ("missing", "extra_forbidden", "value_error")  # the last are our own words
_LONGEST = 60  # characters of a wrong value that are quoted


def describe_error(error: Mapping[str, Any]) -> Phrase:
    """Return one of pydantic's errors as a phrase: what was expected, and what was found.

    Examples
    --------
    >>> str(describe_error({"type": "missing", "msg": "Field required", "input": {}}))
    'Field required'
    >>> str(describe_error({"type": "bool_type", "msg": "Input should be a valid boolean", "input": -1}))
    'Input should be a valid boolean; found -1'
    """
    expected = _expected(error)
    if error["type"] in _COMPLETE:
        return expected
    return Phrase("expected_and_found", {"expected": expected, "found": quote_value(error.get("input"))})


def _expected(error: Mapping[str, Any]) -> Phrase:
    context = dict(error.get("ctx", {}))
    if isinstance(context.get("error"), FaultwiseError):
        phrase: Phrase = context["error"].phrase
        return phrase
    code = "pydantic_object" if error["type"] in _OF_OBJECTS else f"pydantic_{error['type']}"
    form = catalogue().get(code)
    if form is None or ("ctx" not in error and "{" in form["en"]):
        return as_written(str(error["msg"]).removeprefix("Value error, "))
    if isinstance(offered := context.get("expected"), str):  # such as: 'a', 'b' or 'c'
        *first, last = offered.rsplit(" or ", 1)
        context["expected"] = (
            Phrase("either", {"first": tuple(first[0].split(", ")), "second": last}) if first else last
        )
    bounds = {name: int(bound) for name, bound in context.items() if isinstance(bound, float) and bound.is_integer()}
    return Phrase(code, {**context, **bounds, "n": context.get("min_length", context.get("max_length"))})


def quote_value(value: Any) -> str | Phrase:  # noqa: ANN401 - any JSON value
    """Return a value as it may stand in a message: short, on one line, no character that cannot be encoded."""
    if isinstance(value, Mapping):
        return Phrase("an_object")
    if isinstance(value, list | tuple):
        return Phrase("a_list")
    text = json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
