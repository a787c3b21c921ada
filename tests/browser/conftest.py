"""A headless Chromium and a running service; without Chromium these tests are skipped, but not in CI."""

import os
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from diagnosis.store.keys import SCOPES
from tests.issuer import Issuer
from tests.serving import Process

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
LOCALES = {"en": "en-GB", "zh": "zh-CN"}
PANEL_SECRET = "a secret of thirty-two characters or more"


# For each file its own: while it is there, no other test of this process can start an event loop.
@pytest.fixture(scope="module")
def chromium() -> Iterator[object]:
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs Chromium; .ci/run installs it")
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    with Issuer() as one:
        yield one


@pytest.fixture(scope="session")
def service(models, issuer, tmp_path_factory) -> Iterator[Process]:
    database = tmp_path_factory.mktemp("browser") / "faultwise.db"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = Process(
        f"sqlite:///{database}",
        models,
        rate_per_minute=100_000,
        panel_secret=PANEL_SECRET,
        self_service="true",
        panel_ancestors=f"http://localhost:{port}",
        oidc_issuer=issuer.url,
        oidc_client_id="console",
    )
    process.tool_port = port
    yield process.start()
    process.stop()


@pytest.fixture(scope="session")
def client(service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.base, headers=service.headers, timeout=30) as one:
        yield one


@pytest.fixture(scope="session")
def key(client) -> str:
    return client.post("/v1/keys", json={"name": "agent", "scopes": list(SCOPES)}).json()["key"]


@pytest.fixture
def diagnosed(client) -> Callable[..., dict]:
    def diagnose(number: str, text: str = "打印机提示卡纸", **fields: str) -> dict:
        body = {"number": number, "short_description": text, "cmdb_ci": "prn-3f", **fields}
        answer = client.post("/v1/diagnoses", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return diagnose


@pytest.fixture(scope="module")
def cookies(chromium, service, key) -> list[dict]:
    """Return the cookies of a person who has signed in; `test_sign_on` and the keyboard's test do it by hand."""
    context = chromium.new_context(base_url=service.base)
    page = context.new_page()
    sign_in(page, key)
    found = context.cookies()
    context.close()
    return found


@pytest.fixture
def browse(chromium, service, cookies) -> Iterator[Callable[..., object]]:
    """Return a function that opens a page; afterwards nothing may have gone wrong in any of them."""
    contexts, wrong = [], []

    def policy(said: str, refused_frames: bool) -> None:
        if "Content Security Policy" in said and not (refused_frames and "frame-ancestors" in said):
            wrong.append(said)

    def opened(
        language: str = "en",
        width: int = 1440,
        scheme: str = "light",
        signed_in: bool = True,
        refused_frames: bool = False,
    ):
        context = chromium.new_context(
            base_url=service.base,
            locale=LOCALES[language],
            color_scheme=scheme,
            reduced_motion="reduce",
            viewport={"width": width, "height": 900},
        )
        context.set_default_timeout(8000)
        contexts.append(context)
        if signed_in:
            context.add_cookies(cookies)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("console", lambda said: policy(said.text, refused_frames))
        page.on(
            "request",
            lambda asked: (
                wrong.append(asked.url)
                if not re.match(r"(http://(127\.0\.0\.1|localhost):|data:|blob:|about:)", asked.url)
                else None
            ),
        )
        if signed_in:
            page.goto("/")
            page.wait_for_selector("#rows")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []


def sign_in(page, key: str) -> None:
    page.goto("/")
    page.fill("#key", key)
    page.press("#key", "Enter")
    page.wait_for_selector("#rows")


def visit(page, name: str) -> None:
    """Follow a link of the bar; on a phone the menu is opened first."""
    if page.locator("[data-menu]").is_visible():
        page.locator("[data-menu]").click()
    page.locator("nav.pages").get_by_role("link", name=name, exact=True).click()


def axe(page) -> list[str]:
    """Return what breaks WCAG 2.2 AA on a page as it stands."""
    page.evaluate(AXE)  # past the page's policy, as the debugger may
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    found = page.evaluate("tags => axe.run(document, {runOnly: tags})", tags)
    return [
        f"{one['id']}: {node['html'][:200]} {node['failureSummary'][:200]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]
