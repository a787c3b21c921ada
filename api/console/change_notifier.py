"""ChangeNotifier: tells every open page that something was stored; one query of the store serves all of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool

from diagnosis.errors import FaultwiseError
from diagnosis.store import Store

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
BEAT_SECONDS = 5.0  # a page that hears nothing for some beats says that it is disconnected


class ChangeNotifier:
    """Watches the store while anybody listens; other replicas' work is seen too, because the store is asked.

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._listeners: set[asyncio.Event] = set()
        self._task: asyncio.Task[None] | None = None

    async def listen(self) -> AsyncIterator[str]:
        """Yield ``"live"`` whenever something was stored and ``"beat"`` when nothing was for a while."""
        news = asyncio.Event()
        self._listeners.add(news)
        if self._task is None:
            self._task = asyncio.create_task(self._watch())
        try:
            yield "beat"  # at once, so that the page knows that it is connected
            while True:
                try:
                    await asyncio.wait_for(news.wait(), BEAT_SECONDS)
                except TimeoutError:
                    yield "beat"
                else:
                    news.clear()
                    yield "live"
        finally:
            self._listeners.discard(news)
            if not self._listeners and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _watch(self) -> None:
        seen = None
        while True:
            try:
                found = await run_in_threadpool(change_marker, self.store)
            except FaultwiseError as error:  # the database is away: look again
                log.warning("not looked for news: %s", type(error).__name__)
            else:
                if seen not in (None, found):
                    for listener in self._listeners:
                        listener.set()
                seen = found
            await asyncio.sleep(LOOK_SECONDS)


def change_marker(store: Store) -> tuple[int, str | None]:
    """Return what is another whenever an incident, article, feedback or diagnosis was stored."""
    newest = store.diagnoses.page(1)
    return store.changes.last(), str(newest[0]["id"]) if newest else None
