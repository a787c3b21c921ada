"""Atlassian documents to text and back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnosis.text.atlassian import document_text, text_document


def test_a_document_of_every_kind_of_node():
    document = {
        "type": "doc",
        "version": 1,
        "content": [
            {"type": "heading", "attrs": {"level": 1}, "content": [{"type": "text", "text": "故障"}]},
            {
                "type": "paragraph",
                "content": [
                    {"type": "text", "text": "VPN "},
                    {"type": "text", "text": "down", "marks": [{"type": "strong"}]},
                    {"type": "hardBreak"},
                    {"type": "mention", "attrs": {"text": "@li"}},
                    {"type": "inlineCard", "attrs": {"url": "https://example.com/x"}},
                ],
            },
            {
                "type": "bulletList",
                "content": [
                    {
                        "type": "listItem",
                        "content": [{"type": "paragraph", "content": [{"type": "text", "text": "one"}]}],
                    }
                ],
            },
            {
                "type": "table",
                "content": [
                    {
                        "type": "tableRow",
                        "content": [
                            {
                                "type": "tableCell",
                                "content": [{"type": "paragraph", "content": [{"type": "text", "text": "c"}]}],
                            }
                        ],
                    }
                ],
            },
            {"type": "codeBlock", "content": [{"type": "text", "text": "ping 10.0.0.1"}]},
            {
                "type": "paragraph",
                "content": [
                    {
                        "type": "text",
                        "text": "wiki",
                        "marks": [{"type": "link", "attrs": {"href": "https://example.com/w"}}],
                    },
                    {"type": "text", "text": " is "},
                    {"type": "status", "attrs": {"text": "DEGRADED"}},
                    {"type": "text", "text": " since "},
                    {"type": "date", "attrs": {"timestamp": "1769817600000"}},
                ],
            },
            {
                "type": "orderedList",
                "content": [
                    {
                        "type": "listItem",
                        "content": [{"type": "paragraph", "content": [{"type": "text", "text": word}]}],
                    }
                    for word in ("stop", "start")
                ],
            },
            {"type": "unheard_of", "content": "text"},
            None,
            7,
        ],
    }
    lines = [line for line in document_text(document).split("\n") if line]
    assert lines == [
        "故障",
        "VPN down",
        "@li https://example.com/x",
        "one",
        "c",
        "ping 10.0.0.1",
        "wiki https://example.com/w is DEGRADED since 2026-01-31",
        "1. stop",
        "2. start",
    ]


def test_a_document_nested_without_end_stops():
    node = {"type": "text", "text": "deep"}
    for _ in range(5000):
        node = {"type": "paragraph", "content": [node]}
    assert document_text(node) == ""


@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1), min_size=1, max_size=5)
)
@settings(max_examples=60, deadline=None)
def test_text_comes_back_from_its_document(paragraphs):
    text = "\n\n".join(paragraphs)
    assert document_text(text_document(text)) == text


def test_no_text_node_is_empty_and_breaks_are_kept():
    assert text_document("a\nb\n\nc") == {
        "type": "doc",
        "version": 1,
        "content": [
            {
                "type": "paragraph",
                "content": [{"type": "text", "text": "a"}, {"type": "hardBreak"}, {"type": "text", "text": "b"}],
            },
            {"type": "paragraph", "content": [{"type": "text", "text": "c"}]},
        ],
    }


@pytest.mark.parametrize("kind", [{"a": 1}, [1], None, 7, True])
def test_a_node_of_no_kind_shows_what_it_holds(kind):
    inner = {"type": kind, "content": [{"type": "text", "text": "jam"}], "attrs": [1], "marks": {"type": [1]}}
    assert document_text({"type": "doc", "content": [None, inner]}) == "jam"


def test_shapes_beside_each_other_are_words_of_their_own():
    shapes = [
        {"type": "status", "attrs": {"text": "DOWN"}},
        {"type": "mention", "attrs": {"text": "@NOC"}},
        {"type": "text", "text": ", please"},
    ]
    document = {"type": "doc", "content": [{"type": "paragraph", "content": shapes}]}
    assert document_text(document).strip() == "DOWN @NOC, please"
