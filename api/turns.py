"""Turns: what takes seconds is computed one at a time, and few requests wait for it.

Requests are answered by some forty threads. Each that waits for a long computation holds one of them: without a limit
one client with forty requests of its own would leave none to the others. Where all ask for the same, one computes it
for all (`SharedComputation`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Generic, TypeVar

from api.errors import ComputingError
from diagnosis.phrases import Phrase

T = TypeVar("T")

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
            raise ComputingError(Phrase("too_many_computations"))
        try:
            if not self._turn.acquire(timeout=self._seconds):
                raise ComputingError(Phrase("computation_takes_time"))
            try:
                yield
            finally:
                self._turn.release()
        finally:
            self._places.release()


class SharedComputation(Generic[T]):
    """One thread computes, and all that ask meanwhile get the same result, or the same error.

    Were each to compute in its turn, the last of forty would wait forty times as long for a database that does not
    answer.

    Parameters
    ----------
    compute : callable
    """

    def __init__(self, compute: Callable[[], T]) -> None:
        self._compute = compute
        self._lock = threading.Lock()
        self._current: Future[T] | None = None

    def result(self) -> T:
        """Return what is being computed, or compute it."""
        with self._lock:
            current, future = self._current, Future[T]()
            if current is None:
                self._current = future
        if current is not None:
            return current.result()
        try:
            future.set_result(self._compute())
        except BaseException as error:
            future.set_exception(error)
            raise
        finally:
            with self._lock:
                self._current = None
        return future.result()
