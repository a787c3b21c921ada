"""Turns: what takes seconds is computed one at a time, and few requests wait for it.

Requests are answered by some forty threads. Each that waits for a long computation holds one of them: without a limit
one client with forty requests of its own would leave none to the others.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from api.errors import ComputingError

_WAITING = 3  # requests beside the one whose turn it is
_SECONDS = 20.0


class Turns:
    """Turns at one computation.

    Parameters
    ----------
    waiting : int
        Requests that may wait for their turn.
    seconds : float
        How long each waits.
    """

    def __init__(self, waiting: int = _WAITING, seconds: float = _SECONDS) -> None:
        self._places = threading.BoundedSemaphore(waiting + 1)
        self._turn = threading.Lock()
        self._seconds = seconds

    @contextmanager
    def take(self) -> Iterator[None]:
        """Compute in the block, once it is this request's turn.

        Raises
        ------
        ComputingError
            If too many wait, or the turn does not come in time.
        """
        if not self._places.acquire(blocking=False):
            raise ComputingError("more of these computations were asked for than wait here; ask again")
        try:
            if not self._turn.acquire(timeout=self._seconds):
                raise ComputingError("another of these computations takes its time; ask again")
            try:
                yield
            finally:
                self._turn.release()
        finally:
            self._places.release()
