"""What every caller of another system needs: a URL that may be called, and how long a busy server asks to wait."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase

_MOST_SECONDS = 10**7  # of Retry-After; more is no wait but a refusal


def check_url(url: str, example: str = "https://example.com") -> str:
    """Return a URL that may be called as far as its text shows.

    Parameters
    ----------
    url : str
    example : str
        What a good one looks like, for the message.

    Raises
    ------
    InputError
        If it is not ``http`` or ``https`` with a host, or carries a user or password.
    """
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError, ValueError):
        parsed = httpx.URL("")
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise InputError(Phrase("url_wrong", {"example": example, "value": url[:200]}))
    if parsed.userinfo:
        raise InputError(Phrase("url_with_password"))
    return url


def requested_wait(headers: Mapping[str, str]) -> timedelta | None:
    """Return how long a response asks to wait: seconds or an HTTP date in ``Retry-After`` (RFC 9110, 10.2.3).

    Returns
    -------
    timedelta or None
        Never negative; None if the header is missing or is neither.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(int(value[:20]), _MOST_SECONDS))
    try:
        moment = parsedate_to_datetime(value)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(moment - datetime.now(UTC), timedelta()), timedelta(seconds=_MOST_SECONDS))
