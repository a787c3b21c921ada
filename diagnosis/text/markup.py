"""Markup to the words that a reader sees: HTML (escaped or not), wiki markup and pasted pictures.

Angle brackets that are no HTML (masks, addresses, code) and braces that are no wiki markup stay as they are.
"""

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
# Paragraphs and entries that nobody closed: what comes before them ends there.
_BREAK_BEFORE = re.compile(
    r"([^\s>]|</(?:a|abbr|b|big|code|em|font|i|s|small|span|strong|sub|sup|tt|u)>)[ \t]*"
    r"(<(?:blockquote|dd|div|dt|h[1-6]|li|ol|p|pre|table|tr|ul)\b)",
    re.IGNORECASE,
)
_CELL_AFTER = re.compile(r"(</t[dh]>)", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,6}|#x[0-9a-f]{1,5}|[a-z]{2,8}\d?);", re.IGNORECASE)
_PRE = re.compile(r"<pre\b", re.IGNORECASE)


_CLOSING_TAG = re.compile(rf"^\s*<|</(?:{_BLOCKS}|{_INLINE})>|<br\s*/?>", re.IGNORECASE)
_OPEN_OR_CLOSED = re.compile(
    rf"<(?P<closed>/?)(?!(?:br|hr|img|input|link|meta|script|style|head|title)\b)(?P<name>{_BLOCKS}|{_INLINE})\b[^<>]*>",
    re.IGNORECASE,
)
_MAX_DEPTH = 200  # elements inside each other; the parser looks through all of them at each further one
_MAX_LEVELS = 4  # HTML that was escaped twice, inside HTML: deeper nesting is nobody's export

_CUT_TAG = re.compile(rf"<(?:{_BLOCKS}|{_INLINE})\s[\w:-]+=[^<>]*$", re.IGNORECASE)  # the source was cut inside a tag

# A picture pasted into a text: its bytes in base64 would push the words out of every limit.
_DATA = r"data:[\w.+-]+/[\w.+-]+(?:;[\w=.-]+)*;base64,"
_PICTURE = re.compile(
    rf"!\[[^\]\n]{{0,200}}\]\(data:[^)\s]*\)|(?<=[\"']){_DATA}[^\"'<>]*|{_DATA}[A-Za-z0-9+/=]*", re.IGNORECASE
)
# Jira's wiki markup. The arguments of {code} are named, for {code:500} is a part of a log.
_WIKI_BRACES = re.compile(
    r"\{(?:color(?::[#\w]+)?|(?:code|noformat|panel|quote|expand|info|note|warning|tip)"
    r"(?::(?:[a-z][\w+#]*|\w+=[^{}|\n]*)(?:\|[^{}\n]*)?)?|[*_+~^-]{1,2})\}",
    re.IGNORECASE,
)
_WIKI_PICTURE = re.compile(
    r"!(?=[^!\s])[^!\n|]{1,300}\.(?:png|jpe?g|gif|bmp|svg|webp|tiff?|mp4|mov|pdf)(?:\|[^!\n]{0,200})?!", re.IGNORECASE
)
_WIKI_MENTION = re.compile(r"\[~(?:accountid:[\w:.-]+|(?P<name>[^\]\s:]{1,100}))\]")
_WIKI_LINK = re.compile(
    r"\[(?P<label>[^\[\]|\n]{1,300})\|(?P<url>(?:https?|ftp|file|mailto):[^\[\]|\s]+)(?:\|[^\]\n]*)?\]"
)
_WIKI_BLOCK = re.compile(r"^(?:h[1-6]|bq)\.[ \t]+", re.MULTILINE)
_WIKI_MONOSPACED = re.compile(r"\{\{(?=\S)([^{}\n]{1,300}?)(?<=\S)\}\}")
_WIKI_ATTACHMENT = re.compile(r"\[\^([^\[\]|\n]{1,200}\.\w{1,8})\]")
# Bold as a phrase of its own: neither a product (2*3*4) nor file patterns (*.log *.tmp).
_WIKI_BOLD = re.compile(r"(?<![\w*.\\/])\*(?=[^\W_])([^*\n]{1,200}?)(?<=[\w.:!?)])\*(?![\w*.])")
_WIKI_TABLE = re.compile(r"^\|\|[^\n]+\|\|[ \t]*$", re.MULTILINE)
_WIKI_ROW = re.compile(r"^\|.*\|[ \t]*$", re.MULTILINE)
_CODE_MARK = re.compile(r"\[/?code\]", re.IGNORECASE)  # ServiceNow's way to put HTML into its journal


def plain_text(text: str) -> str:
    r"""Return a text as a reader sees it: no markup, no pasted pictures, valid Unicode, lines kept.

    This is what every door does to words before they are masked, limited and stored.

    Examples
    --------
    >>> plain_text("&lt;ol&gt;&lt;li&gt;Hold Menu&lt;/li&gt;&lt;li&gt;Restart&lt;/li&gt;&lt;/ol&gt;")
    '1. Hold Menu\n2. Restart'
    """
    text = valid_text(text)
    visible = without_markup(text)
    return text if visible == text else _tidy(visible)


def valid_text(text: str) -> str:
    """Return a text in which halves of surrogate pairs are joined, or replaced by U+FFFD where the other is missing.

    NUL and the other control characters that no reader sees and PostgreSQL refuses are left out.
    """
    if not text.isprintable():
        text = _CONTROL.sub("", text)
        if _SURROGATE.search(text):
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def without_markup(text: str) -> str:
    """Return the words that a marked-up text shows, blocks on lines of their own; other text with entities resolved.

    HTML that was escaped, once or twice, is undone to its end; an escaped tag that stands alone in a sentence
    (``type &lt;b&gt;``) is a word.
    """
    if "data:" in text:
        text = _PICTURE.sub(" ", text)
    start = text.rfind("<")
    if start >= 0 and _CUT_TAG.match(text, start):
        text = text[:start]
    if "[code]" in text.lower():
        text = _CODE_MARK.sub(" ", text)
    for level in range(_MAX_LEVELS):
        if "<" in text and _TAG.search(text) and (level == 0 or _CLOSING_TAG.search(text)):
            text = _visible_text(text)
        elif "&" in text and _ENTITY.search(text):
            text = html.unescape(text)
        else:
            break
    return _without_wiki(text)


def _without_wiki(text: str) -> str:
    if "{" in text:
        text = _WIKI_BRACES.sub("", text)
        text = _WIKI_MONOSPACED.sub(r"\1", text)
    if "[" in text:
        text = _WIKI_ATTACHMENT.sub(r"\1", text)
        text = _WIKI_LINK.sub(r"\g<label> \g<url>", text)
        text = _WIKI_MENTION.sub(lambda mention: mention["name"] or "", text)
    if "!" in text:
        text = _WIKI_PICTURE.sub(" ", text)
    if "||" in text and _WIKI_TABLE.search(text):
        text = _WIKI_ROW.sub(lambda row: " ".join(row[0].replace("|", " ").split()), text)
    if "*" in text:
        text = _WIKI_BOLD.sub(r"\1", text)
    return _WIKI_BLOCK.sub("", text)


def _tidy(text: str) -> str:
    lines = [re.sub(r"[ \t\u00a0]+", " ", line).strip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _visible_text(text: str) -> str:
    source = _shallow(_ALIEN.sub("&lt;", text))
    if not _PRE.search(source) and _BREAK_AFTER.search(source):
        source = re.sub(r"\s*\n\s*", " ", source) if source.lstrip().startswith("<") else source
    source = _BREAK_BEFORE.sub("\\1\n\\2", source)
    source = _CELL_AFTER.sub(r"\1 ", _BREAK_AFTER.sub("\\1\n", source))
    tree = LexborHTMLParser(source)
    tree.strip_tags(["script", "style", "head", "title"])
    if "<ol" in source.lower():
        _number_steps(tree)
    return tree.body.text(deep=True) if tree.body is not None else ""


def _shallow(source: str) -> str:
    """Return markup without the elements that stand deeper than any text does, so that time grows with length only."""
    if source.count("<") <= _MAX_DEPTH:
        return source
    depth = 0

    def kept(tag: re.Match[str]) -> str:
        nonlocal depth
        if tag["closed"]:
            depth = max(0, depth - 1)
            return tag[0]
        depth += 1
        return tag[0] if depth <= _MAX_DEPTH else "\n"

    return _OPEN_OR_CLOSED.sub(kept, source)


def _number_steps(tree: LexborHTMLParser) -> None:
    """Write the numbers that a browser shows before the entries of ordered lists."""
    for steps in tree.css("ol"):
        entries = [node for node in steps.iter() if node.tag == "li"]
        for place, entry in enumerate(entries, start=1):
            if entry.first_child is not None:
                entry.first_child.insert_before(f"{place}. ")
