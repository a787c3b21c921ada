"""Words of grammar in a short question, in English and Chinese."""

import pytest

from diagnosis.text.stop_words import GRAMMAR_WORDS, STOP_WORDS, tells_something, without_grammar


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


LETTERS = "regards Dear hallo kind best sir unable works i'm I’m don't can't dont urgent ASAP yesterday Monday morning"
ZH_LETTERS = "无法 没法 昨天 今早 早上 尽快 老师"


@pytest.mark.parametrize("word", [*LETTERS.split(" "), *ZH_LETTERS.split(" ")])
def test_a_word_of_letters_or_of_the_hour_is_no_reason(word):
    assert not tells_something(word)


def test_what_search_and_problems_leave_out_stays_as_it_was():
    assert not {"regards", "unable", "urgent", "monday", "昨天"} & (STOP_WORDS | GRAMMAR_WORDS)


@pytest.mark.parametrize("word", ["vpn", "打印机", "809", "slow", "crash", "locked", "卡纸", "蓝屏", "密码"])
def test_a_word_of_the_fault_is_a_reason(word):
    assert tells_something(word)
