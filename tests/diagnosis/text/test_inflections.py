import pytest

from diagnosis.text.inflections import inflections


@pytest.mark.parametrize(
    ("word", "form"),
    [
        ("jamming", "jam"),
        ("jams", "jammed"),
        ("freezes", "freezing"),
        ("froze", "frozes"),
        ("crashing", "crashes"),
        ("retries", "retry"),
        ("retried", "retries"),
        ("expiring", "expired"),
        ("Printers", "printer"),
        ("installing", "install"),
        ("copying", "copies"),
        ("mailboxes", "mailbox"),
    ],
)
def test_regular_endings(word, form):
    assert form in inflections(word)
    assert word.lower() not in inflections(word)


@pytest.mark.parametrize("word", ["", "vpn", "status", "keeps", "evening's", "打印", "0x80070005", "gruße"])
def test_what_has_no_other_form(word):
    assert inflections(word) == []


@pytest.mark.parametrize("word", ["string", "access", "speed"])
def test_an_ending_that_belongs_to_the_word_is_not_cut_off(word):
    assert not any(len(form) < len(word) for form in inflections(word))
