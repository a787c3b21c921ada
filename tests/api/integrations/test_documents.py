"""HTML and Atlassian documents to text and back."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.integrations.documents import document_text, html_text, text_document


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<div>无法连接&nbsp;VPN</div><div>很急</div>", "无法连接 VPN\n\n很急"),
        ("VPN &amp; Wi-Fi<br>down", "VPN & Wi-Fi\ndown"),
        ("<p>a</p><style>p {color:red}</style><script>alert(1)</script><p>b</p>", "a\n\nb"),
        ("<ul><li>one</li><li>two</li></ul>", "one\n\ntwo"),
        ("<table><tr><td>x</td><td>1</td></tr></table>", "x 1"),
        ("<p>half <b>open", "half open"),
        ("<!--[if mso]>x<![endif]-->k<![if !vml]>m<![endif]>o", "kmo"),
        ("1 < 2 & 3", "1 < 2 & 3"),
        ("", ""),
    ],
)
def test_html_as_a_reader_sees_it(html, text):
    assert html_text(html) == text


@pytest.mark.parametrize(
    "piece", ["<", "<!--", "<a ", "&", "<![CDATA[", "<p a='", "</", "<!", "<?", "<script>", "<div>"]
)
def test_hostile_html_takes_time_in_proportion(piece):
    start = time.perf_counter()
    html_text(piece * (200_000 // len(piece)))
    assert time.perf_counter() - start < 5


@given(st.text(max_size=300))
@settings(max_examples=80, deadline=None)
def test_any_text_is_some_html(text):
    html_text(text)


def test_a_document_of_every_kind_of_node():
    document = {"type": "doc", "version": 1, "content": [
        {"type": "heading", "attrs": {"level": 1}, "content": [{"type": "text", "text": "故障"}]},
        {"type": "paragraph", "content": [
            {"type": "text", "text": "VPN "}, {"type": "text", "text": "down", "marks": [{"type": "strong"}]},
            {"type": "hardBreak"}, {"type": "mention", "attrs": {"text": "@li"}},
            {"type": "inlineCard", "attrs": {"url": "https://example.com/x"}}]},
        {"type": "bulletList", "content": [
            {"type": "listItem", "content": [{"type": "paragraph", "content": [{"type": "text", "text": "one"}]}]}]},
        {"type": "table", "content": [{"type": "tableRow", "content": [
            {"type": "tableCell", "content": [{"type": "paragraph", "content": [{"type": "text", "text": "c"}]}]}]}]},
        {"type": "codeBlock", "content": [{"type": "text", "text": "ping 10.0.0.1"}]},
        {"type": "unheard_of", "content": "text"}, None, 7,
    ]}  # fmt: skip
    lines = [line for line in document_text(document).split("\n") if line]
    assert lines == ["故障", "VPN down", "@lihttps://example.com/x", "one", "c", "ping 10.0.0.1"]


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
    assert text_document("a\nb\n\nc") == {"type": "doc", "version": 1, "content": [
        {"type": "paragraph", "content": [
            {"type": "text", "text": "a"}, {"type": "hardBreak"}, {"type": "text", "text": "b"}]},
        {"type": "paragraph", "content": [{"type": "text", "text": "c"}]}]}  # fmt: skip
