"""Zammad: the list of tickets in order of id, each with its first article, and the last answer where it is closed.

https://docs.zammad.org/en/latest/api/ticket/index.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from diagnosis.errors import InputError
from training.sources.caller import Caller
from training.sources.page import Cursor, Page, Question, in_order_of_id

PAGE = 100  # the most tickets that Zammad lists at once
_CLOSED = frozenset({"closed", "merged"})
_NOBODY = "-"
_OURS = "Faultwise"  # subject of the notes that the service writes back


def pages(caller: Caller, question: Question, cursor: Cursor) -> Iterator[Page]:
    """Yield the tickets that the token's user may see.

    Raises
    ------
    InputError
        If a query is given: the list of tickets knows none.
    """
    if question.query:
        raise InputError(f"expected no query for zammad, which lists every ticket; found {question.query!r}")

    def fetch(number: int) -> list[dict[str, Any]]:
        asked: dict[str, str | int] = {"page": number + 1, "per_page": PAGE, "expand": "true"}
        tickets: list[dict[str, Any]] = caller.get("/api/v1/tickets", asked)[0]
        return tickets

    for tickets, place in in_order_of_id(fetch, "id", PAGE, cursor):
        changed = [one for one in tickets if one["updated_at"][:19] >= question.since[:19]]
        yield Page([_record(caller, one) for one in changed], place)


def _record(caller: Caller, ticket: Mapping[str, Any]) -> dict[str, Any]:
    articles = caller.get(f"/api/v1/ticket_articles/by_ticket/{ticket['id']}")[0]
    first = next((one for one in articles if not one["internal"]), None)
    record = {**ticket, "article": {"body": first["body"] if first else ""}}
    if ticket["owner"] == _NOBODY:
        record["owner"] = ""
    if ticket["state"] in _CLOSED:
        record["close_notes"] = _last_answer(articles, first)
    else:  # Zammad keeps when it was closed before
        record["close_at"] = None
    return record


def _last_answer(articles: list[dict[str, Any]], first: Mapping[str, Any] | None) -> str:
    """Return the last thing that an agent wrote, to the customer if there is such: the nearest to a resolution."""
    said = [one for one in articles if one["sender"] == "Agent" and one is not first and one.get("subject") != _OURS]
    said.sort(key=lambda one: not one["internal"])  # answers to the customer last; order of time stays
    return str(said[-1]["body"]) if said else ""
