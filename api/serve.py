"""`faultwise serve`: the service behind uvicorn, one process or several."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from threadpoolctl import threadpool_limits

from api.settings import Settings, settings_from

SUMMARY = "Serve API and console; the first start shows an admin key."
EXAMPLE = "faultwise serve --port 8000 --database postgresql://faultwise@db/faultwise"

_OPTIONS = ("host", "port", "workers", "database", "models")
# Idle connections are kept a little longer than the usual proxy does, and slow ones do not hold a stop back for long.
_KEEP_ALIVE_SECONDS = 75
_STOP_SECONDS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options; what is not given comes from ``FAULTWISE_…`` or its default."""
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (default: 8000)")
    parser.add_argument("--workers", type=int, help="processes (default: 1)")
    parser.add_argument("--database", metavar="URL", help="sqlite:///… or postgresql://… (default: var/faultwise.db)")
    parser.add_argument("--models", type=Path, metavar="DIR", help="folder of releases (default: models)")


def run(args: argparse.Namespace) -> int:
    """Serve until stopped."""
    options = {name: getattr(args, name) for name in _OPTIONS}
    serve(settings_from(**{name: value for name, value in options.items() if value is not None}))
    return 0


def serve(settings: Settings) -> None:
    """Serve with these settings until the process is told to stop."""
    if settings.workers == 1:
        served: FastAPI | str = _app(settings)
    else:
        _hand_over(settings)
        served = "api.serve:app"
    uvicorn.run(
        served,
        factory=settings.workers > 1,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )


def app() -> FastAPI:
    """Return the app for the settings in the environment, its log as JSON; any ASGI server may call this."""
    return _app(Settings())


def _app(settings: Settings) -> FastAPI:
    from api.app import create_app  # noqa: PLC0415 - metrics read the environment when they are imported
    from api.telemetry import configure_logging  # noqa: PLC0415

    configure_logging(settings.log_level)
    threadpool_limits(1)  # one incident is too little to share out among threads: to wake them costs more than it does
    return create_app(settings)


def _hand_over(settings: Settings) -> None:
    # Workers are new processes: what was given as an option reaches them through the environment, as all else does.
    for name, value in settings.model_dump(include=set(_OPTIONS)).items():
        os.environ[f"FAULTWISE_{name.upper()}"] = str(value)
    os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp(prefix="faultwise-metrics-"))
