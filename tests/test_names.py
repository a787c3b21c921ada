"""Names say what they hold, no two classes share one, few are bare participles; the formatter alone lays out code."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Words that say how a value came to be or point at it, and not what it is.
_WORDS = """
answered asked come counted done fitted found given gone heard held judged kept known learned made meant moved named
needed passed said seen shown sought spoken taken told wanted written
all any both each either it most one other others own rest some such them these they those what which who whole
after before elsewhere here how less more nowhere so then there when where why
"""
BARE = frozenset(_WORDS.split())
PACKAGES = ("diagnosis", "training", "api")
LIMIT = 0.01  # share of such names that each may have


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def names(source: str) -> Iterator[str]:
    """Yield each name that a module binds: arguments, variables, functions and classes."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name


def bare(name: str) -> bool:
    return not name.startswith("__") and name.strip("_").lower() in BARE


@pytest.mark.parametrize("package", PACKAGES)
def test_names_are_not_bare_participles_or_pronouns(package) -> None:
    bound = [name for path in sources(package) for name in names(path.read_text(encoding="utf-8"))]
    unclear = Counter(name for name in bound if bare(name))
    share = unclear.total() / len(bound)
    assert share <= LIMIT, f"{share:.2%} of {len(bound):,} names, such as {unclear.most_common(10)}"


def test_a_class_has_a_name_of_its_own() -> None:
    places: dict[str, list[str]] = {}
    for path in sources(*PACKAGES):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_the_formatter_alone_lays_out_code() -> None:
    mark = "# fmt: " + "skip"
    folders = ("diagnosis", "training", "api", "benchmarks", "data", "tests")
    marked = {
        str(path.relative_to(ROOT)): count
        for path in sources(*folders)
        if (count := path.read_text(encoding="utf-8").count(mark))
    }
    assert marked == {}


def test_names_are_counted_where_they_are_bound() -> None:
    source = "def heard(said, text):\n    for one, row in text:\n        told = said.known\nclass Rest: ...\n"
    assert sorted(names(source)) == ["Rest", "heard", "one", "row", "said", "text", "told"]
    assert [name for name in names(source) if not bare(name)] == ["text", "row"]
    assert bare("_ASKED")
    assert not bare("asked_at")
