"""Cursors: where a page ended, in a form that clients pass back unread."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import Query

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase

Item = TypeVar("Item")

_NUMBER = re.compile("-?[0-9]{1,18}")
Limit = Annotated[int, Query(ge=1, le=500, description="Items on a page")]
Cursor = Annotated[str | None, Query(max_length=1000, description="`next` of the page before")]


def encode(place: str) -> str:
    """Return a place in a list as a cursor."""
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def decode(cursor: str | None) -> str | None:
    """Return the place that a cursor stands for; None is the beginning.

    Raises
    ------
    InputError
        If it is none of ours.
    """
    if cursor is None:
        return None
    try:
        place = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise InputError(Phrase("cursor_wrong")) from error
    if not place or "\x00" in place:
        raise InputError(Phrase("cursor_wrong"))
    return place


def decode_number(cursor: str | None) -> int | None:
    """Return the number that a cursor of a list in order of numbers stands for; None is the beginning.

    Raises
    ------
    InputError
        If it is none of ours.
    """
    place = decode(cursor)
    if place is None:
        return None
    if not _NUMBER.fullmatch(place):
        raise InputError(Phrase("cursor_wrong"))
    return int(place)


def next_of(items: Sequence[Item], limit: int, place: Callable[[Item], str]) -> str | None:
    """Return the cursor of the page after these items, if there may be one."""
    return encode(place(items[-1])) if len(items) == limit else None
