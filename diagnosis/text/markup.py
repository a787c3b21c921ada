"""HTML to text, where a text really holds HTML; angle brackets that are no HTML (masks, addresses, code) stay."""

from __future__ import annotations

import html
import re

from selectolax.lexbor import LexborHTMLParser

_BLOCKS = (
    "address|article|blockquote|body|br|center|dd|div|dl|dt|fieldset|footer|form|h[1-6]|head|header|hr|html|li|main|ol|p"
    "|pre|section|table|tbody|td|tfoot|th|thead|tr|ul"
)
_INLINE = (
    "a|abbr|b|big|code|em|font|i|img|input|label|link|meta|o:p|s|script|small|span|strike|strong|style|sub|sup|title"
    "|tt|u"
)
_TAG = re.compile(rf"</?(?:{_BLOCKS}|{_INLINE})(?:\s[^<>]*)?/?>|<!--|<!doctype\b", re.IGNORECASE)
_ALIEN = re.compile(rf"<(?!(?:/?(?:{_BLOCKS}|{_INLINE})(?:\s[^<>]*)?/?>|!--|!doctype\b))", re.IGNORECASE)
_BREAK_AFTER = re.compile(
    r"(</(?:address|blockquote|div|dd|dt|h[1-6]|li|p|pre|tr|table|ul|ol)>|<br\s*/?>|<hr\s*/?>)", re.IGNORECASE
)
_CELL_AFTER = re.compile(r"(</t[dh]>)", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,6}|#x[0-9a-f]{1,5}|[a-z]{2,8}\d?);", re.IGNORECASE)
_PRE = re.compile(r"<pre\b", re.IGNORECASE)


def without_markup(text: str) -> str:
    """Return the words that an HTML text shows, blocks on lines of their own; other text with its entities resolved."""
    if "<" in text and _TAG.search(text):
        return _shown(text)
    return html.unescape(text) if "&" in text and _ENTITY.search(text) else text


def _shown(text: str) -> str:
    source = _ALIEN.sub("&lt;", text)
    if not _PRE.search(source) and _BREAK_AFTER.search(source):
        source = re.sub(r"\s*\n\s*", " ", source) if source.lstrip().startswith("<") else source
    source = _CELL_AFTER.sub(r"\1 ", _BREAK_AFTER.sub("\\1\n", source))
    tree = LexborHTMLParser(source)
    tree.strip_tags(["script", "style", "head", "title"])
    return tree.body.text(deep=True) if tree.body is not None else ""
