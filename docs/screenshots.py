"""Take the README's pictures of a running demo: ``python docs/screenshots.py --key KEY`` beside ``faultwise demo``.

Start that with ``FAULTWISE_SELF_SERVICE=true``. Its queue is dated today, so that the pictures are, too.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from PIL import Image
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
MOST_BYTES = 150_000
# Name, language, colours, width and height, page.
PICTURES = (
    ("queue", "en-GB", "light", (1280, 760), "/"),
    ("queue-zh", "zh-CN", "dark", (1280, 760), "/"),
    ("incident", "en-GB", "light", (1660, 1240), "incident"),
    ("incident-zh", "zh-CN", "dark", (1660, 1240), "incident"),
    ("phone-zh", "zh-CN", "light", (360, 740), "incident"),
    ("search", "en-GB", "dark", (1100, 640), "/console/search?q=VPN+809"),
    ("search-zh", "zh-CN", "light", (1100, 640), "/console/search?q=VPN+809"),
    ("service-report", "en-GB", "dark", (1280, 900), "/console/report"),
    ("service-report-zh", "zh-CN", "light", (1280, 900), "/console/report"),
    ("help", "en-GB", "light", (800, 560), "The printer shows a paper jam but there is none"),
    ("help-zh", "zh-CN", "dark", (800, 560), "打印机提示卡纸，但是没有卡纸"),
)
COLOURS = 96  # an interface has few: a palette of so many looks the same at a third of the size


def main() -> int:
    """Take each picture."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--key", default=os.environ.get("FAULTWISE_KEY"), help="with the scope diagnose")
    args = parser.parse_args()
    if not args.key:
        parser.error("a key is needed: --key or FAULTWISE_KEY")
    at_risk = riskiest_incident(args.url, args.key)
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, locale, colours, size, shows in PICTURES:
            picture = IMAGES / f"{name}.png"
            take(browser, args.url, args.key, picture, locale, colours, size, at_risk if shows == "incident" else shows)
            n_bytes = picture.stat().st_size
            sys.stderr.write(f"{picture.relative_to(ROOT)}  {n_bytes // 1000} kB\n")
            if n_bytes > MOST_BYTES:
                return 1
        browser.close()
    return 0


def riskiest_incident(url: str, key: str) -> str:
    """Return the address of the diagnosis whose recurrence risk has the most factors."""
    with httpx.Client(base_url=url, headers={"X-API-Key": key}, timeout=60) as client:
        diagnoses = client.get("/v1/diagnoses", params={"limit": 100}).raise_for_status().json()["items"]
    richest = max(diagnoses, key=lambda item: len(item["recurrence"]["factors"]) if item["recurrence"] else -1)
    return f"/console/diagnoses/{richest['id']}"


def take(
    browser: Browser, url: str, key: str, picture: Path, locale: str, colours: str, size: tuple[int, int], shows: str
) -> None:
    """Take one picture: of a page by its address, of an incident, or of what self-service answers to some words."""
    width, height = size
    context = browser.new_context(
        base_url=url,
        locale=locale,
        color_scheme="dark" if colours == "dark" else "light",
        reduced_motion="reduce",
        viewport={"width": width, "height": height},
    )
    page = context.new_page()
    if picture.stem.startswith("help"):
        _ask_for_help(page, shows)
    else:
        _sign_in(page, key)
        page.goto(shows)
        page.wait_for_selector("#live.on")
        for report in page.locator(".report > summary").all():  # folded, so that there is room for what was made of it
            report.click()
    page.wait_for_timeout(300)  # fonts and pictures are drawn
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    shot.quantize(COLOURS, dither=Image.Dither.NONE).save(picture, optimize=True)
    context.close()


def _sign_in(page: Page, key: str) -> None:
    page.goto("/console/sign-in")
    page.fill("#key", key)
    page.press("#key", "Enter")
    page.wait_for_selector("#rows")


def _ask_for_help(page: Page, words: str) -> None:
    page.goto("/help")
    page.fill("#text", words)
    page.locator("form.card button.main").click()
    page.wait_for_selector("article")


if __name__ == "__main__":
    sys.exit(main())
