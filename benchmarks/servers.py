"""Which server may stand before the service: what an echo costs behind each, and what one hostile client takes of it.

Each server is started with its defaults; ours is uvicorn with the protocol that `faultwise serve` gives it.
"""

from __future__ import annotations

import http.client
import socket
import statistics
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import Any

import psutil

ECHOES = 3000
HEADER_MEGABYTES = 200
PATIENCE_SECONDS = 15.0  # for a half-open head and a silent socket

_OURS = """
import sys, uvicorn
from api.http.connections import LimitedProtocol
uvicorn.run("benchmarks.servers:echo", port=int(sys.argv[1]), http=LimitedProtocol, log_level="error", ws="none")
"""
COMMANDS = {
    "uvicorn, h11": "-m uvicorn --http h11 --log-level error benchmarks.servers:echo --port",
    "uvicorn, httptools": "-m uvicorn --http httptools --log-level error benchmarks.servers:echo --port",
    "hypercorn": "-m hypercorn --log-level error benchmarks.servers:echo --bind 127.0.0.1:",
    "granian": "-m granian --interface asgi --no-log benchmarks.servers:echo --port",
}


async def echo(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
    """Answer every request with the same two bytes."""
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


def main() -> None:
    """Print the table."""
    print(
        "| server | echo p50 ms | 200 MB header, memory MB | others wait meanwhile, s | half head open | silent open |"
    )
    print("|---|---:|---:|---:|---|---|")
    for name in (*COMMANDS, "ours"):
        print(f"| {name} | {' | '.join(_measured(name))} |", flush=True)


def _measured(name: str) -> list[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    if name == "ours":
        command = [sys.executable, "-c", _OURS, str(port)]
    else:
        *words, last = COMMANDS[name].split()
        command = [sys.executable, *words, *([f"{last}{port}"] if last.endswith(":") else [last, str(port)])]
    process = subprocess.Popen(command)
    try:
        _wait_until_open(port)
        half, silent = _connect(port), _connect(port)
        half.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        opened = time.monotonic()
        p50 = _echo_milliseconds(port)
        megabytes, slowest = _long_header(port, process.pid)
        time.sleep(max(0.0, PATIENCE_SECONDS - (time.monotonic() - opened)))
        return [f"{p50:.2f}", f"{megabytes:.0f}", f"{slowest:.2f}", _open(half), _open(silent)]
    finally:
        process.terminate()
        process.wait()


def _echo_milliseconds(port: int) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    times = []
    for _ in range(ECHOES):
        start = time.perf_counter()
        connection.request("GET", "/")
        connection.getresponse().read()
        times.append(1000 * (time.perf_counter() - start))
    connection.close()
    return statistics.median(times)


def _long_header(port: int, pid: int) -> tuple[float, float]:
    """Return the memory that a header without end takes in MB, and how long others wait for an echo at most."""
    before = peak = _memory(pid)
    ended = threading.Event()

    def attack() -> None:
        with suppress(OSError), _connect(port) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: ")
            for _ in range(HEADER_MEGABYTES):
                client.sendall(b"a" * 1_000_000)
        ended.set()

    attacker = threading.Thread(target=attack)
    attacker.start()
    slowest = 0.0
    stop = time.monotonic() + 60
    while not ended.is_set() and time.monotonic() < stop:
        start = time.monotonic()
        with suppress(OSError):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("GET", "/")
            connection.getresponse().read()
            connection.close()
        slowest = max(slowest, time.monotonic() - start)
        peak = max(peak, _memory(pid))
    attacker.join()
    return max(peak, _memory(pid)) - before, slowest


def _memory(pid: int) -> float:
    process = psutil.Process(pid)
    return sum(one.memory_info().rss for one in (process, *process.children(recursive=True))) / 1e6


def _connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def _open(client: socket.socket) -> str:
    client.settimeout(0.1)
    try:
        while client.recv(65536):
            pass
    except TimeoutError:
        return f"after {PATIENCE_SECONDS:g} s"
    except OSError:
        pass
    return "closed"


def _wait_until_open(port: int) -> None:
    stop = time.monotonic() + 30
    while time.monotonic() < stop:
        with suppress(OSError):
            _connect(port).close()
            return
        time.sleep(0.1)


if __name__ == "__main__":
    main()
