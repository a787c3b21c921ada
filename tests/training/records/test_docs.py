"""docs/import.md names every field, every column that a preset knows and every word for nothing."""

import re
from pathlib import Path

import pytest

from training.records import PRESETS
from training.records.columns import INCIDENTS, KNOWLEDGE
from training.records.dialects import dialects
from training.records.source import READERS
from training.records.translate import NULL_WORDS

TEXT = (Path(__file__).parents[3] / "docs" / "import.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL)))


@pytest.mark.parametrize("kind", [INCIDENTS, KNOWLEDGE], ids=lambda kind: kind.name)
def test_every_field_and_alias_is_documented(kind):
    assert set(kind.fields) <= NAMED
    for preset in dialects(kind.name).values():
        for field, columns in preset.sources.items():
            assert field in kind.fields
            assert set(columns) <= NAMED


def test_every_ending_and_word_for_nothing_is_documented():
    assert set(READERS) <= NAMED
    assert NAMED >= NULL_WORDS
    assert set(dialects("incidents")) == set(PRESETS)


def test_the_example_runs(tmp_path, monkeypatch):
    example = re.search(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)[1]
    monkeypatch.chdir(Path(__file__).parents[3])
    names = {}
    exec(example.replace("var/rejects.csv", str(tmp_path / "rejects.csv")), names)
    assert names["stream"].counts.imported == names["loaded"].counts.imported > 0
