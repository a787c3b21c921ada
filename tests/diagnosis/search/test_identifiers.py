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
    ],
)
def test_a_code_is_held_however_it_is_written(text, code):
    assert holds(text, code)
    assert not holds(f"{text}7".replace("0005", "00057").replace("502", "5027").replace("942", "9427"), code)


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
