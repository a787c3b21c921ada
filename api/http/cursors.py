"""Cursors: where a page ended, in a form that clients pass back unread."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, TypeVar

from fastapi import Query

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase

Item = TypeVar("Item")

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


def decode_moment(cursor: str | None) -> tuple[datetime, str] | None:
    """Return the moment and the id that a cursor of a list in order of time stands for: "MOMENT ID".

    Raises
    ------
    InputError
        If it is none of ours.
    """
    place = decode(cursor)
    if place is None:
        return None
    moment, _, name = place.partition(" ")
    try:
        return datetime.fromisoformat(moment), name
    except ValueError as error:
        raise InputError(Phrase("cursor_wrong")) from error


def next_of(items: Sequence[Item], limit: int, place: Callable[[Item], str]) -> str | None:
    """Return the cursor of the page after these items, if there may be one."""
    return encode(place(items[-1])) if len(items) == limit else None
