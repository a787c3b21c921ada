"""Contingency pages: what to do and whom to call when a service fails, as articles of the knowledge base.

An article is one if its keywords name ``contingency`` (应急预案, 应急); it is never suggested for a single incident. It
holds for the service that it names, without one for every service. Its resolution says what to do. Whom to call stands
in a field ``contact``, else in the lines of its text that begin with "Call:" or "Contact:" (联系人：, 联系：, 电话：),
else it is the article's owner. Masks leave these as they were written, in no other article and in no other line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from diagnosis.knowledge import CONTACT_LINE, CONTINGENCY


@dataclass(frozen=True, slots=True)
class Contingency:
    """One contingency page; an empty service is every service."""

    number: str
    title: str
    service: str
    steps: str
    contact: str


def contingency_pages(articles: Iterable[Mapping[str, Any]]) -> list[Contingency]:
    """Return the contingency pages among articles, by service; of two for one service the later number counts."""
    pages: dict[str, Contingency] = {}
    for article in sorted(articles, key=lambda row: str(row.get("number", ""))):
        if CONTINGENCY.search(str(article.get("keywords") or "")):
            page = _page(article)
            pages[page.service.casefold()] = page
    return sorted(pages.values(), key=lambda page: page.service.casefold())


def _page(article: Mapping[str, Any]) -> Contingency:
    steps = str(article.get("resolution") or "")
    words = "\n".join(str(article.get(name) or "") for name in ("symptoms", "cause", "resolution"))
    lines = CONTACT_LINE.findall(words)
    contact = str(article.get("contact") or "") or "\n".join(line.strip() for line in lines)
    return Contingency(
        number=str(article["number"]),
        title=str(article.get("title") or article["number"]),
        service=str(article.get("service") or ""),
        steps=steps,
        contact=contact or str(article.get("owner") or ""),
    )
