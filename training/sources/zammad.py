"""Zammad: the list of tickets in order of id, each with its first article, and the last answer where it is closed.

https://docs.zammad.org/en/latest/api/ticket/index.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.text.cleaning import clean
from training.sources.caller import Caller
from training.sources.page import Cursor, Page, Query, in_order_of_id

PAGE = 100  # the most tickets that Zammad lists at once
CLOSED = frozenset({"closed", "merged"})
OURS = "Faultwise"  # subject of the notes that the service writes back


def pages(caller: Caller, query: Query, cursor: Cursor) -> Iterator[Page]:
    """Yield the tickets that the token's user may see.

    Raises
    ------
    InputError
        If a query is given: the list of tickets knows none.
    """
    if query.filter:
        raise InputError(Phrase("zammad_query", {"query": query.filter}))

    def fetch(number: int) -> list[dict[str, Any]]:
        parameters: dict[str, str | int] = {"page": number + 1, "per_page": PAGE, "expand": "true"}
        tickets: list[dict[str, Any]] = caller.get("/api/v1/tickets", parameters)[0]
        return tickets

    for tickets, place in in_order_of_id(fetch, "id", PAGE, cursor):
        changed = [ticket for ticket in tickets if ticket["updated_at"][:19] >= query.since[:19]]
        yield Page([_record(caller, ticket) for ticket in changed], place)


def _record(caller: Caller, ticket: Mapping[str, Any]) -> dict[str, Any]:
    articles = caller.get(f"/api/v1/ticket_articles/by_ticket/{ticket['id']}")[0]
    first = next((article for article in articles if not article["internal"]), None)
    record = {**ticket, "article": {"body": first["body"] if first else ""}}
    if ticket["state"] in CLOSED:
        record["close_notes"] = _last_answer(articles, first)
    return record


def _last_answer(articles: list[dict[str, Any]], first: Mapping[str, Any] | None) -> str:
    """Return the last thing that an agent wrote, to the customer if there is such: the nearest to a resolution.

    It is a mail more often than not: what it quotes is no resolution, and neither is its signature.
    """
    answers = [
        article
        for article in articles
        if article["sender"] == "Agent" and article is not first and article.get("subject") != OURS
    ]
    answers.sort(key=lambda article: not article["internal"])  # answers to the customer last; order of time stays
    return clean(str(answers[-1]["body"])) if answers else ""
