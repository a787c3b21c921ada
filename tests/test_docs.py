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

from api.settings import Settings
from diagnosis.release import FORMAT_VERSION

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


def test_the_guide_to_upgrading_says_what_the_newest_format_of_a_release_changed() -> None:
    guide = (ROOT / "docs" / "upgrading.md").read_text(encoding="utf-8")
    formats = re.findall(r"^\| (\d+)\b[^|]*\|[^|]+\|[^|]*\w", guide, re.MULTILINE)
    assert [int(number) for number in formats] == list(range(FORMAT_VERSION, 4, -1))


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


def test_the_settings_of_the_page_of_request_tracker_are_taken_as_they_stand(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "integrations" / "request-tracker.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```sh\n(mkdir -p ~/desk.*?)```", page, re.DOTALL)
    result = subprocess.run(
        ["bash", "-ec", f"{block}\nstat -c %a faultwise.env; printenv | grep -a ^FAULTWISE_"],
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        check=True,
        capture_output=True,
        text=True,
    )
    mode, *lines = result.stdout.splitlines()
    assert mode == "600"
    environment = dict(line.split("=", 1) for line in lines)
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("FAULTWISE_")]:
            patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        settings = Settings()
    rt = settings.integrations.rt
    assert (rt.url, rt.intake_groups, rt.write_back, rt.sync_minutes) == (
        "https://rt.example.org",
        ("General",),
        True,
        10,
    )
    assert len(rt.secret.get_secret_value()) == 64
    assert settings.panel_ancestors
    template = (ROOT / "examples" / "request-tracker" / "Faultwise.pm").read_text(encoding="utf-8")
    [command] = re.findall(r"^sed (.*?) \\$", page, re.MULTILINE)
    filled = subprocess.run(
        ["bash", "-c", f"sed {command}"],
        env={**os.environ, **environment},
        input=template,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert f"Set($FaultwiseSecret, '{rt.secret.get_secret_value()}');" in filled
    assert f"Set($FaultwisePanelSecret, '{environment['FAULTWISE_PANEL_SECRET']}');" in filled
