"""BackgroundLoop: one function called again and again in a thread of its own, until it is stopped."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from diagnosis.errors import FaultwiseError

log = logging.getLogger(__name__)

_AFTER_AN_ERROR = 1.0  # seconds: what fails is not tried again in a busy loop


class BackgroundLoop:
    """A named thread that calls ``turn`` every ``seconds``, and at once when it is woken.

    What goes wrong in a turn is logged and never ends the loop: an error of ours (the database is away) as a warning,
    any other with its traceback.

    Parameters
    ----------
    name : str
        Of the thread; it begins the log line of a turn that failed.
    turn : callable
        Returns True if there is more to do at once.
    seconds : float
        Pause between two turns; 0 where the turn itself waits for work.
    """

    def __init__(self, name: str, turn: Callable[[], bool | None], seconds: float) -> None:
        self.name = name
        self.turn = turn
        self.seconds = seconds
        self._woken, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to end; a long turn looks at it."""
        return self._stopping.is_set()

    @property
    def is_running(self) -> bool:
        """Whether its thread takes turns."""
        return self._thread.is_alive() and not self.is_stopping

    def start(self) -> None:
        """Begin; the first turn is after the first pause."""
        self._thread.start()

    def wake(self) -> None:
        """Take the next turn now."""
        self._woken.set()

    def pause(self, seconds: float) -> None:
        """Wait within a turn; ends at once when the loop is stopped."""
        self._stopping.wait(max(0.0, seconds))

    def stop(self) -> None:
        """End, and wait for the turn in hand; nothing happens if it was never begun."""
        self._stopping.set()
        self._woken.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        more = False
        while not self._stopping.is_set():
            if not more:
                self._woken.wait(self.seconds)
                self._woken.clear()
            if self._stopping.is_set():
                return
            more = self._take_turn()

    def _take_turn(self) -> bool:
        try:
            return bool(self.turn())
        except FaultwiseError as error:
            log.warning("%s: %s", self.name, type(error).__name__)
        except Exception:
            log.exception("%s: a turn failed", self.name)
        self.pause(_AFTER_AN_ERROR)
        return False
