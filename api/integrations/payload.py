"""What every dialect reads: words, references, prose and moments, and one way to say what is wrong with a payload."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from api.http.fields import recorded_time
from diagnosis.phrases import Phrase
from diagnosis.text import plain_text, valid_text
from diagnosis.text.atlassian import document_text
from training.records.json_file import MAX_DEPTH, REFERENCE_NAMES
from training.records.times import parse_time


def words(value: object, depth: int = 0) -> object:
    """Return a plain value, or the name of a reference, as text; ``""`` for nothing.

    A value that is neither is returned as it came, so that pydantic names it in its own error.
    """
    if value is None or depth > MAX_DEPTH:
        return ""
    if isinstance(value, dict):
        names = (value[name] for name in REFERENCE_NAMES if value.get(name) not in (None, ""))
        return next((words(name, depth + 1) for name in names), "")
    if isinstance(value, list):
        return words(value[0], depth + 1) if value else ""
    if isinstance(value, bool | int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return valid_text(value).strip() if isinstance(value, str) else value


def prose(value: object) -> object:
    """Return text that may be plain, HTML or an Atlassian document as plain text."""
    if isinstance(value, dict) and value.get("type") == "doc":
        return words(document_text(value))
    text = words(value)
    return words(plain_text(text)) if isinstance(text, str) else text


def moment(value: object) -> object:
    """Return a time in UTC, read as files are; one without a zone is UTC; ``""`` and zero dates are None.

    Raises
    ------
    ValueError
        If it is no time.
    """
    if isinstance(value, dict):  # a ServiceNow field with both forms: only `value` is UTC in a fixed form
        value = value.get("value")
    time = parse_time(str(value)) if value not in (None, "") else None
    if isinstance(time, Phrase):
        raise ValueError(f"{time}; found {str(value)[:40]!r}")  # noqa: TRY004 - pydantic wants it so
    return time


def _recorded(value: datetime | None) -> datetime | None:
    return None if value is None else recorded_time(value)


Word = Annotated[str, BeforeValidator(words), AfterValidator(lambda text: text[:1000])]
Words = Annotated[Word, Field(default="")]
Text = Annotated[str, BeforeValidator(prose), AfterValidator(lambda text: text[:200_000])]
Prose = Annotated[Text, Field(default="")]
Moment = Annotated[datetime | None, BeforeValidator(moment), AfterValidator(_recorded), Field(default=None)]
Number = Annotated[str, BeforeValidator(words), Field(min_length=1, max_length=255)]


class Payload(BaseModel):
    """Base of a payload from elsewhere: what it does not name is kept aside, never an error."""

    model_config = ConfigDict(extra="allow", frozen=True, str_strip_whitespace=True, populate_by_name=True)

    @property
    def extra_fields(self) -> dict[str, Any]:
        """Fields that the model does not name, as they came."""
        return dict(self.model_extra or {})


def errors_of(error: ValidationError, *place: str | int) -> list[dict[str, Any]]:
    """Return what is wrong with a payload, with a pointer into the body."""
    return [
        {**fault, "input": None, "loc": ("body", *place, *fault["loc"])}
        for fault in error.errors(include_url=False, include_input=False)
    ]


def _with_valid_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object whose names hold no half of a character: a field that nobody reads must not refuse a ticket."""
    return {valid_text(name): value for name, value in pairs}


P = TypeVar("P", bound=Payload)


def parse(model: type[P], body: bytes) -> P:
    """Return the body as a payload.

    Raises
    ------
    RequestValidationError
        With a pointer to each wrong field, as the service's own routes raise it.
    """
    try:
        content = json.loads(body, object_pairs_hook=_with_valid_names if b"\\u" in body else None)
    except (ValueError, RecursionError) as error:  # NaN and half a character are read: one part must not refuse others
        fault = {"type": "json_invalid", "loc": ("body",), "msg": f"expected JSON; found {error}"[:200], "input": None}
        raise RequestValidationError([fault]) from error
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise RequestValidationError(errors_of(error)) from error
