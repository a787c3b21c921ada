"""Problem records: what a system makes of a chronic fault that was proposed, once however often it is asked for.

ServiceNow and GLPI have records of problems, Jira an issue of that type, Request Tracker a ticket in a queue for them
that refers to the incidents; Zammad has none, so the incidents get a tag.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

import httpx

from api.integrations.settings import Glpi, Integrations, Jira, RequestTracker, System
from api.integrations.writing.order import call
from api.integrations.writing.sessions import glpi_session, signed_in
from api.outgoing.courier import GivenUpError, Maker
from api.problems.service import WRITE_BACK
from diagnosis.store.outbox import OutgoingCall
from diagnosis.text.atlassian import text_document

_PROBLEMS = "/api/now/table/problem"
RecordMade = Callable[[str, str, str], None]


@dataclass(frozen=True, slots=True)
class ProblemOrder:
    """The problem that is to become a record.

    Attributes
    ----------
    problem : str
        Its id: what a record that was made before is found by.
    group : str
        Assignment group of most of its incidents.
    numbers : sequence of str
        Its newest incidents.
    """

    problem: str
    title: str
    text: str
    group: str = ""
    numbers: Sequence[str] = ()


def problem_writers(settings: Integrations, allow_private: bool, record_made: RecordMade) -> dict[str, Maker]:
    """Return a maker for each system that is written to.

    Parameters
    ----------
    record_made : callable
        Called with the problem, the system and the record's number.
    """
    return {
        f"{WRITE_BACK}{name}": partial(_write, name, getattr(settings, name), allow_private, record_made)
        for name in settings.with_write_back()
    }


def _write(system: str, settings: System, allow_private: bool, record_made: RecordMade, owed: OutgoingCall) -> None:
    order = ProblemOrder(**owed.body)
    with signed_in(system, settings, allow_private) as client:
        number = _MAKERS[system](client, settings, order)
    record_made(order.problem, system, number)


def _servicenow(client: httpx.Client, _settings: System, order: ProblemOrder) -> str:
    query = {"sysparm_query": f"correlation_id={order.problem}", "sysparm_fields": "number", "sysparm_limit": "1"}
    rows = call(client, "GET", _PROBLEMS, params=query)["result"]
    if rows:
        return str(rows[0]["number"])
    row = {
        "short_description": order.title,
        "description": order.text,
        "correlation_id": order.problem,
        "correlation_display": "Faultwise",
        **({"assignment_group": order.group} if order.group else {}),
    }
    parameters = {"sysparm_input_display_value": "true", "sysparm_fields": "number"}
    return str(call(client, "POST", _PROBLEMS, json=row, params=parameters)["result"]["number"])


def _jira(client: httpx.Client, settings: System, order: ProblemOrder) -> str:
    assert isinstance(settings, Jira)
    if not settings.problem_project:
        raise GivenUpError(
            "expected FAULTWISE_INTEGRATIONS__JIRA__PROBLEM_PROJECT, the project of the issue; found none"
        )
    label = f"faultwise-{order.problem}"
    search = {"jql": f'labels = "{label}"', "fields": ["summary"], "maxResults": 1}
    issues = call(client, "POST", "/rest/api/3/search/jql", json=search)["issues"]
    if issues:
        return str(issues[0]["key"])
    fields = {
        "project": {"key": settings.problem_project},
        "issuetype": {"name": settings.problem_type},
        "summary": order.title[:255],
        "description": text_document(order.text),
        "labels": [*settings.tags, label],
    }
    return str(call(client, "POST", "/rest/api/3/issue", json={"fields": fields})["key"])


def _glpi(client: httpx.Client, settings: System, order: ProblemOrder) -> str:
    assert isinstance(settings, Glpi)
    with glpi_session(client, settings):
        name = f"{order.title} [{order.problem}]"
        rows = call(client, "GET", "/apirest.php/Problem", params={"searchText[name]": order.problem})
        ids = [row["id"] for row in rows if order.problem in row["name"]]
        if ids:
            return str(ids[0])
        content = html.escape(order.text, quote=False).replace("\n", "<br>")
        created = call(client, "POST", "/apirest.php/Problem", json={"input": {"name": name, "content": content}})
        return str(created["id"])


def _request_tracker(client: httpx.Client, settings: System, order: ProblemOrder) -> str:
    assert isinstance(settings, RequestTracker)
    if not settings.problem_queue:
        raise GivenUpError("expected FAULTWISE_INTEGRATIONS__RT__PROBLEM_QUEUE, the queue of the ticket; found none")
    query = {"query": f"Subject LIKE '{order.problem}'", "fields": "Subject", "orderby": "id", "order": "ASC"}
    earlier = call(client, "GET", "/REST/2.0/tickets", params=query)["items"]
    ids = [str(ticket["id"]) for ticket in earlier if order.problem in str(ticket["Subject"])]
    if not ids:
        ticket = {"Queue": settings.problem_queue, "Subject": f"{order.title[:180]} [{order.problem}]"}
        ticket |= {"Content": order.text, "ContentType": "text/plain"}
        ids = [str(call(client, "POST", "/REST/2.0/ticket", json=ticket)["id"])]
    incidents = [int(number) for number in order.numbers if number.isascii() and number.isdigit()]
    if incidents:  # a link that is there already is not made twice, and a ticket that is gone gets none
        call(client, "PUT", f"/REST/2.0/ticket/{ids[0]}", json={"AddRefersTo": incidents})
    return ids[0]


def _zammad(client: httpx.Client, _settings: System, order: ProblemOrder) -> str:
    tag = f"problem-{order.problem}"
    for number in order.numbers:
        query = {"query": f"number:{quote(number, safe='')}", "limit": "1"}
        tickets = _tickets(call(client, "GET", "/api/v1/tickets/search", params=query))
        if tickets:
            body = {"item": tag, "object": "Ticket", "o_id": int(tickets[0]["id"])}
            call(client, "POST", "/api/v1/tags/add", json=body)  # Zammad adds a tag once
    return tag


def _tickets(answer: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - what Zammad answers
    """Return the tickets of a search: a list, or, in older versions, numbers with what they stand for beside them."""
    if isinstance(answer, list):
        return answer
    by_id = answer.get("assets", {}).get("Ticket", {})
    return [by_id[str(ticket)] for ticket in answer.get("tickets", []) if str(ticket) in by_id]


_MAKERS: dict[str, Callable[[httpx.Client, System, ProblemOrder], str]] = {
    "servicenow": _servicenow,
    "jira": _jira,
    "glpi": _glpi,
    "zammad": _zammad,
    "rt": _request_tracker,
}
