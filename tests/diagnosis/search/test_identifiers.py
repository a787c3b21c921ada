"""Codes: letters and digits together, or a number that is called a code; never a plain word, whatever stands around."""

import pytest

from diagnosis.search.identifiers import codes_of


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
