"""Records that a system is to make of a problem or an action, once however often it is asked for.

Each maker looks first for a record that holds the marker: one that was made before, though its answer was lost.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx

from api.integrations.jira import OWN_LABEL
from api.integrations.settings import Glpi, Integrations, Jira, System
from api.integrations.writing.order import call
from api.integrations.writing.sessions import glpi_session, signed_in
from api.outgoing.courier import GivenUpError, Maker
from diagnosis.store.outbox import OutgoingCall
from diagnosis.text.atlassian import text_document


@dataclass(frozen=True, slots=True)
class RecordOrder:
    """What is to become a record.

    Attributes
    ----------
    marker : str
        The id of the problem or action: what a record that was made before is found by.
    group : str
        An assignment group, where one is known.
    numbers : sequence of str
        Incidents that it is about.
    """

    marker: str
    title: str
    text: str
    group: str = ""
    numbers: Sequence[str] = ()


RecordMaker = Callable[[httpx.Client, System, RecordOrder], str]
RecordMade = Callable[[str, str, str], None]


def record_writers(
    prefix: str,
    marker: str,
    makers: Mapping[str, RecordMaker],
    settings: Integrations,
    allow_private: bool,
    record_made: RecordMade,
) -> dict[str, Maker]:
    """Return what makes the calls of a kind, for each system that is written to.

    Parameters
    ----------
    prefix : str
        Begins the kind of the calls.
    marker : str
        Which field of a call's body is the order's marker.
    record_made : callable
        Called with the marker, the system and the record's number.
    """

    def write(system: str, owed: OutgoingCall) -> None:
        body, own = dict(owed.body), getattr(settings, system)
        order = RecordOrder(body.pop(marker), **body)
        with signed_in(system, own, allow_private) as client:
            number = makers[system](client, own, order)
        record_made(order.marker, system, number)

    return {f"{prefix}{system}": partial(write, system) for system in settings.with_write_back()}


def required(value: str, setting: str, meaning: str) -> str:
    """Return a setting that says where a record is made.

    Raises
    ------
    GivenUpError
        If it is not set.
    """
    if not value:
        raise GivenUpError(f"expected FAULTWISE_INTEGRATIONS__{setting}, {meaning}; found none")
    return value


def servicenow_record(client: httpx.Client, table: str, order: RecordOrder) -> str:
    """Make a row of a table and return its number.

    Raises
    ------
    GivenUpError
        If the table has no ``correlation_id``: ServiceNow leaves such a condition out and answers any row.
    """
    path = f"/api/now/table/{table}"
    fields = "number,correlation_id"
    query = {"sysparm_query": f"correlation_id={order.marker}", "sysparm_fields": fields, "sysparm_limit": "1"}
    rows = call(client, "GET", path, params=query)["result"]
    if rows and rows[0].get("correlation_id") != order.marker:
        raise GivenUpError(f"expected a table with the field correlation_id; found none in {table}")
    if rows:
        return str(rows[0]["number"])
    row = {
        "short_description": order.title,
        "description": order.text,
        "correlation_id": order.marker,
        "correlation_display": "Faultwise",
        **({"assignment_group": order.group} if order.group else {}),
    }
    parameters = {"sysparm_input_display_value": "true", "sysparm_fields": "number"}
    return str(call(client, "POST", path, json=row, params=parameters)["result"]["number"])


def jira_issue(client: httpx.Client, settings: Jira, project: str, issue_type: str, order: RecordOrder) -> str:
    """Make an issue and return its key."""
    label = f"{OWN_LABEL}{order.marker}"
    search = {"jql": f'labels = "{label}"', "fields": ["summary"], "maxResults": 1}
    issues = call(client, "POST", "/rest/api/3/search/jql", json=search)["issues"]
    if issues:
        return str(issues[0]["key"])
    fields = {
        "project": {"key": project},
        "issuetype": {"name": issue_type},
        "summary": order.title[:255],
        "description": text_document(order.text),
        "labels": [*settings.tags, label],
    }
    return str(call(client, "POST", "/rest/api/3/issue", json={"fields": fields})["key"])


def glpi_item(client: httpx.Client, settings: Glpi, item_type: str, order: RecordOrder) -> str:
    """Make an item, such as a Problem, and return its id."""
    with glpi_session(client, settings):
        path = f"/apirest.php/{item_type}"
        rows = call(client, "GET", path, params={"searchText[name]": order.marker})
        ids = [row["id"] for row in rows if order.marker in row["name"]]
        if ids:
            return str(ids[0])
        content = html.escape(order.text, quote=False).replace("\n", "<br>")
        item = {"name": _marked(order), "content": content}
        return str(call(client, "POST", path, json={"input": item})["id"])


def request_tracker_ticket(client: httpx.Client, queue: str, order: RecordOrder) -> str:
    """Make a ticket in a queue that refers to the incidents, and return its id."""
    query = {"query": f"Subject LIKE '{order.marker}'", "fields": "Subject", "orderby": "id", "order": "ASC"}
    earlier = call(client, "GET", "/REST/2.0/tickets", params=query)["items"]
    ids = [str(ticket["id"]) for ticket in earlier if order.marker in str(ticket["Subject"])]
    if not ids:
        ticket = {"Queue": queue, "Subject": _marked(order)}
        ticket |= {"Content": order.text, "ContentType": "text/plain"}
        ids = [str(call(client, "POST", "/REST/2.0/ticket", json=ticket)["id"])]
    incidents = [int(number) for number in order.numbers if number.isascii() and number.isdigit()]
    if incidents:  # a link that is there already is not made twice, and a ticket that is gone gets none
        call(client, "PUT", f"/REST/2.0/ticket/{ids[0]}", json={"AddRefersTo": incidents})
    return ids[0]


def zammad_ticket(client: httpx.Client, group: str, order: RecordOrder) -> str:
    """Make a ticket of ours in a group, with an internal article, and return its number."""
    query = {"query": order.marker, "limit": "10"}
    earlier = zammad_tickets(call(client, "GET", "/api/v1/tickets/search", params=query))
    numbers = [str(ticket["number"]) for ticket in earlier if order.marker in str(ticket["title"])]
    if numbers:
        return numbers[0]
    article = {"subject": order.title[:180], "body": order.text, "content_type": "text/plain"}
    ticket = {
        "title": _marked(order),
        "group": group,
        "customer_id": int(call(client, "GET", "/api/v1/users/me")["id"]),
        "article": {**article, "type": "note", "internal": True},
    }
    return str(call(client, "POST", "/api/v1/tickets", json=ticket)["number"])


def zammad_tickets(answer: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - what Zammad answers
    """Return the tickets of a search: a list, or, in older versions, numbers with what they stand for beside them."""
    if isinstance(answer, list):
        return answer
    by_id = answer.get("assets", {}).get("Ticket", {})
    return [by_id[str(ticket)] for ticket in answer.get("tickets", []) if str(ticket) in by_id]


def _marked(order: RecordOrder) -> str:
    return f"{order.title[:180]} [{order.marker}]"
