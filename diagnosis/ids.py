"""Ids in the order in which they were given: ULIDs whose time never goes back, whatever the clock does."""

from __future__ import annotations

import secrets
import threading
import time

from ulid import ULID

_RANDOM_BITS = 80
_NS_PER_MS = 1_000_000


class IdSource:
    """Gives ids of which each is above those before it. Safe for many threads.

    A ULID is a time in milliseconds and 80 random bits; where the clock stands or was set back, the bits are counted up
    from the last id instead.

    Examples
    --------
    >>> source = IdSource()
    >>> source.begin_after("7ZZZZZZZZZ0000000000000000")
    >>> source.next()
    '7ZZZZZZZZZ0000000000000001'
    """

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def next(self) -> str:
        """Return a new id."""
        milliseconds = time.time_ns() // _NS_PER_MS
        random = secrets.randbits(_RANDOM_BITS)
        with self._lock:
            if milliseconds > self._last >> _RANDOM_BITS:
                self._last = milliseconds << _RANDOM_BITS | random
            else:
                self._last += 1
            return str(ULID.from_int(self._last))

    def begin_after(self, newest: str) -> None:
        """Give only ids above one that was given before, such as by a process that has ended."""
        try:
            value = int(ULID.from_str(newest))
        except ValueError:  # none of ours
            return
        with self._lock:
            self._last = max(self._last, value)


_source = IdSource()


def new_id() -> str:
    """Return an id above every one that this process has given, and above those that its store held when it opened."""
    return _source.next()


def begin_after(newest: str) -> None:
    """Let `new_id` give only ids above one that another process gave."""
    _source.begin_after(newest)
