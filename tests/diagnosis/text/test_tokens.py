"""Tokens: words and codes of Latin text, characters and pairs of CJK text; a query shares tokens with what it seeks."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from diagnosis.text import tokenise

EXPECTED = {
    "VPN 连不上": ["vpn", "连", "连不", "不", "不上", "上"],
    "连VPN失败": ["连", "vpn", "失", "失败", "败"],
    "error 0x80070005!": ["error", "0x80070005"],
    "ORA-12154: TNS": ["ora-12154", "ora", "12154", "tns"],
    "ERR_CONNECTION_RESET": ["err_connection_reset", "err", "connection", "reset"],
    "vpn-gw-2": ["vpn-gw-2", "vpn", "gw", "2"],
    "Windows 10.0.19045.": ["windows", "10.0.19045", "10", "0", "19045"],
    r"\\fs-1\hr\a.xlsx": ["fs-1\\hr\\a.xlsx", "fs-1", "fs", "1", "hr", "a.xlsx", "a", "xlsx"],
    "can't, can’t": ["can't", "can't"],
    "Prüfen Straße": ["prüfen", "straße"],
    "ＶＰＮ　１２３": ["vpn", "123"],
    "Dru\u0308cker": ["drücker"],
    "プリンタ 프린터": ["プ", "プリ", "リ", "リン", "ン", "ンタ", "タ", "프", "프린", "린", "린터", "터"],
    "пароль": ["пароль"],
    "— … !?": [],
    "": [],
}


@pytest.mark.parametrize("text", EXPECTED)
def test_tokens(text):
    assert tokenise(text) == EXPECTED[text]


@pytest.mark.parametrize(
    ("query", "document"),
    [
        ("打印机", "三楼打印机卡纸"),
        ("卡", "打印机卡纸"),
        ("密码过期", "我的密码已经过期了"),
        ("12154", "ORA-12154: TNS"),
        ("connection reset", "ERR_CONNECTION_RESET"),
        ("ERR_CONNECTION_RESET", "浏览器显示ERR_CONNECTION_RESET错误"),
        ("0X80070005", "错误0x80070005。"),
        ("fs01", r"\\FS01\share 打不开"),
        ("１０．０．１９０４５", "build 10.0.19045"),
        ("STRASSE-4", "Host strasse-4 down"),
    ],
)
def test_a_query_never_silently_finds_nothing(query, document):
    assert set(tokenise(query)) & set(tokenise(document))


@given(st.text(alphabet="打印机网络连接失败ＡＢab01,。 -_/\\'", max_size=40))
def test_every_letter_and_digit_is_in_some_token(text):
    import unicodedata

    plain = unicodedata.normalize("NFKC", text).lower()
    assert {c for c in plain if c.isalnum()} == {c for token in tokenise(text) for c in token if c.isalnum()}


@given(st.text(max_size=100))
@example("0/.0")
@example("a/-/b")
def test_tokens_of_a_token_hold_it(text):
    assert all(token in tokenise(token) for token in tokenise(text) if len(token) <= 80)


@pytest.mark.parametrize("piece", ["a-", "错", "a'", "\\", "..", "x" * 50 + "/"])
def test_time_grows_with_length_only(piece):
    text = piece * (200_000 // len(piece))
    start = time.perf_counter()
    tokenise(text)
    assert time.perf_counter() - start < 3
