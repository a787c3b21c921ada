"""The documentation as a site: every link leads somewhere, every page is in a menu, nothing comes from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DECISIONS = ROOT / "docs" / "decisions"


class _Loaded(HTMLParser):
    """Collects what a browser loads by itself when it opens a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in ("script", "img", "iframe", "source"):
            self.addresses.append(values.get("src") or "")
        if tag == "link" and values.get("rel") in ("stylesheet", "icon", "preload", "preconnect"):
            self.addresses.append(values.get("href") or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    result = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return folder


def test_the_site_builds_with_every_link_checked(site: Path) -> None:
    pages = {page.relative_to(ROOT / "docs").with_suffix(".html") for page in (ROOT / "docs").rglob("*.md")}
    built = {page.relative_to(site) for page in site.rglob("*.html")}
    assert {Path(str(page).replace("README.html", "index.html")) for page in pages} <= built


def test_a_page_loads_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        parser = _Loaded()
        parser.feed(page.read_text(encoding="utf-8"))
        assert [address for address in parser.addresses if address.startswith(("http:", "https:", "//"))] == [], page


def test_every_decision_is_listed() -> None:
    listed = (DECISIONS / "README.md").read_text(encoding="utf-8")
    assert [
        page.name for page in DECISIONS.glob("*.md") if page.name != "README.md" and f"({page.name})" not in listed
    ] == []


def test_every_file_that_a_page_names_exists() -> None:
    pages = [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        paths = re.findall(r"`((?:api|benchmarks|data|diagnosis|docs|examples|tests|training)/[\w./-]*)", text)
        assert [path for path in paths if not (ROOT / path).exists()] == [], page


def test_the_changelog_says_each_change_once() -> None:
    """Branches are merged line by line there, which can bring back what had moved."""
    latest = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split("\n## ")[1]
    headings = re.findall(r"^### .+$", latest, re.MULTILINE)
    entries = re.findall(r"^- .{1,60}", latest, re.MULTILINE)
    assert [line for line, count in Counter([*headings, *entries]).items() if count > 1] == []
