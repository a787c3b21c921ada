"""Marked-up text to plain text and back: HTML, and the Atlassian Document Format (ADF) of Jira Cloud."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

_BLOCKS = frozenset(
    ("p", "div", "br", "tr", "li", "ul", "ol", "table", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "blockquote",
     "section", "article", "hr", "dt", "dd")
)  # fmt: skip
_SILENT = frozenset({"script", "style", "head", "title", "template"})

_ADF_BLOCKS = frozenset(
    ("paragraph", "heading", "listItem", "codeBlock", "blockquote", "panel", "rule", "tableRow", "mediaSingle",
     "mediaGroup", "expand", "nestedExpand", "taskItem", "decisionItem")
)  # fmt: skip
_MAX_DEPTH = 60  # deeper than any editor nests; a hostile document stops here instead of exhausting the stack


def html_text(html: str) -> str:
    r"""Return what a reader sees of HTML: blocks on lines of their own, entities resolved, scripts and styles gone.

    >>> html_text("<p>VPN &amp; Wi-Fi<br>down</p><style>p {}</style>")
    'VPN & Wi-Fi\ndown'
    """
    reader = _Reader()
    # libxml2 reads broken markup in linear time; the standard library's parser was measured quadratic on `<!--<!--…`.
    parser = etree.HTMLParser(target=reader, recover=True, no_network=True)
    parser.feed(html)
    return _tidy(parser.close())


class _Reader:
    """A parser target that keeps what is shown."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._silent = 0

    def start(self, tag: str, _attributes: Mapping[str, str]) -> None:
        self._silent += tag in _SILENT
        if tag in _BLOCKS:
            self._parts.append("\n")
        elif tag in {"td", "th"}:
            self._parts.append(" ")

    def end(self, tag: str) -> None:
        self._silent -= tag in _SILENT
        if tag in _BLOCKS and tag != "br":
            self._parts.append("\n")

    def data(self, data: str) -> None:
        if not self._silent:
            self._parts.append(re.sub(r"\s+", " ", data))

    def close(self) -> str:
        return "".join(self._parts)


def document_text(node: Mapping[str, Any]) -> str:
    """Return an Atlassian document as plain text, a block a line.

    >>> document_text({"type": "paragraph", "content": [{"type": "text", "text": "No VPN"}]})
    'No VPN'
    """
    return _tidy("".join(_parts(node, 0)))


def _parts(node: Any, depth: int) -> Iterator[str]:  # noqa: ANN401 - a JSON value from elsewhere
    if not isinstance(node, Mapping) or depth > _MAX_DEPTH:
        return
    kind, found = node.get("type"), node.get("attrs")
    attributes = found if isinstance(found, Mapping) else {}
    if kind == "text":
        yield str(node.get("text") or "")
    elif kind == "hardBreak":
        yield "\n"
    elif kind in {"mention", "emoji", "status"}:
        yield str(attributes.get("text") or attributes.get("shortName") or "")
    elif kind in {"inlineCard", "blockCard", "embedCard"}:
        yield str(attributes.get("url") or "")
    if kind in _ADF_BLOCKS:
        yield "\n"
    children = node.get("content")
    for child in children if isinstance(children, list) else ():
        yield from _parts(child, depth + 1)
    if kind in {"tableCell", "tableHeader"}:
        yield " "
    if kind in _ADF_BLOCKS:
        yield "\n"


def text_document(text: str) -> dict[str, Any]:
    """Return plain text as an Atlassian document: a paragraph for each block between empty lines, breaks kept.

    >>> text_document("one")["content"]
    [{'type': 'paragraph', 'content': [{'type': 'text', 'text': 'one'}]}]
    """
    paragraphs = [block for block in re.split(r"\n\s*\n", text.strip()) if block.strip()]
    return {"type": "doc", "version": 1, "content": [_paragraph(block) for block in paragraphs]}


def _paragraph(block: str) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    for line in block.split("\n"):
        if content:
            content.append({"type": "hardBreak"})
        if line:  # the format has no empty text node
            content.append({"type": "text", "text": line})
    return {"type": "paragraph", "content": content}


def _tidy(text: str) -> str:
    lines = [re.sub(r"[ \t\u00a0]+", " ", line).strip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
