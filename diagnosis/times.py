"""Times in UTC as they are written and read everywhere: ISO 8601 with ``Z``."""

from __future__ import annotations

from datetime import UTC, datetime


def as_utc(moment: datetime) -> datetime:
    """Return a moment in UTC; without a zone it is taken as UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def format_utc(moment: datetime, *, timespec: str = "auto") -> str:
    """Return a moment as ISO 8601 text in UTC, such as ``2026-03-02T08:15:00Z``.

    Parameters
    ----------
    timespec : str
        As in `datetime.isoformat`: ``"seconds"`` leaves fractions out, ``"auto"`` writes them where there are any.

    Examples
    --------
    >>> format_utc(datetime(2026, 3, 2, 8, 15))
    '2026-03-02T08:15:00Z'
    """
    return as_utc(moment).isoformat(timespec=timespec).replace("+00:00", "Z")


def utc_now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


def now_text() -> str:
    """Return the present moment to the second, as `format_utc` writes it."""
    return format_utc(utc_now(), timespec="seconds")
