"""Text laid out for quick reading: a resolution in steps, and the terms marked that it shares with another text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from diagnosis.text.stop_words import SMALL_WORDS
from diagnosis.text.tokens import CJK, tokenise

MAX_SHOWN = 20_000  # characters of one text; more than anybody reads, and a page stays quick
_NUMBER = r"\(?\d{1,2}[.)、）](?!\d)|步骤\s*\d+[:：]?|[Ss]tep\s+\d+[:.]?|[①-⑳]|[-*•]\s"
_NUMBERED = re.compile(rf"(?:^|(?<=[\s。；;.]))(?:{_NUMBER})\s*")
_BETWEEN = re.compile(r"\s*(?:\r?\n)+\s*|\s*(?:→|->|⇒)\s*")
_CLAUSES = re.compile(r"(?<=[；;])\s*")
_WORD = re.compile(rf"[{CJK}]+|[^\W_{CJK}]+(?:[-_./\\:@+#'][^\W_{CJK}]+)*")


def split_steps(text: str) -> list[str]:
    """Return what a resolution tells to do, one step each; a text without steps is one.

    Examples
    --------
    >>> split_steps("1. Stop the service 2. Renew it")
    ['Stop the service', 'Renew it']
    >>> split_steps("Renew the certificate")
    ['Renew the certificate']
    """
    text = text[:MAX_SHOWN].strip()
    numbered = [part.strip(" ;；\n\r\t") for part in _NUMBERED.split(text)]
    parts = numbered if len(numbered) > 2 else _BETWEEN.split(text)
    if len(parts) == 1 and len(clauses := _CLAUSES.split(text)) > 2:  # one semicolon parts a sentence, not two steps
        parts = clauses
    return [part for part in parts if part.strip(" ;；")]


def mark_shared_terms(text: str, reference: str) -> list[tuple[str, bool]]:
    """Return a text in parts, each with whether it is a term of the reference text too; small words are none.

    Examples
    --------
    >>> mark_shared_terms("VPN is down", "my vpn fails")
    [('VPN', True), (' is down', False)]
    """
    text = text[:MAX_SHOWN]
    terms = {token for token in tokenise(reference[:MAX_SHOWN]) if token not in SMALL_WORDS}
    return _merged(text, sorted(_matches(text, terms)))


def _matches(text: str, terms: set[str]) -> Iterator[tuple[int, int]]:
    for match in _WORD.finditer(text):
        start, run = match.start(), match[0]
        if re.match(rf"[{CJK}]", run):  # pairs of characters: single ones match too easily
            yield from ((start + i, start + i + 2) for i in range(len(run) - 1) if run[i : i + 2] in terms)
        elif terms.intersection(tokenise(run)):
            yield start, match.end()


def _merged(text: str, matches: list[tuple[int, int]]) -> list[tuple[str, bool]]:
    parts: list[tuple[str, bool]] = []
    at = 0
    for start, end in matches:
        if start > at:
            parts.append((text[at:start], False))
        if end > at:
            # A pair that overlaps the last one prolongs it.
            fresh = text[max(at, start) : end]
            if parts and parts[-1][1] and start <= at:
                parts[-1] = (parts[-1][0] + fresh, True)
            else:
                parts.append((fresh, True))
        at = max(at, end)
    return [*parts, (text[at:], False)] if at < len(text) else parts
