"""`faultwise mcp`: the service for AI agents (Model Context Protocol) over standard input and output; `/mcp` over HTTP.

The official ``mcp`` package takes seconds to import, so nothing here imports it before it is used.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from api.settings import Settings, settings_from

SUMMARY = "Serve AI agents (Model Context Protocol) over standard input and output."
EXAMPLE = "faultwise mcp --database sqlite:///var/faultwise.db --models models"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options; an omitted one comes from ``FAULTWISE_…`` or its default."""
    parser.add_argument("--database", metavar="URL", help="sqlite:///… or postgresql://… (default: var/faultwise.db)")
    parser.add_argument("--models", type=Path, metavar="DIR", help="folder of releases (default: models)")


def run(args: argparse.Namespace) -> int:
    """Serve until standard input ends."""
    options = {name: value for name in ("database", "models") if (value := getattr(args, name)) is not None}
    asyncio.run(_serve(settings_from(**options)))
    return 0


async def _serve(settings: Settings) -> None:
    from api.composition import build  # noqa: PLC0415 - the whole service
    from api.mcp.server import LOCAL, make_server  # noqa: PLC0415
    from api.metrics import Metrics  # noqa: PLC0415
    from api.systems import Systems  # noqa: PLC0415

    service = await asyncio.to_thread(build, settings, Metrics())
    systems = Systems(service, settings)
    systems.start()
    try:
        await make_server(lambda: service, LOCAL).run_stdio_async()
    finally:
        await systems.stop()
        await service.close()
