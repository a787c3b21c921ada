"""Import contracts reach every module: a new one is given its floor before it can be checked in."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]


def children(package: str) -> set[str]:
    """Return the modules and packages right under a package."""
    return {
        path.stem
        for path in (ROOT / package).iterdir()
        if (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").is_file()
    }


@pytest.mark.parametrize("package", SETTINGS["root_packages"])
def test_each_module_stands_on_a_floor(package: str) -> None:
    contracts = [entry for entry in SETTINGS["contracts"] if entry.get("containers") == [package]]
    assert len(contracts) == 1, package
    floors = {name.strip() for layer in contracts[0]["layers"] for name in layer.split("|")}
    assert contracts[0]["exhaustive"]
    assert children(package) == floors


def test_at_the_top_of_training_are_the_commands_and_the_settings() -> None:
    def names(path: Path) -> set[str]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        targets = {
            t.id for node in tree.body if isinstance(node, ast.Assign) for t in node.targets if isinstance(t, ast.Name)
        }
        return targets | {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}

    verb = {"SUMMARY", "EXAMPLE", "add_arguments", "run"}
    top = [path for path in (ROOT / "training").glob("*.py") if path.stem not in {"__init__", "settings"}]
    assert [path.name for path in top if not verb <= names(path)] == []


def test_the_one_arrow_upwards_is_a_route_that_asks_for_the_service() -> None:
    upwards = [arrow for entry in SETTINGS["contracts"] for arrow in entry.get("ignore_imports", ())]
    assert upwards == ["api.*.routes -> api.dependencies"]


def test_the_answers_to_where_to_look_are_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text.split("## Where to look", 1)[1].split("\n\n`import-linter`", 1)[0]
    places = re.findall(r"`([a-z_]+/[\w/.]*)`", table)
    assert len(places) > 20
    assert [place for place in places if not (ROOT / place).exists()] == []
