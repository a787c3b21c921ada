"""Codes: letters and digits together, or a number that is called a code; never a plain word, whatever stands around."""

import pandas as pd
import pytest

from diagnosis.incident import as_frame
from diagnosis.knowledge import as_knowledge_frame
from diagnosis.search import Retriever
from diagnosis.search.identifiers import codes_of, holds


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("printer again...2 users", ()),
        ("see screen--2 or portal__2", ()),
        ("2026-01-05_-_failure", ()),
        ("服务器srv-0815...2台 error:809", ("srv-0815", "809")),
        ("a.b+c[1](x9y8*", ("x9y8",)),
        ("", ()),
    ],
)
def test_a_word_beside_a_number_is_no_code(text, codes):
    assert codes_of(text) == codes


@pytest.mark.parametrize("piece", ["-", "_", "a-", "a1--", "1."])
def test_a_rule_of_dashes_or_a_long_path_is_read_once(piece):
    """Quadratic, this would take a minute while nobody else can search."""
    assert codes_of(piece * 50_000)[1:] == ()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Access denied 0x80070005", "80070005"),
        ("error 80070005 in the log", "0x80070005"),
        ("ORA-00942 table or view does not exist", "ora00942"),
        ("ora00942", "ora-00942"),
        ("HTTP 502 Bad Gateway", "http502"),
        ("http502", "http-502"),
        ("STOP 0x0000007B", "0x7b"),
        ("80070005h", "0x80070005"),
        ("ORA-942", "ora00942"),
        ("vpn-gw-2.corp.example.com is down", "vpngw2"),
        ("Printer shows E-1234", "e1234"),
    ],
)
def test_a_code_is_held_however_it_is_written(text, code):
    assert holds(text, code)
    for end in ("0005", "502", "942", "7B", "gw-2", "1234"):
        text = text.replace(end, f"{end}7")
    assert not holds(text, code)


@pytest.mark.parametrize(
    "query", ["80070005", "0x80070005", "ORA00942", "ora-00942", "http502", "HTTP 502", "HTTP-502"]
)
def test_a_code_finds_its_article_first_in_any_spelling(query, encoder):
    articles = as_knowledge_frame(
        pd.DataFrame(
            {
                "number": ["K1", "K2", "K3"],
                "title": ["Access denied 0x80070005", "ORA-00942 table or view does not exist", "HTTP 502 Bad Gateway"],
                "resolution": ["Run as administrator", "Grant select", "Restart nginx"],
            }
        )
    )
    retriever = Retriever(encoder).fit(articles, as_frame(pd.DataFrame({"number": []})))
    expected = {"8": "K1", "0": "K1", "o": "K2", "h": "K3"}[query[0].lower()]
    assert retriever.search([query], "knowledge")[0][0].number == expected


_SPELLINGS = (
    (
        "0x80070005",
        "80070005",
        "错误代码0x80070005",
        "0x80070005L",
        "80070005h",
        "HRESULT: 0x80070005 (E_ACCESSDENIED)",
    ),
    ("ORA-00942", "ORA00942", "ora 00942", "报错ＯＲＡ－００９４２", "ORA-942"),
    ("HTTP 502", "http502", "HTTP-502"),
    ("502", "错误 502", "状态码 502", "HTTP/1.1 502 Bad Gateway"),
    ("vpn-gw-2", "VPNGW2", "vpn_gw_2.corp.example.com", r"\\vpn-gw-2\share"),
    ("E-1234", "E1234", "错误 E1234"),
    ("STOP 0x0000007B", "0x7B"),
)


def test_every_spelling_of_a_code_finds_its_article_in_every_other(encoder):
    others = "0x80070057 ORA-00943 HTTP 503 vpn-gw-3 E-1235 0x0000007E"
    for spellings in _SPELLINGS:
        for written in spellings:
            titles = [written, others, *["something else"] * 8]
            table = {"number": [f"K{row}" for row in range(10)], "title": titles, "resolution": titles}
            articles = as_knowledge_frame(pd.DataFrame(table))
            retriever = Retriever(encoder).fit(articles, as_frame(pd.DataFrame({"number": []})))
            for asked, hits in zip(spellings, retriever.search(spellings, "knowledge"), strict=True):
                assert [hit.number for hit in hits[:1]] == ["K0"], (asked, written)
