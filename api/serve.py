"""`faultwise serve`: the service behind uvicorn, one process or several."""

from __future__ import annotations

import argparse
import math
import os
import socket
import ssl
import sys
import tempfile
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from threadpoolctl import threadpool_limits
from uvicorn.supervisors import Multiprocess

from api.settings import Settings, settings_from
from diagnosis.errors import FaultwiseError, InputError
from diagnosis.phrases import Phrase

SUMMARY = "Serve API and console; the first start shows an admin key."
EXAMPLE = "faultwise serve --port 8000 --database postgresql://faultwise@db/faultwise"

_OPTIONS = ("host", "port", "workers", "database", "models")
# How long one thread waits for another to hand the interpreter over. At 5 ms, Python's own, a diagnosis waits so long
# each time it has let go of it, beside a thread that takes in changes or a release.
_HAND_OVER_SECONDS = 0.0005
_STOP_SECONDS = 20  # a slow connection does not hold a stop back for longer


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
    """Serve with these settings until the process is told to stop.

    Raises
    ------
    FaultwiseError
        If nobody may listen on that address, or the certificate cannot be used, before anything is opened or made.
    """
    listener = _bind(settings.host, settings.port)
    _tls(settings)
    if settings.workers > 1:
        _hand_over(settings)
    config = uvicorn.Config(
        "api.serve:app" if settings.workers > 1 else _app(settings),
        factory=settings.workers > 1,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        http="api.http.connections:LimitedProtocol",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=math.ceil(settings.idle_seconds),
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
    server = uvicorn.Server(config)
    if settings.workers > 1:
        Multiprocess(config, sockets=[listener]).run()
        return
    server.run(sockets=[listener])
    if not server.started:
        raise FaultwiseError(Phrase("service_not_started"))


def require_free(host: str, port: int) -> None:
    """Look whether an address can be served on, before what takes minutes.

    Raises
    ------
    FaultwiseError
        If another program has it.
    """
    _bind(host, port).close()


def _bind(host: str, port: int) -> socket.socket:
    """Return a socket that has the address to itself but does not listen yet."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        values = {"host": host, "port": port, "fault": error.strerror or str(error)}
        raise FaultwiseError(Phrase("address_in_use", values)) from error
    listener.set_inheritable(True)
    return listener


def app() -> FastAPI:
    """Return the app for the settings in the environment, its log as JSON; any ASGI server may call this."""
    return _app(Settings())


def _app(settings: Settings) -> FastAPI:
    from api.app import create_app  # noqa: PLC0415 - metrics read the environment when they are imported
    from api.http.connections import ConnectionLimits, LimitedProtocol  # noqa: PLC0415
    from api.telemetry import configure_logging  # noqa: PLC0415

    configure_logging(settings.log_level)
    LimitedProtocol.limits = ConnectionLimits(
        max_url_bytes=settings.max_url_bytes,
        max_header_bytes=settings.max_header_bytes,
        max_headers=settings.max_headers,
        header_seconds=settings.header_seconds,
        send_seconds=settings.send_seconds,
        max_connections=settings.max_connections,
        max_unfinished_bytes=settings.max_unfinished_bytes,
    )
    LimitedProtocol.tls = _tls(settings)
    sys.setswitchinterval(_HAND_OVER_SECONDS)
    threadpool_limits(1)  # one incident is too little to share out among threads: to wake them costs more than it does
    return create_app(settings)


def _tls(settings: Settings) -> ssl.SSLContext | None:
    """Return what TLS is spoken with, None where it ends at a proxy."""
    if settings.tls_certificate is None:
        if settings.tls_key is not None:
            raise InputError(Phrase("tls_key_alone"))
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    except OSError as error:
        files = " and ".join(str(path) for path in (settings.tls_certificate, settings.tls_key) if path)
        raise InputError(Phrase("tls_unreadable", {"files": files, "fault": str(error)})) from error
    return context


def _hand_over(settings: Settings) -> None:
    # Workers are new processes: what was given as an option reaches them through the environment, as all else does.
    for name, value in settings.model_dump(include=set(_OPTIONS)).items():
        os.environ[f"FAULTWISE_{name.upper()}"] = str(value)
    os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp(prefix="faultwise-metrics-"))
