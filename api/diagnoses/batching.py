"""Stage: work done off the event loop, in batches of what arrived together.

A request that finds the stage idle starts at once; those that come while it works form the next batch. So nothing
waits on a clock: a lone client pays no delay, and under load the batches grow by themselves.

Clients (keys, tokens, systems that sign) take turns, item by item, and where all places are taken the one who holds
most of them gives way: however much one of them asks for, the others wait for a turn of theirs alone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from api.errors import BusyError
from api.telemetry import principal_id
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.store.database import ConflictError

In = TypeVar("In")
Out = TypeVar("Out")


class Stage(Generic[In, Out]):
    """A queue, one thread, and the work it does on a batch.

    Parameters
    ----------
    name : str
        Of the thread, and in `BusyError`.
    work : callable
        Takes a list and returns one result an item, in order. If several items raise `InputError` or
        `ConflictError` they are tried one by one, so that one that cannot be done does not take the others with it.
    largest : int
        Items in a batch, at most.
    max_waiting : int
        Items that may wait, of all clients.
    """

    def __init__(self, name: str, work: Callable[[list[In]], Sequence[Out]], largest: int, max_waiting: int) -> None:
        self.name = name
        self.work = work
        self.largest = largest
        self.max_waiting = max_waiting
        # Of each client that has something here; whose turn it is, is first.
        self._queues: dict[str, deque[tuple[In, asyncio.Future[Out]]]] = {}
        self._waiting = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    async def put(self, item: In) -> Out:
        """Return what the work makes of one item.

        Raises
        ------
        BusyError
            If too many wait already, or the stage is closing; or if this client holds most of the places when another
            one needs one.
        """
        if self._closing:
            raise BusyError(Phrase("stage_stopping", {"name": self.name}))
        client = principal_id.get()
        if self._waiting >= self.max_waiting:
            self._make_room(client)
        future: asyncio.Future[Out] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(client, deque()).append((item, future))
        self._waiting += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain())
        return await future

    def _make_room(self, client: str) -> None:
        """Refuse the last item of the client with most of them, if that leaves it no fewer than the one that comes."""
        largest = max(self._queues, key=lambda name: len(self._queues[name]))
        values = {"waiting": self._waiting, "name": self.name, "most": self.max_waiting}
        busy = BusyError(Phrase("too_many_waiting", values))
        if len(self._queues[largest]) <= len(self._queues.get(client, ())) + 1:
            raise busy
        _, future = self._queues[largest].pop()
        self._waiting -= 1
        if not future.done():
            future.set_exception(busy)

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        while self._queues:
            batch = self._take()
            results = await loop.run_in_executor(self._thread, self._results, [item for item, _ in batch])
            for (_, future), result in zip(batch, results, strict=True):
                if future.done():  # the one who asked has gone
                    continue
                if isinstance(result, Exception):
                    future.set_exception(result)
                else:
                    future.set_result(result)

    def _take(self) -> list[tuple[In, asyncio.Future[Out]]]:
        """Return the next items, one of each client in turn, without those whose askers have gone."""
        batch: list[tuple[In, asyncio.Future[Out]]] = []
        while self._queues and len(batch) < self.largest:
            client = next(iter(self._queues))
            queue = self._queues.pop(client)
            item, future = queue.popleft()
            self._waiting -= 1
            if queue:
                self._queues[client] = queue  # behind the others
            if not future.done():
                batch.append((item, future))
        return batch

    def _results(self, items: list[In]) -> list[Out | Exception]:
        try:
            results = list(self.work(items))
        except (InputError, ConflictError) as error:
            if len(items) == 1:
                return [error]
            return [result for item in items for result in self._results([item])]
        except Exception as error:  # noqa: BLE001 - it belongs to those who asked, and is logged where it is answered
            return [error] * len(items)
        if len(results) != len(items):
            return [RuntimeError(f"{self.name}: expected {len(items)} results; found {len(results)}")] * len(items)
        return [*results]

    async def close(self) -> None:
        """Finish what waits, refuse what comes, and end the thread."""
        self._closing = True
        if self._task is not None:
            await self._task
        self._thread.shutdown()
