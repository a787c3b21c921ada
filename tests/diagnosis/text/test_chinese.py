"""Chinese words and characters: what is joined again is the run, and each character has one simplified form."""

from hypothesis import given
from hypothesis import strategies as st

from diagnosis.text.chinese import chinese_words, has_han, simplified

RUNS = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), max_size=40)


@given(RUNS)
def test_the_words_of_a_run_are_the_run(run):
    assert "".join(chinese_words(run)) == run


@given(st.text(max_size=60))
def test_a_text_keeps_its_length(text):
    assert len(simplified(text)) == len(text)


def test_traditional_characters_become_simplified_and_nothing_else_changes():
    assert simplified("印表機無法列印，網路 VPN 斷線") == "印表机无法列印，网路 VPN 断线"
    assert not has_han("printer プリンタ")
