"""Who asks in Chinese reads Chinese: of an article's translations, the reader's own stands first."""

import pytest

from diagnosis.search import Hit
from diagnosis.search.retriever import own_language_first

KNOWN = {
    "KB1": {"language": "en", "translation_of": ""},
    "KB1zh": {"language": "zh", "translation_of": "KB1"},
    "KB1fr": {"language": "fr", "translation_of": "KB1"},
    "KB2zh": {"language": "zh", "translation_of": "KB2"},
    "KB3": {"language": "en", "translation_of": ""},
}
FOUND = ["KB1", "KB2zh", "KB1fr", "gone", "KB3", "KB1zh"]


@pytest.mark.parametrize(
    ("language", "numbers"),
    [
        ("zh", ["KB1zh", "KB2zh", "KB1", "gone", "KB3", "KB1fr"]),
        ("fr", ["KB1fr", "KB2zh", "KB1", "gone", "KB3", "KB1zh"]),
        ("en", FOUND),
        ("de", FOUND),
        ("", FOUND),
    ],
)
def test_translations_trade_places_and_nothing_else_moves(language, numbers) -> None:
    hits = [Hit(number, score=1 - 0.1 * place, similarity=0.5, passage=number) for place, number in enumerate(FOUND)]
    ordered = own_language_first(hits, KNOWN, language)
    assert [hit.number for hit in ordered] == numbers
    assert [hit.passage for hit in ordered] == numbers, "what was found goes with its article"
    assert [hit.score for hit in ordered] == [hit.score for hit in hits]
