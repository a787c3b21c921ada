"""Take the README's pictures of a running service: ``python docs/screenshots.py --key KEY`` beside ``faultwise demo``.

The newest incidents of the sample are logged again, under numbers of their own, so that the queue has some to show.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pandas as pd
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
LOGGED = ("short_description", "description", "caller", "service", "cmdb_ci", "location", "contact_type")
MOST_BYTES = 300_000
# Name, language, colours, width and height, page.
PICTURES = (
    ("queue", "en-GB", "light", (1440, 800), "/"),
    ("incident", "en-GB", "light", (1440, 900), "incident"),
    ("incident-zh", "zh-CN", "dark", (1440, 900), "incident"),
    ("phone-zh", "zh-CN", "light", (360, 740), "incident"),
    ("search", "zh-CN", "light", (1100, 700), "/console/search?q=VPN+809"),
    ("outcome", "en-GB", "dark", (1440, 800), "/console/outcome"),
)


def main() -> int:
    """Log what is to be seen, then take each picture."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--key", default=os.environ.get("FAULTWISE_KEY"), help="with the scopes diagnose and feedback")
    args = parser.parse_args()
    if not args.key:
        parser.error("a key is needed: --key or FAULTWISE_KEY")
    log_incidents(args.url, args.key)
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, *rest in PICTURES:
            picture = IMAGES / f"{name}.png"
            take(browser, args.url, args.key, picture, *rest)
            size = picture.stat().st_size
            sys.stderr.write(f"{picture.relative_to(ROOT)}  {size // 1000} kB\n")
            if size > MOST_BYTES:
                return 1
        browser.close()
    return 0


def log_incidents(url: str, key: str) -> None:
    """Diagnose the newest incidents of the sample, as they were logged."""
    newest = pd.read_csv(ROOT / "data" / "sample" / "incidents.csv", dtype=str, keep_default_na=False)
    newest = newest.sort_values("opened_at").tail(14)
    for i, row in enumerate(newest.to_dict("records")):
        body = {name: row.get(name, "") for name in LOGGED}
        answer = httpx.post(
            f"{url}/v1/diagnoses", json={"number": f"INC1{i:05}", **body}, headers={"X-API-Key": key}, timeout=60
        )
        answer.raise_for_status()


def take(
    browser: Browser, url: str, key: str, picture: Path, locale: str, colours: str, size: tuple[int, int], address: str
) -> None:
    """Take one picture."""
    width, height = size
    context = browser.new_context(
        base_url=url, locale=locale, color_scheme="dark" if colours == "dark" else "light", reduced_motion="reduce",
        viewport={"width": width, "height": height},
    )  # fmt: skip
    page = context.new_page()
    page.goto("/console/sign-in")
    page.fill("#key", key)
    page.press("#key", "Enter")
    page.wait_for_selector("#live.on")
    if address == "incident":
        _open_first(page)
    elif address != "/":
        page.goto(address)
    page.wait_for_timeout(400)
    page.screenshot(path=picture)
    context.close()


def _open_first(page: Page) -> None:
    page.locator("a[data-row]").nth(1).click()
    page.wait_for_selector("#suggestion-1")
    page.wait_for_selector("#live.on")


if __name__ == "__main__":
    sys.exit(main())
