"""ChangeNotifier: tells every open page that something was stored; one query of the store serves all of them."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable

from starlette.concurrency import run_in_threadpool

from diagnosis.errors import FaultwiseError

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5
STREAMS_OF_SESSION = 16  # of one process; a browser holds six, and a person may use two
HEARTBEAT_SECONDS = 5.0  # a page without a heartbeat for some of them says that it is disconnected


class ChangeNotifier:
    """Polls the store while a page is open; the work of other replicas is noticed too.

    Parameters
    ----------
    marker : callable
        Returns a value that differs after something was stored.
    max_streams : int
        Pages that may be open at once, of all sessions.
    """

    def __init__(self, marker: Callable[[], object], max_streams: int) -> None:
        self.marker = marker
        self.max_streams = max_streams
        self._listeners: set[asyncio.Event] = set()
        self._of_session: Counter[str] = Counter()
        self._task: asyncio.Task[None] | None = None

    def has_place(self, session: str) -> bool:
        """Return whether one more page of a session may listen."""
        return self._of_session[session] < STREAMS_OF_SESSION and len(self._listeners) < self.max_streams

    async def listen(self, session: str) -> AsyncIterator[str]:
        """Yield ``"change"`` whenever something was stored and ``"heartbeat"`` when nothing was for a while.

        Ends at once where the session has no place left.
        """
        if not self.has_place(session):
            return
        changed = asyncio.Event()
        self._listeners.add(changed)
        self._of_session[session] += 1
        if self._task is None:
            self._task = asyncio.create_task(self._watch())
        try:
            yield "heartbeat"  # at once, so that the page knows that it is connected
            while True:
                try:
                    await asyncio.wait_for(changed.wait(), HEARTBEAT_SECONDS)
                except TimeoutError:
                    yield "heartbeat"
                else:
                    changed.clear()
                    yield "change"
        finally:
            self._listeners.discard(changed)
            self._of_session -= Counter([session])  # forgets a session without pages
            if not self._listeners and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _watch(self) -> None:
        previous = None
        while True:
            try:
                marker = await run_in_threadpool(self.marker)
            except FaultwiseError as error:  # the database is away: look again
                log.warning("store not polled for changes: %s", type(error).__name__)
            else:
                if previous not in (None, marker):
                    for listener in self._listeners:
                        listener.set()
                previous = marker
            await asyncio.sleep(POLL_SECONDS)
