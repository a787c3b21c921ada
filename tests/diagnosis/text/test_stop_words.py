"""Words of grammar in a short question, in English and Chinese."""

import pytest

from diagnosis.text.stop_words import without_grammar


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I’m locked out of my account", "locked out account"),
        ("I'm locked out of my account", "locked out account"),
        ("it’s slow", "slow"),
        ("my user’s mailbox", "user’s mailbox"),
        ("Hall A printer jams", "Hall A printer jams"),
        ("A printer jams", "printer jams"),
        ("It jams. A printer of ours", "jams. printer"),
        ("map drive I: missing", "map drive I: missing"),
        ("it fails when I print", "fails when print"),
        ("an IT asset", "IT asset"),
        ("请问我的打印机一直卡纸", "打印机 卡纸"),
    ],
)
def test_words_of_grammar_are_cut_and_names_of_one_letter_are_kept(text, expected):
    assert without_grammar(text) == expected
