"""Failures: a person whose request cannot be answered gets a page in their language, a program a problem."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import cast

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from api.console.access import AccessError
from api.console.pages import is_part, page
from api.console.session import return_address, whoever_is_signed_in
from diagnosis.errors import FaultwiseError

Handler = Callable[[Request, Exception], Awaitable[Response]]

_NOTICES: Mapping[int, str] = {
    401: "form_outdated",
    404: "not_found",
    409: "changed_meanwhile",
    413: "form_too_large",
    422: "form_wrong",
    429: "too_often",
}


def install(app: FastAPI) -> None:
    """Let errors leave the console's addresses as pages; called once the handlers for programs are in place."""
    for kind in (FaultwiseError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _or_page(cast(Handler, app.exception_handlers[kind])))


def _or_page(handler: Handler) -> Handler:
    async def handle(request: Request, error: Exception) -> Response:
        problem = await handler(request, error)
        if problem.status_code < 400 or not _is_for_a_person(request):
            return problem
        response = await run_in_threadpool(_page, request, error, problem.status_code)
        for name in ("retry-after", "allow"):
            if name in problem.headers:
                response.headers[name] = problem.headers[name]
        return response

    return handle


def _is_for_a_person(request: Request) -> bool:
    path = request.url.path
    is_page = path in ("/", "/help") or path.startswith(("/console/", "/help/", "/survey/"))
    return is_page and not is_part(request) and "text/html" in request.headers.get("accept", "")


def _page(request: Request, error: Exception, status: int) -> Response:
    agent = whoever_is_signed_in(request)
    if isinstance(error, AccessError):
        return page(request, "no_access.html", status, agent=agent, access=error.access, scope=error.scope)
    notice = "unavailable" if status >= 500 else _NOTICES.get(status, "form_wrong")
    if request.url.path == "/help" and status == 404:  # self-service is switched off
        notice = "no_page"
    back = return_address(request) if request.method == "POST" else ""
    return page(request, "message.html", status, notice=notice, agent=agent, back=back)
