"""`/mcp`: the MCP server inside the service, behind its gate; imported and started by the first request to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.types import Receive, Scope, Send

from api.service import Service

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

PATH = "/mcp"


class McpEndpoint:
    """ASGI app of the streamable HTTP transport: stateless, so that any replica answers any request, and plain JSON.

    Parameters
    ----------
    service : callable
        Returns the running service.
    """

    def __init__(self, service: Callable[[], Service]) -> None:
        self.service = service
        self._starting = asyncio.Lock()
        self._manager: StreamableHTTPSessionManager | None = None
        self._running: asyncio.Task[None] | None = None
        self._end = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        async with self._starting:
            if self._manager is None:
                self._manager = await self._start()
        await self._manager.handle_request(scope, receive, send)

    async def stop(self) -> None:
        """End what runs."""
        if self._running is not None:
            self._end.set()
            await self._running

    async def _start(self) -> StreamableHTTPSessionManager:
        manager = await asyncio.to_thread(_manager, self.service)
        started = asyncio.Event()
        # The manager's task group must be left by the task that entered it, which no request can promise.
        self._running = asyncio.create_task(self._run(manager, started))
        await started.wait()
        return manager

    async def _run(self, manager: StreamableHTTPSessionManager, started: asyncio.Event) -> None:
        async with manager.run():
            started.set()
            await self._end.wait()


def _manager(service: Callable[[], Service]) -> StreamableHTTPSessionManager:
    from mcp.server.transport_security import TransportSecuritySettings  # noqa: PLC0415

    from api.mcp.server import make_server  # noqa: PLC0415

    server = make_server(service)
    # Every request has passed the gate with a key, which a page that rebinds a name does not have.
    security = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    server.streamable_http_app(
        streamable_http_path=PATH, json_response=True, stateless_http=True, transport_security=security
    )
    return server.session_manager
