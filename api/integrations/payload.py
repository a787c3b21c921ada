"""What every dialect reads: words, references, prose and moments, and one way to say what is wrong with a payload."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from diagnosis.text import plain_text
from diagnosis.text.atlassian import document_text

# What a system calls the name of a thing it refers to, best first: ServiceNow, Jira, Zammad, GLPI.
_NAMES = ("display_value", "displayName", "name", "completename", "value", "fullname", "login", "email", "key", "id")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")  # PostgreSQL refuses NUL, and no reader wants the rest


def words(value: object) -> object:
    """Return a plain value, or the name of a reference, as text; ``""`` for nothing.

    A value that is neither is returned as it came, so that pydantic names it in its own error.
    """
    if value is None:
        return ""
    if isinstance(value, dict):
        return next((words(value[name]) for name in _NAMES if value.get(name) not in (None, "")), "")
    if isinstance(value, list):
        return words(value[0]) if value else ""
    if isinstance(value, bool | int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return _UNPRINTABLE.sub("", value).strip() if isinstance(value, str) else value


def prose(value: object) -> object:
    """Return text that may be plain, HTML or an Atlassian document as plain text."""
    if isinstance(value, dict) and value.get("type") == "doc":
        return words(document_text(value))
    text = words(value)
    return words(plain_text(text)) if isinstance(text, str) else text


def moment(value: object) -> object:
    """Return a time in UTC; one without a zone is taken as UTC, as ServiceNow and GLPI send them; ``""`` is None.

    Raises
    ------
    ValueError
        If the text is no time in ISO 8601 or ``YYYY-MM-DD HH:MM:SS``.
    """
    if isinstance(value, dict):  # a ServiceNow field with both forms: only `value` is UTC in a fixed form
        value = value.get("value")
    if value in (None, ""):
        return None
    try:
        # Python reads Jira's +0000 and Alertmanager's nine digits of a second as well.
        parsed = datetime.fromisoformat(str(value).strip())
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        expected = "a time such as '2026-01-31 08:15:00' (UTC) or ISO 8601"
        raise ValueError(f"expected {expected}; found {str(value)[:40]!r}") from None


Word = Annotated[str, BeforeValidator(words), StringConstraints(max_length=1000)]
Words = Annotated[Word, Field(default="")]
Prose = Annotated[str, BeforeValidator(prose), Field(default="", max_length=200_000)]
Moment = Annotated[datetime | None, BeforeValidator(moment), Field(default=None)]
Number = Annotated[str, BeforeValidator(words), Field(min_length=1, max_length=255)]


class Payload(BaseModel):
    """Base of a payload from elsewhere: what it does not name is kept aside, never an error."""

    model_config = ConfigDict(extra="allow", frozen=True, str_strip_whitespace=True, populate_by_name=True)

    @property
    def others(self) -> dict[str, Any]:
        """Fields that the model does not name, as they came."""
        return dict(self.model_extra or {})


P = TypeVar("P", bound=Payload)


def parse(model: type[P], body: bytes) -> P:
    """Return the body as a payload.

    Raises
    ------
    RequestValidationError
        With a pointer to each wrong field, as the service's own routes raise it.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        errors = [{**e, "loc": ("body", *e["loc"])} for e in error.errors(include_url=False, include_context=False)]
        raise RequestValidationError(errors) from error
