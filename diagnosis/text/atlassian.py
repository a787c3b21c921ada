"""The Atlassian Document Format (ADF) of Jira Cloud: to the plain text that a reader sees, and back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

_BLOCKS = frozenset(
    {
        "blockquote",
        "caption",
        "codeBlock",
        "decisionItem",
        "expand",
        "heading",
        "listItem",
        "mediaGroup",
        "mediaSingle",
        "nestedExpand",
        "panel",
        "paragraph",
        "rule",
        "tableRow",
        "taskItem",
    }
)
_MAX_DEPTH = 60  # deeper than any editor nests; a hostile document stops here instead of exhausting the stack
_SHAPES = frozenset({"mention", "status", "date", "inlineCard"})


def document_text(node: Mapping[str, Any]) -> str:
    """Return a document as plain text, a block a line: links with their address, mentions and states by their name.

    Examples
    --------
    >>> document_text({"type": "paragraph", "content": [{"type": "text", "text": "No VPN"}]})
    'No VPN'
    """
    text = "".join(_pieces(node, 0))
    lines = [re.sub(r"[ \t\u00a0]+", " ", line).strip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def text_document(text: str) -> dict[str, Any]:
    """Return plain text as a document: a paragraph for each block between empty lines, breaks kept.

    Examples
    --------
    >>> text_document("one")["content"]
    [{'type': 'paragraph', 'content': [{'type': 'text', 'text': 'one'}]}]
    """
    paragraphs = [block for block in re.split(r"\n\s*\n", text.strip()) if block.strip()]
    return {"type": "doc", "version": 1, "content": [_paragraph(block) for block in paragraphs]}


def _pieces(node: Any, depth: int) -> Iterator[str]:  # noqa: ANN401 - a JSON value that anybody may have sent
    if not isinstance(node, Mapping) or depth > _MAX_DEPTH:
        return
    kind = str(node.get("type"))
    is_block = kind in _BLOCKS
    if is_block:
        yield "\n"
    yield _own_text(node, kind)
    children = node.get("content")
    before = ""
    for place, child in enumerate(children if isinstance(children, list) else (), start=1):
        now = str(child.get("type")) if isinstance(child, Mapping) else ""
        if before in _SHAPES and now in _SHAPES:
            yield " "  # drawn as shapes of their own, they need no space between them to be two words
        before = now
        if kind == "orderedList":
            yield f"\n{place}. "
            yield "".join(_pieces(child, depth + 1)).strip("\n")
        else:
            yield from _pieces(child, depth + 1)
    if kind in {"tableCell", "tableHeader"}:
        yield " "
    if is_block:
        yield "\n"


def _own_text(node: Mapping[str, Any], kind: object) -> str:
    """Return what a node shows beside its children."""
    attributes = node.get("attrs")
    attributes = attributes if isinstance(attributes, Mapping) else {}
    if kind == "text":
        return str(node.get("text") or "") + _link(node)
    if kind == "hardBreak":
        return "\n"
    if kind in {"mention", "emoji", "status", "placeholder"}:
        return str(attributes.get("text") or attributes.get("shortName") or "")
    if kind in {"inlineCard", "blockCard", "embedCard"}:
        return str(attributes.get("url") or "")
    if kind in {"expand", "nestedExpand"}:
        return str(attributes.get("title") or "") + "\n"
    return _date(attributes.get("timestamp")) if kind == "date" else ""


def _link(node: Mapping[str, Any]) -> str:
    """Return the address of a linked text, unless it is the text itself."""
    marks = node.get("marks")
    for mark in marks if isinstance(marks, list) else ():
        if isinstance(mark, Mapping) and mark.get("type") == "link" and isinstance(mark.get("attrs"), Mapping):
            address = str(mark["attrs"].get("href") or "")
            return f" {address}" if address and address != node.get("text") else ""
    return ""


def _date(milliseconds: object) -> str:
    try:
        return datetime.fromtimestamp(int(str(milliseconds)) / 1000, UTC).strftime("%Y-%m-%d")
    except (ValueError, OverflowError, OSError):
        return ""


def _paragraph(block: str) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    for line in block.split("\n"):
        if content:
            content.append({"type": "hardBreak"})
        if line:  # the format has no empty text node
            content.append({"type": "text", "text": line})
    return {"type": "paragraph", "content": content}
