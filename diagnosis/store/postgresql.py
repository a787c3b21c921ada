"""Connections to PostgreSQL that do not wait without end for a server, or a network, that has fallen silent."""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from typing import Any

import psycopg


def connect_arguments(busy_seconds: float) -> dict[str, Any]:
    """Return what libpq is told of a connection: a peer that the network lost is given up after about `busy_seconds`.

    ``connect_timeout`` counts seconds of making a connection, ``tcp_user_timeout`` milliseconds until what was sent is
    acknowledged, keepalives ask a peer that has nothing to say.
    """
    idle = max(1, int(busy_seconds / 2))
    return {
        "connect_timeout": 5,
        "tcp_user_timeout": max(1, int(busy_seconds * 1000)),
        "keepalives": 1,
        "keepalives_idle": idle,
        "keepalives_interval": max(1, idle // 3),
        "keepalives_count": 3,
    }


class WatchfulConnection(psycopg.Connection[Any]):
    """A connection that ends where the server has said nothing for `silent_seconds` in the middle of an operation.

    What TCP finds out is the network: a machine that hangs goes on acknowledging what it is sent.
    """

    silent_seconds: float = math.inf

    def wait(self, gen: Any, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - as psycopg has it
        """Carry an operation on until it is done, or until the server has been silent for too long."""
        return super().wait(self._watched(gen), *args, **options)

    def _watched(self, operation: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        try:
            wanted = next(operation)
            end = time.monotonic() + self.silent_seconds
            while True:
                ready = yield wanted
                if ready:
                    end = time.monotonic() + self.silent_seconds
                elif time.monotonic() > end:
                    self.pgconn.finish()
                    raise psycopg.OperationalError(f"the server was silent for {self.silent_seconds:g} s")
                wanted = operation.send(ready)
        except StopIteration as result:
            return result.value


def connect(silent_seconds: float, *args: Any, **options: Any) -> WatchfulConnection:  # noqa: ANN401 - as psycopg has it
    """Return a connection that gives a silent server up."""
    connection = WatchfulConnection.connect(*args, **options)
    connection.silent_seconds = silent_seconds
    return connection
