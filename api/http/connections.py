"""Limits of a connection, enforced where bytes arrive: no client without a key can hold memory, time or a place.

uvicorn limits neither the size nor the time of a request's head when httptools parses it, so `LimitedProtocol` counts
both. It begins TLS itself, because asyncio shows a server its connections only once their handshake is done: until then
they would be neither counted nor timed. Whatever is refused here is answered as a problem (RFC 9457) by hand, because
no application runs yet.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.errors import ErrorKind, problem, retry_after_header
from api.http.addresses import network_of
from api.http.middleware import HSTS, PAGE_HEADERS

# What a refused client goes on sending is thrown away for so long, so that it can read why it was refused: closing a
# socket with unread bytes in it resets the connection, and the answer is lost.
LINGER_SECONDS = 2.0
_BUSY = ("busy", "Too much is waiting")
_PIECE = 16_384  # bytes that are parsed at once


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What one connection, and all of a process, may take.

    Attributes
    ----------
    max_url_bytes : int
        Of the request line's address; more is answered 414.
    max_header_bytes : int
        Of the whole head of a request, its request line among it; more is answered 431, and so are more trailers
        behind a chunked body.
    max_headers : int
        Header fields, and trailers; more is answered 431.
    header_seconds : float
        From the connection or its last answer's end to the end of the next head, once its first byte is there; more is
        answered 408. A new connection that sends nothing is closed after the same time, and so is one whose TLS
        handshake is not done; the first head has its time from there.
    send_seconds : float
        How long a client may leave an answer unread.
    max_connections : int
        Of this process. When they are all taken, the one that has waited longest for its client gives way; where
        every one has a whole request in progress, the new one is answered 503. One address holds at most half of them,
        unless it is a proxy that is trusted (``FORWARDED_ALLOW_IPS``).
    max_unfinished_bytes : int
        Of all bodies that are not whole yet; beyond it the one that has waited longest is answered 503.
    """

    max_url_bytes: int = 32 * 1024
    max_header_bytes: int = 64 * 1024
    max_headers: int = 100
    header_seconds: float = 10.0
    send_seconds: float = 60.0
    max_connections: int = 1000
    max_unfinished_bytes: int = 256 * 2**20

    @property
    def max_of_address(self) -> int:
        """Connections of one address."""
        return max(1, self.max_connections // 2)


class LimitedProtocol(HttpToolsProtocol):
    """HTTP/1.1 on one connection, within the `ConnectionLimits` of this process; with ``tls``, over TLS."""

    limits: ClassVar[ConnectionLimits] = ConnectionLimits()
    tls: ClassVar[ssl.SSLContext | None] = None
    # Connections that wait for their client (for a head, for the rest of a body, for an answer to be read), the one
    # that has waited longest first.
    waiting: ClassVar[dict[LimitedProtocol, None]] = {}
    of_address: ClassVar[Counter[str]] = Counter()
    unfinished_bytes: ClassVar[int] = 0  # of bodies that are not whole, of all connections

    _timer: asyncio.TimerHandle | None = None
    _send_timer: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _head_begun = False
    _body_open = False
    _body_bytes = 0
    _trailers = 0
    _trailer_bytes = 0  # in names and values that are whole
    _unseen_bytes = 0  # received since the parser last gave something to us: of a trailer that is not whole, say
    _is_fed = False
    _refused = False
    _address = ""
    _handshake: asyncio.Task[None] | None = None
    _early = b""  # what came right before a handshake, or right behind it

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a place, if there is one, and wait for the handshake or the first head."""
        super().connection_made(transport)
        if self.client and self.client[0] not in getattr(self.config.loaded_app, "trusted_hosts", ()):
            self._address = network_of(self.client[0])
            self.of_address[self._address] += 1
        has_place = self._has_place()
        if not has_place and self.tls is None:
            self._refuse(503, *_BUSY, "every connection has a request in progress")
        elif not has_place:
            self._close()
        else:
            self._wait(self._close)
            if self.tls is not None:
                transport.pause_reading()
                self._handshake = self.loop.create_task(self._secure(transport, self.tls))

    async def _secure(self, plain: asyncio.Transport, context: ssl.SSLContext) -> None:
        """Go on over TLS once the handshake is done, and wait for the first head."""
        try:
            if plain.is_closing():  # it gave way already
                return
            self.loop.call_soon(self._hand_on, plain)  # comes between the beginning of TLS and what it reads itself
            secured = await self.loop.start_tls(
                plain,
                self,
                context,
                server_side=True,
                ssl_handshake_timeout=self.limits.header_seconds,
                ssl_shutdown_timeout=LINGER_SECONDS,
            )
        except OSError as error:  # among them those of TLS, and time-outs
            plain.abort()
            self.connection_lost(error)
            return
        finally:
            self._handshake = None
        if secured is None or plain.is_closing():
            self.connection_lost(ConnectionResetError())
            return
        super().connection_made(secured)
        self._wait(self._close)
        if self._early:
            self.data_received(self._early)

    def _hand_on(self, plain: asyncio.Transport) -> None:
        """Give what came before TLS was begun to whoever speaks it: uvloop reads on where a new connection pauses."""
        data, self._early = self._early, b""
        if data and plain.get_protocol() is not self:
            speaker = cast("asyncio.BufferedProtocol", plain.get_protocol())
            memoryview(speaker.get_buffer(len(data)))[: len(data)] = data
            speaker.buffer_updated(len(data))

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        self._stop_waiting()
        self._stop_send_timer()
        self._forget_body()
        if self._address:
            self.of_address[self._address] -= 1
            if not self.of_address[self._address]:
                del self.of_address[self._address]
            self._address = ""
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, unless it is too much or too late."""
        if self._refused:
            return
        if self._handshake is not None:  # not begun, or done, and `_secure` goes on at the next turn of the loop
            self._early += data
            return
        # In pieces, so that how much the parser holds does not hang on how much came at once.
        for start in range(0, len(data), _PIECE):
            if not self._goes_on():
                return
            self._parse(data[start : start + _PIECE])

    def _parse(self, data: bytes) -> None:
        if not self._head_begun and not self._body_open:  # the first byte of a head
            self._head_begun = True
            self._head_bytes = 0
            self._wait(self._too_slow)
        if self._head_begun:
            self._head_bytes += len(data)
        self._is_fed = False
        super().data_received(data)
        if not self._goes_on():
            return
        if self._head_begun:
            self._check_head(self._head_bytes)
        elif self._body_open:  # the parser keeps a trailer until it is whole, and passes over a chunk's extensions
            self._unseen_bytes = 0 if self._is_fed else self._unseen_bytes + len(data)
            self._check_trailers()

    def _goes_on(self) -> bool:
        return not self._refused and self.parser is not None

    def on_message_begin(self) -> None:
        """Begin a head; a pipelined one begins inside the bytes of another message."""
        super().on_message_begin()
        if not self._head_begun:
            self._head_begun = True
            self._head_bytes = 0
            self._wait(self._too_slow)

    def on_url(self, url: bytes) -> None:
        """Take a piece of the address."""
        super().on_url(url)
        if len(self.url) > self.limits.max_url_bytes:
            self._refuse_url()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header field; a trailer is counted and thrown away, for it must not pass for a field of the head."""
        if not self._body_open:
            super().on_header(name, value)
            return
        self._trailers += 1
        self._trailer_bytes += len(name) + len(value) + 4
        self._check_trailers()

    def on_headers_complete(self) -> None:
        """Start the request, if its head is within the limits."""
        self._is_fed = True
        self._head_begun = False
        self._head_bytes = 0
        self._stop_waiting()
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if not self._refused and self._check_head(size):
            self._body_open = True
            self.waiting[self] = None  # until the body is whole
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body, unless the request was refused."""
        self._is_fed = True
        if self._refused:
            return
        super().on_body(body)
        if not self.cycle.response_complete:  # else it is thrown away
            self._body_bytes += len(body)
            LimitedProtocol.unfinished_bytes += len(body)
            while self.unfinished_bytes > self.limits.max_unfinished_bytes and self._drop_body():
                pass

    def on_message_complete(self) -> None:
        """End a request's body."""
        self._is_fed = True
        self._body_open = False
        self._trailers = self._trailer_bytes = self._unseen_bytes = 0
        self._forget_body()
        if self._refused:
            return
        self._stop_waiting()
        super().on_message_complete()
        if self.cycle.response_complete:  # the rest of a body that was answered before it was whole
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
            self.waiting[self] = None

    def on_response_complete(self) -> None:
        """Wait for the next request; what is left of a body that nobody reads has to come soon."""
        super().on_response_complete()
        self._forget_body()
        if self.transport.is_closing() or self.pipeline:
            return
        if self._body_open:
            self._unset_keepalive_if_required()
            self._wait(self._close)
        elif not self._head_begun:
            self.waiting[self] = None

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that was left idle after an answer."""
        self._stop_waiting()
        super().timeout_keep_alive_handler()

    def pause_writing(self) -> None:
        """Give the client a time to read what waits for it."""
        super().pause_writing()
        self.waiting.setdefault(self, None)
        self._send_timer = self.loop.call_later(self.limits.send_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: the client has read."""
        self._stop_send_timer()
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if is_answering and not self._body_open and not self._head_begun:
            self.waiting.pop(self, None)
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer a request that is not HTTP."""
        self._refuse(400, "malformed", "The request cannot be read", f"expected HTTP/1.1; found what is not ({msg})")

    def _check_head(self, size: int) -> bool:
        if len(self.headers or ()) > self.limits.max_headers:
            self._refuse_headers(f"expected at most {self.limits.max_headers} header fields; found more")
        elif size > self.limits.max_header_bytes:
            if self.headers:
                self._refuse_headers(f"expected at most {self.limits.max_header_bytes} bytes of header; found more")
            else:
                self._refuse_url()
        return not self._refused

    def _check_trailers(self) -> None:
        if self._trailers > self.limits.max_headers:
            self._refuse_headers(f"expected at most {self.limits.max_headers} trailers; found more")
        elif max(self._trailer_bytes, self._unseen_bytes) > self.limits.max_header_bytes:
            self._refuse_headers(f"expected at most {self.limits.max_header_bytes} bytes of trailers; found more")

    def _refuse_url(self) -> None:
        detail = f"expected an address of at most {self.limits.max_url_bytes} bytes; found more"
        self._refuse(414, "uri-too-long", "The address is too long", detail)

    def _refuse_headers(self, detail: str) -> None:
        self._refuse(431, "headers-too-large", "The header is too large", detail)

    def _too_slow(self) -> None:
        detail = f"expected a whole header within {self.limits.header_seconds:g} s"
        self._refuse(408, "timeout", "The header did not arrive in time", detail)

    def _refuse(self, status: int, slug: str, title: str, detail: str) -> None:
        if self._refused or self.transport.is_closing():
            return
        if self._body_open and not self.cycle.response_started and not self.pipeline:
            self._answer_now(ErrorKind(status, slug, title), detail)
        # Else an answer is under way, or the request whose body this is has had its own: a second one would be taken
        # for the answer to the next request.
        elif not self._body_open and (self.cycle is None or self.cycle.response_complete):
            self._write(ErrorKind(status, slug, title), detail)
        self._linger()

    def _answer_now(self, kind: ErrorKind, detail: str) -> None:
        """Answer a request whose body is not whole in place of the application, which learns that its client left."""
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        self._write(kind, detail)

    def _write(self, kind: ErrorKind, detail: str) -> None:
        self.transport.write(_response(kind, detail, is_secure=self.scheme == "https"))

    def _linger(self) -> None:
        self._refused = True
        self._stop_waiting()
        self._forget_body()
        self.waiting[self] = None
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self._close)

    def _has_place(self) -> bool:
        """Return whether this new connection has a place, if need be that of one that waits for its client."""
        if self.of_address[self._address] > self.limits.max_of_address:
            return self._take_place(of_same_address=True)
        return len(self.connections) <= self.limits.max_connections or self._take_place()

    def _take_place(self, *, of_same_address: bool = False) -> bool:
        for connection in self.waiting:
            if not of_same_address or connection._address == self._address:
                connection._give_way()
                return True
        return False

    def _give_way(self) -> None:
        if self._body_open and not self._refused and not self.cycle.response_started and not self.pipeline:
            self._answer_now(ErrorKind(503, *_BUSY), "others need the connection, and the body is not whole")
        self._close()

    def _drop_body(self) -> bool:
        """Refuse the body that has waited longest to be whole; return whether there is one."""
        for connection in self.waiting:
            if connection._body_bytes:
                connection._refuse(503, *_BUSY, "too many bodies are not whole yet")
                return True
        return False

    def _forget_body(self) -> None:
        LimitedProtocol.unfinished_bytes -= self._body_bytes
        self._body_bytes = 0

    def _wait(self, then: Callable[[], None]) -> None:
        """Call something unless a head is complete in time."""
        self._stop_waiting()
        self.waiting[self] = None
        self._timer = self.loop.call_later(self.limits.header_seconds, then)

    def _stop_waiting(self) -> None:
        self.waiting.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stop_send_timer(self) -> None:
        if self._send_timer is not None:
            self._send_timer.cancel()
            self._send_timer = None

    def _close(self) -> None:
        self._stop_waiting()
        if not self.transport.is_closing():
            self.transport.close()


def _response(kind: ErrorKind, detail: str, *, is_secure: bool) -> bytes:
    body = json.dumps(problem(kind, detail)).encode()
    headers = {
        "content-type": "application/problem+json",
        "content-length": str(len(body)),
        "connection": "close",
        **(retry_after_header() if kind.status == 503 else {}),
        **({"strict-transport-security": HSTS} if is_secure else {}),
        **PAGE_HEADERS,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return STATUS_LINE[kind.status] + lines.encode() + b"\r\n" + body
