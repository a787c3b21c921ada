"""One table from an error to its answer, as ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope

from api.telemetry import context, current_language
from diagnosis.errors import FaultwiseError, GateRefusedError, InputError, NotFittedError, ReleaseError, StoreError
from diagnosis.phrases import Phrase, as_written, in_words
from diagnosis.processes import InterruptedComputationError
from diagnosis.store.database import ConflictError, RecordNotFoundError
from diagnosis.store.keys import KeyRefusedError
from diagnosis.validation import describe_error

log = logging.getLogger(__name__)

RETRY_SECONDS = 2


class NothingPublishedError(FaultwiseError):
    """No release is in service yet."""


class BusyError(FaultwiseError):
    """More is waiting than this replica can take on."""


class ComputingError(FaultwiseError):
    """The first answer of its kind is still being computed."""


class ScopeError(FaultwiseError):
    """The key is good, but not for this."""


class RateLimitedError(FaultwiseError):
    """The key or the address has asked too often; `headers` say when it may ask again."""

    def __init__(self, message: str | Phrase, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.headers = dict(headers or {})


class BodyTooLargeError(FaultwiseError):
    """The body is larger than the service takes."""


class BodyTooSlowError(FaultwiseError):
    """The body did not arrive in time."""


class MalformedError(FaultwiseError):
    """The request cannot be read at all."""


class RequestInFlightError(FaultwiseError):
    """The same Idempotency-Key is being answered at this moment."""


class KeyReusedError(FaultwiseError):
    """The same Idempotency-Key came with another request."""


class ReplayError(ConflictError):
    """A signed delivery that was taken before."""


class ConfirmationNeededError(ConflictError):
    """What is meant seldom and done easily by mistake; `pointers` say what a request that means it holds."""

    def __init__(self, message: Phrase, pointers: Mapping[str, Phrase]) -> None:
        super().__init__(message)
        self.pointers = pointers


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """How one sort of error is answered."""

    status: int
    slug: str
    title: str


KINDS: Mapping[type[Exception], ErrorKind] = {
    MalformedError: ErrorKind(400, "malformed", "The request cannot be read"),
    KeyRefusedError: ErrorKind(401, "unauthorized", "A valid key is needed"),
    ScopeError: ErrorKind(403, "forbidden", "The key does not allow this"),
    RecordNotFoundError: ErrorKind(404, "not-found", "There is no such thing"),
    BodyTooSlowError: ErrorKind(408, "timeout", "The body did not arrive in time"),
    RequestInFlightError: ErrorKind(409, "in-flight", "The same request is being answered"),
    ConfirmationNeededError: ErrorKind(409, "confirmation-needed", "Say that this is meant"),
    ConflictError: ErrorKind(409, "conflict", "The change collides with another"),
    ReleaseError: ErrorKind(409, "release-refused", "The release cannot be put into service"),
    GateRefusedError: ErrorKind(409, "gate-refused", "The release did not pass the gate"),
    BodyTooLargeError: ErrorKind(413, "too-large", "The body is too large"),
    KeyReusedError: ErrorKind(422, "idempotency-key-reused", "The Idempotency-Key belongs to another request"),
    InputError: ErrorKind(422, "invalid", "The input cannot be used"),
    RateLimitedError: ErrorKind(429, "rate-limited", "Too many requests"),
    NothingPublishedError: ErrorKind(503, "nothing-published", "No release is in service"),
    NotFittedError: ErrorKind(503, "nothing-published", "No release is in service"),
    BusyError: ErrorKind(503, "busy", "Too much is waiting"),
    ComputingError: ErrorKind(503, "computing", "The answer is being computed: ask again"),
    InterruptedComputationError: ErrorKind(503, "interrupted", "The computation was ended before it had a result"),
    StoreError: ErrorKind(503, "store-unavailable", "The database did not do what was asked"),
}
_OF_STATUS = {kind.status: kind for kind in reversed(list(KINDS.values()))} | {
    404: ErrorKind(404, "not-found", "There is no such thing"),
    405: ErrorKind(405, "method-not-allowed", "The method is not allowed here"),
    422: ErrorKind(422, "invalid", "The input cannot be used"),
}
_DEFECT = ErrorKind(500, "defect", "The service failed")


class ProblemResponse(JSONResponse):
    """A problem, in the media type that says so."""

    media_type = "application/problem+json"


def kind_of(error: Exception) -> ErrorKind:
    """Return how an error is answered: by the nearest of its classes in `KINDS`."""
    return next((KINDS[cls] for cls in type(error).__mro__ if cls in KINDS), _DEFECT)


def detail_of(phrase: Phrase) -> str:
    """Return what is said of an error, in the language of whoever sent the request."""
    return in_words(phrase, current_language())


def problem(kind: ErrorKind, detail: str, errors: Sequence[Mapping[str, str]] = ()) -> dict[str, Any]:
    """Return the problem object of RFC 9457."""
    request_context = context.get()
    body: dict[str, Any] = {
        "type": f"urn:faultwise:problem:{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "instance": f"urn:faultwise:request:{request_context.request_id if request_context else 'none'}",
    }
    return {**body, "errors": list(errors)} if errors else body


def retry_after_header(seconds: int = RETRY_SECONDS) -> dict[str, str]:
    """Return the header field that says when the same request may be sent again."""
    return {"Retry-After": str(seconds)}


def answer(error: Exception, headers: Mapping[str, str] | None = None) -> ProblemResponse:
    """Return the response to an error of `KINDS`, or to a defect of ours, whose message stays inside."""
    kind = kind_of(error)
    phrase = Phrase("request_unanswered")
    if isinstance(error, FaultwiseError) and kind is not _DEFECT:
        phrase = error.phrase
    sent = {**(retry_after_header() if kind.status == 503 else {}), **getattr(error, "headers", {}), **(headers or {})}
    if kind.status == 401:
        sent["WWW-Authenticate"] = "Bearer"
    if kind.status in (408, 413):
        sent["Connection"] = "close"  # what is left of the body is not read
    pointers_of = getattr(error, "pointers", {})
    errors = [{"pointer": pointer, "detail": detail_of(detail)} for pointer, detail in pointers_of.items()]
    return ProblemResponse(problem(kind, detail_of(phrase), errors), kind.status, sent)


def pointers(errors: Sequence[Any], prefix: Sequence[str | int] = ()) -> list[dict[str, str]]:
    """Return pydantic's errors as JSON pointers (RFC 6901) with what is wrong there."""
    return [
        {"pointer": _pointer([*prefix, *error["loc"]]), "detail": detail_of(describe_error(error))} for error in errors
    ]


def _pointer(path: Sequence[str | int]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def install(app: FastAPI) -> None:
    """Let every error leave the app as a problem."""
    app.add_exception_handler(FaultwiseError, _domain_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _defect)


async def _domain_error(_request: Request, error: Exception) -> ProblemResponse:
    kind = kind_of(error)
    if kind.status >= 500:
        log.warning("answered %d %s: %s", kind.status, kind.slug, type(error).__name__)
    return answer(error)


async def _invalid(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, RequestValidationError)
    errors = error.errors()
    for entry in errors:
        if entry["type"] == "json_invalid":
            wrong, place = entry.get("ctx", {}).get("error", entry["msg"]), entry["loc"][-1]
            at = Phrase("at_character", {"place": place}) if isinstance(place, int) else ""
            return answer(MalformedError(Phrase("body_not_json", {"at": at, "fault": wrong})))
    if isinstance(error.body, bytes):  # FastAPI reads JSON only from a body that says that it is
        sent = request.headers.get("content-type", "none")
        return answer(InputError(Phrase("body_of_other_type", {"type": sent})))
    located = [{**entry, "loc": _without_source(entry["loc"])} for entry in errors]
    detail = detail_of(Phrase("values_refused", {"n": len(errors)}))
    return ProblemResponse(problem(KINDS[InputError], detail, pointers(located)), 422)


def _without_source(loc: Sequence[str | int]) -> Sequence[str | int]:
    # FastAPI starts a path with where the value came from; in the body a pointer starts at the body.
    return loc[1:] if loc and loc[0] == "body" else loc


async def _http(request: Request, error: Exception) -> ProblemResponse:
    """Answer what FastAPI and Starlette refuse by themselves, in our words where theirs say nothing."""
    assert isinstance(error, HTTPException)
    kind = _OF_STATUS.get(error.status_code, ErrorKind(error.status_code, "http", error.detail))
    headers = dict(error.headers or {})
    if error.status_code == 405:  # Starlette names the methods of one route; several may share an address
        headers["Allow"] = ", ".join(allowed_methods(request.app, request.scope))
    ours = {
        "There was an error parsing the body": Phrase("body_unreadable"),
        "Not Found": Phrase("nothing_at_address", {"address": request.url.path}),
        "Method Not Allowed": Phrase(
            "other_method_expected", {"methods": headers.get("Allow"), "method": request.method}
        ),
    }
    detail = detail_of(ours.get(str(error.detail), as_written(str(error.detail))))
    return ProblemResponse(problem(kind, detail), error.status_code, headers)


def allowed_methods(app: FastAPI, scope: Scope) -> list[str]:
    """Return the methods that an address takes, HEAD wherever GET is taken: described ones, of pages what is routed."""
    described = app.openapi()["paths"].get(getattr(scope.get("route"), "path", None), {})
    methods = [
        method
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        if method.lower() in described or (not described and _is_routed(app, {**scope, "method": method}))
    ]
    return [*methods[:1], "HEAD", *methods[1:]] if "GET" in methods else methods


def _is_routed(app: FastAPI, scope: Scope) -> bool:
    return any(route.matches(scope)[0] is Match.FULL for route in app.router.routes)


async def _defect(_request: Request, error: Exception) -> ProblemResponse:
    log.error("defect: %s", type(error).__name__, exc_info=error)
    return answer(error)
