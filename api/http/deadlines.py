"""Calls that end: one deadline for all of a call to another system, from the look-up of its name to its last byte.

A time-out for each read is none: who sends a header line every ten seconds would hold a thread for as long as it likes,
and a name server that is silent one before anything is sent.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any, TypeVar

import httpcore
import httpx

T = TypeVar("T")
Client = TypeVar("Client", bound=httpx.Client)

_LOOK_UPS = 32  # at once: each is a thread that the system's resolver holds for as long as it waits for a name server
_LONGEST_SECONDS = 3600.0

_free_look_ups = threading.BoundedSemaphore(_LOOK_UPS)


class Deadline:
    """How much of a call's time is left.

    Parameters
    ----------
    seconds : float
        Of the whole call, from now; ``math.inf`` leaves each step its own time-out.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self, timeout: float | None, passed: type[Exception]) -> float:
        """Return how long the next step may last at most; raise `passed` when nothing is left."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise passed(f"the call was not over after {self.seconds:g} s")
        return left if timeout is None else min(timeout, left)


def addresses_of(host: str, port: int) -> list[str]:
    """Return the addresses that the system's resolver gives for a host.

    Raises
    ------
    OSError
        If the name does not resolve.
    """
    return [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def look_up_in_time(
    host: str,
    port: int,
    seconds: float,
    look_up: Callable[[str, int], T] = addresses_of,  # type: ignore[assignment]
) -> T:
    """Return what a look-up returns, which has no time-out of its own.

    Raises
    ------
    TimeoutError
        If it is not over in time, or too many others are not.
    OSError
        If the name does not resolve.
    """
    end = time.monotonic() + min(seconds, _LONGEST_SECONDS)
    silent = f"no name server answered within {seconds:g} s"
    if not _free_look_ups.acquire(timeout=min(seconds, _LONGEST_SECONDS)):
        raise TimeoutError(silent)
    future = Future[T]()

    def work() -> None:
        try:
            future.set_result(look_up(host, port))
        except BaseException as error:  # noqa: BLE001 - it belongs to who asked
            future.set_exception(error)
        finally:
            _free_look_ups.release()

    threading.Thread(target=work, name="look-up", daemon=True).start()
    try:
        return future.result(max(0.0, end - time.monotonic()))
    except TimeoutError:
        if future.done():  # the look-up's own
            raise
        raise TimeoutError(silent) from None


class _Stream(httpcore.NetworkStream):
    """A connection of which each read and write ends by the call's deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left(timeout, httpcore.WriteTimeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._deadline.left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left), self._deadline)

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as httpcore has it
        return self._stream.get_extra_info(info)


class TimedNetwork(httpcore.SyncBackend):
    """Opens connections that end by a deadline, the look-up of a name included."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of a host that takes the connection."""
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in self._addresses(host, port, timeout):
            left = self._deadline.left(timeout, httpcore.ConnectTimeout)
            try:
                stream = super().connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _Stream(stream, self._deadline)
        raise failure

    def _addresses(self, host: str, port: int, timeout: float | None) -> list[str]:
        if _is_address(host):
            return [host]
        left = self._deadline.left(timeout, httpcore.ConnectTimeout)
        try:
            return look_up_in_time(host, port, left)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} does not resolve: {error}") from error


def end_within(seconds: float, http: Client) -> Client:
    """Return a client of which all calls together end `seconds` from now, also those through a proxy."""
    network = TimedNetwork(Deadline(seconds))
    for transport in (http._transport, *http._mounts.values()):
        if isinstance(transport, httpx.HTTPTransport):  # which has no argument for the network beneath
            transport._pool._network_backend = network
    return http


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
