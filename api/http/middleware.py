"""What every request passes before a route sees it, as plain ASGI: identity and log, the gate, the body's limits."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import BodyTooLargeError, BodyTooSlowError, MalformedError, answer
from api.http.ratelimit import RateLimiter
from api.http.security import SESSION_COOKIE, Authenticator, address_of, take_allowance
from api.http.wrong_keys import WrongKeys
from api.metrics import Metrics
from api.telemetry import RequestContext, context, principal_id
from diagnosis.errors import FaultwiseError
from diagnosis.phrases import Phrase

log = logging.getLogger("api.access")

# Pages check a proof of their own; so do the paths that `api.openapi.open_paths` returns.
OPEN_PREFIXES = ("/console/", "/panel/", "/help/", "/survey/")

# Of a request that proves nothing before its body is read: what 20,000 Chinese characters take in a form (`/help`), and
# some more. A form of the console may be larger where its session is valid.
OPEN_BODY_BYTES = 256 * 1024

ENDLESS_PATHS = frozenset({"/console/events"})  # what streams has no end that a HEAD could wait for

PAGE_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


HSTS = "max-age=31536000"  # a year, as https://www.rfc-editor.org/rfc/rfc6797 has in its examples


class Identity:
    """Gives a request its id and trace, puts them on the answer, counts and logs it, without what it said."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        sent = (headers.get(name, "") for name in ("x-request-id", "traceparent", "accept-language"))
        request_context = RequestContext.of(*sent)
        token, start, status = context.set(request_context), time.perf_counter(), 500

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                marked = MutableHeaders(scope=message)
                marked["X-Request-ID"] = request_context.request_id
                marked["traceparent"] = request_context.traceparent
                if scope["scheme"] == "https":
                    marked["Strict-Transport-Security"] = HSTS
                for name, value in PAGE_HEADERS.items():
                    # A page that says itself who may frame it is not to be denied to them by the older header.
                    if name != "X-Frame-Options" or "frame-ancestors 'none'" in marked["Content-Security-Policy"]:
                        marked.setdefault(name, value)
            await send(message)

        try:
            await self.app(scope, receive, send_marked)
        finally:
            self._note(scope, status, time.perf_counter() - start)
            context.reset(token)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")  # the template: a path may hold what a person wrote
        principal = getattr(scope.get("state", {}).get("principal"), "id", None) if "state" in scope else None
        metrics = self.metrics
        metrics.requests.labels(scope["method"] if route != "none" else "none", route, str(status)).inc()
        metrics.request_seconds.labels(route).observe(seconds)
        fields = {
            "method": scope["method"],
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 2),
            "principal": principal,
        }
        log.info("request", extra={"fields": fields})


class Gate:
    """Lets nobody in without a key, before the body is read; counts what each key asks.

    Parameters
    ----------
    app : ASGIApp
    authenticator : callable
        Returns who judges keys, once the service runs.
    check_session : callable
        Raises `KeyRefusedError` unless a token of the console's sessions is valid.
    wrong_keys : WrongKeys
        Slows who tries one proof after another.
    limiter : RateLimiter
    open_paths : frozenset of str
        What needs no key.
    signers : mapping of str to str
        Those of them whose signature is over the body, which may so be as large as one with a key: path to who signs.
    """

    def __init__(
        self,
        app: ASGIApp,
        authenticator: Callable[[], Authenticator],
        check_session: Callable[[str], object],
        wrong_keys: WrongKeys,
        limiter: RateLimiter,
        open_paths: frozenset[str],
        signers: Mapping[str, str],
    ) -> None:
        self.app = app
        self.authenticator = authenticator
        self.check_session = check_session
        self.wrong_keys = wrong_keys
        self.limiter = limiter
        self.open_paths = open_paths
        self.signers = signers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if self._is_open(scope):
            await self._pass_open(scope, receive, send)
            return
        try:
            principal = await self.authenticator().principal(Headers(scope=scope), address_of(scope))
            allowance = take_allowance(self.limiter, principal.id)
        except FaultwiseError as error:
            await answer(error)(scope, receive, send)
            return
        scope.setdefault("state", {})["principal"] = principal

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(allowance.headers)
            await send(message)

        token = principal_id.set(principal.id)
        try:
            await self.app(scope, receive, send_counted)
        finally:
            principal_id.reset(token)

    async def _pass_open(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through that brings a proof of its own, or needs none."""
        signer = self.signers.get(scope["path"])
        if signer is None:
            if not await self._may_send_much(Headers(scope=scope), address_of(scope)):
                scope.setdefault("state", {})["largest_body"] = OPEN_BODY_BYTES
        else:
            try:  # before a body is read that may be large
                self.wrong_keys.check(address_of(scope), signer)
            except FaultwiseError as error:
                await answer(error)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    async def _may_send_much(self, headers: Headers, address: str) -> bool:
        length = headers.get("content-length", "")
        if not length.isdecimal() or int(length) <= OPEN_BODY_BYTES:  # nearly all: no look into the store
            return False
        token = cookie_parser(headers.get("cookie", "")).get(SESSION_COOKIE, "")
        if not token:
            return False
        try:
            with self.wrong_keys.counted(address, token):
                await run_in_threadpool(self.check_session, token)
        except FaultwiseError:
            return False
        return True

    def _is_open(self, scope: Scope) -> bool:
        path: str = scope["path"]
        return path in self.open_paths or path.startswith(OPEN_PREFIXES) or scope["method"] == "OPTIONS"


class HeadRequests:
    """Answers HEAD as GET is answered, without the body (RFC 9110, 9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD" or scope["path"] in ENDLESS_PATHS:
            await self.app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        as_get = {**scope, "method": "GET"}
        try:
            await self.app(as_get, receive, send_head)
        finally:
            scope["route"] = as_get.get("route")  # for metrics and log


class BodyLimit:
    """Refuses bodies that are too large or too slow, and paths that no database can take."""

    def __init__(self, app: ASGIApp, largest: int, seconds: float) -> None:
        self.app = app
        self.largest = largest
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            _check_address(scope)
            largest = min(self.largest, scope.get("state", {}).get("largest_body", self.largest))
            body = await self._body(Headers(scope=scope), receive, largest)
        except FaultwiseError as error:
            await answer(error)(scope, receive, send)
            return
        except _ClientGoneError:
            return
        await self.app(scope, _replay(body, receive), send)

    async def _body(self, headers: Headers, receive: Receive, largest: int) -> bytes:
        declared = headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > largest:
            raise BodyTooLargeError(Phrase("body_too_large", {"most": largest, "found": declared}))
        chunks: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self.seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _ClientGoneError
                    chunks.append(message.get("body", b""))
                    size += len(chunks[-1])
                    if size > largest:
                        raise BodyTooLargeError(Phrase("body_larger_than_said", {"most": largest}))
                    if not message.get("more_body", False):
                        return b"".join(chunks)
        except TimeoutError:
            raise BodyTooSlowError(Phrase("body_too_slow", {"seconds": self.seconds})) from None


class _ClientGoneError(Exception):
    """The client closed the connection before its request was whole."""


def _check_address(scope: Scope) -> None:
    if b"%00" in scope.get("raw_path", b"") or b"%00" in scope["query_string"] or "\x00" in scope["path"]:
        raise MalformedError(Phrase("address_with_nul"))


def _replay(body: bytes, receive: Receive) -> Callable[[], Awaitable[Message]]:
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
