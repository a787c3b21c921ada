"""What the README tells a newcomer to type is there to be typed."""

from __future__ import annotations

import re
import shlex
from argparse import ArgumentParser
from importlib import import_module
from pathlib import Path

import pytest

from api.cli import VERBS
from training.command_line.verb import describe

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, re.DOTALL)
COMMANDS = [line for _, block in BLOCKS for line in block.splitlines() if line.startswith("faultwise ")]


@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_is_one_that_the_program_takes(line: str) -> None:
    _, verb, *options = shlex.split(line, comments=True)
    parser = ArgumentParser()
    describe(import_module(VERBS[verb][0]), parser)
    parser.parse_args(options)


def test_the_make_targets_are_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = re.findall(r"^make (\w+)", README, re.MULTILINE)
    assert {"demo", "test"} <= set(named)
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in named)


def test_every_page_that_it_points_to_exists() -> None:
    pages = [link.split("#")[0] for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert len(pages) > 10
    assert [page for page in pages if not (ROOT / page).exists()] == []


def test_the_python_example_runs(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from diagnosis.releases import find_release

    (example,) = [block for language, block in BLOCKS if language == "python"]
    assert not re.search(r"(from|import) (diagnosis|api|training)\.", example), "only `from diagnosis import …` stays"
    path = str(find_release(models))
    exec(re.sub(r'load\("[^"]+"\)', f"load({path!r})", example), {})
    assert capsys.readouterr().out.strip()
