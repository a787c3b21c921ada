"""Server-sent events: a page is told that something was stored, and fetches what it shows."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from api.console.change_notifier import ChangeNotifier
from api.console.session import Reading, Token
from api.dependencies import Served
from api.errors import RateLimitedError, retry_after_header
from api.service import Service
from diagnosis.store.keys import KeyRefusedError

router = APIRouter()


@router.get("/console/events")
async def events(request: Request, service: Served, _agent: Reading, token: Token) -> EventSourceResponse:
    """Send events until the browser leaves or the session ends."""
    state = request.app.state
    if not hasattr(state, "change_notifier"):
        # Half of the connections at most: an open page holds one for as long as it is open.
        max_streams = max(1, state.settings.max_connections // 2)
        state.change_notifier = ChangeNotifier(service.monitoring.change_marker, max_streams)
    if not state.change_notifier.has_place(token):
        raise RateLimitedError("too many pages are open at once; close some", retry_after_header())
    stream = _events(state.change_notifier, service, token)
    # No proxy may hold events back; the library ends the stream when the server shuts down.
    return EventSourceResponse(stream, headers={"X-Accel-Buffering": "no"}, ping=3600)


async def _events(notifier: ChangeNotifier, service: Service, token: str) -> AsyncIterator[ServerSentEvent]:
    async for event in notifier.listen(token):
        if event == "heartbeat":
            try:
                await run_in_threadpool(service.sessions.check, token)
            except KeyRefusedError:
                yield ServerSentEvent(event="signed_out", data="")
                return
        yield ServerSentEvent(event=event, data="", retry=1000)
