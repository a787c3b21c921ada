"""How soon an agent sees an incident: the page on the wire, and its first paint in headless Chromium, on loopback.

    python -m benchmarks.console --models models

Needs the packages of `dev` and a Chromium. The incident was diagnosed before: what is timed is what the console adds.
A page that holds the sign-in form alone is timed in turn with it: what the browser itself takes on this machine.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from playwright.sync_api import sync_playwright

from diagnosis.store import Store
from diagnosis.store.keys import SCOPES

if TYPE_CHECKING:
    from playwright.sync_api import Page

BOUND_MS = 150
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
TIMES = """() => {
  const page = performance.getEntriesByType('navigation')[0];
  const paint = performance.getEntriesByName('first-contentful-paint')[0];
  return paint ? [page.responseEnd, paint.startTime] : null;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder of releases (default: models)")
    parser.add_argument("--times", type=int, default=20, help="loads of each page (default: 20)")
    args = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("no Chromium on this machine: install it, then measure")
    with tempfile.TemporaryDirectory(prefix="faultwise-bench-") as folder, _served(args.models, Path(folder)) as base:
        incident = _diagnosed(base)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
            page = browser.new_page(base_url=base.url, viewport={"width": 1440, "height": 900})
            page.goto("/console/sign-in")
            page.fill("#key", base.key)
            page.press("#key", "Enter")
            page.wait_for_selector("#rows")
            addresses = {"sign-in form alone": "/console/sign-in", "queue": "/", "incident": incident}
            for (
                address
            ) in addresses.values():  # files of the console are in the browser's cache from the second load on
                _load(page, address)
            found: dict[str, list[tuple[float, float]]] = {name: [] for name in addresses}
            for _ in range(args.times):
                for name, address in addresses.items():
                    found[name].append(_load(page, address))
            browser.close()
    _show(found)


class Base:
    """A service that runs, and a key to it."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.key = key


@contextmanager
def _served(models: Path, folder: Path) -> Iterator[Base]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    database = f"sqlite:///{folder / 'faultwise.db'}"
    store = Store.open(database)
    key = store.keys.create("benchmark", SCOPES)[1]
    store.close()
    given = {"DATABASE": database, "MODELS": str(models), "PORT": str(port), "LOG_LEVEL": "ERROR"}
    environment = os.environ | {f"FAULTWISE_{name}": value for name, value in given.items()}
    process = subprocess.Popen([sys.executable, "-m", "api.cli", "serve"], env=environment)
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not _ready(f"http://127.0.0.1:{port}/health/ready"):
            time.sleep(0.1)
        yield Base(f"http://127.0.0.1:{port}", key)
    finally:
        process.terminate()
        process.wait()


def _ready(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def _diagnosed(base: Base) -> str:
    body = {
        "number": "PAINT-1",
        "short_description": "VPN 连不上，错误 809",
        "description": "在家办公时无法连接公司 VPN",
    }
    answer = httpx.post(f"{base.url}/v1/diagnoses", json=body, headers={"X-API-Key": base.key}, timeout=60)
    return f"/console/diagnoses/{answer.raise_for_status().json()['id']}"


def _load(page: Page, address: str) -> tuple[float, float]:
    """Return milliseconds from the start of a navigation to the last byte, and to the first contentful paint."""
    page.goto(address)
    found = page.wait_for_function(TIMES).json_value()
    return found[0], found[1]


def _show(found: dict[str, list[tuple[float, float]]]) -> None:
    print(f"| page | last byte, ms | first paint, ms (p90) | bound {BOUND_MS} ms |\n|---|---:|---:|---|")
    for name, times in found.items():
        wire, paint = (statistics.median(column) for column in zip(*times, strict=True))
        worst = statistics.quantiles((one for _, one in times), n=10)[-1]
        print(f"| {name} | {wire:.0f} | {paint:.0f} ({worst:.0f}) | {'kept' if paint <= BOUND_MS else 'missed'} |")


if __name__ == "__main__":
    main()
