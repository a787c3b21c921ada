"""ServiceNow: the Table API, in order of (sys_updated_on, sys_id).

A record that changes while it is read moves to the end and comes again; none is passed over, as it would be with
offsets. https://www.servicenow.com/docs/ (REST API reference, Table API)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from training.sources.caller import Caller
from training.sources.page import Cursor, Page, Query

_TABLES = "/api/now/table"
PAGE = 500  # rows of one request
Rows = Callable[[str], tuple[list[dict[str, Any]], int | None]]
_FIELDS = (
    "sys_id",
    "sys_updated_on",
    "sys_created_on",
    "sys_class_name",
    "number",
    "state",
    "opened_at",
    "short_description",
    "description",
    "caller_id",
    "opened_by",
    "location",
    "contact_type",
    "business_service",
    "cmdb_ci",
    "category",
    "subcategory",
    "impact",
    "urgency",
    "priority",
    "assignment_group",
    "assigned_to",
    "reassignment_count",
    "resolved_at",
    "closed_at",
    "reopened_time",
    "reopen_count",
    "close_code",
    "close_notes",
    "problem_id",
)
_CHANGE_FIELDS = (
    "sys_id",
    "sys_updated_on",
    "sys_created_on",
    "number",
    "state",
    "type",
    "risk",
    "opened_at",
    "work_start",
    "start_date",
    "work_end",
    "end_date",
    "cmdb_ci",
    "business_service",
    "short_description",
)


def pages(caller: Caller, query: Query, cursor: Cursor) -> Iterator[Page]:
    """Yield the incidents that match an encoded query.

    Raises
    ------
    InputError
        If the query sorts or holds a second query, which would undo the order.
    """
    yield from _pages(partial(_rows, caller, query, "incident", _FIELDS), query, cursor)


def change_pages(caller: Caller, query: Query, cursor: Cursor) -> Iterator[Page]:
    """Yield the changes (``change_request``) that match an encoded query, in the same way.

    Raises
    ------
    InputError
        If the query sorts or holds a second query, which would undo the order.
    """
    yield from _pages(partial(_rows, caller, query, "change_request", _CHANGE_FIELDS), query, cursor)


def _pages(rows_of: Rows, query: Query, cursor: Cursor) -> Iterator[Page]:
    """Yield the records of a table that match an encoded query.

    Raises
    ------
    InputError
        If the query sorts or holds a second query, which would undo the order.
    """
    if "^NQ" in query.filter or "ORDERBY" in query.filter:
        raise InputError(Phrase("servicenow_query_sorts", {"query": query.filter}))
    updated, sys_id = str(cursor.get("updated", "")), str(cursor.get("sys_id", ""))
    total: int | None = None
    while True:
        if updated:
            # First the rest of that second, then what came after it: conditions that all hold need no brackets.
            same_second, _ = rows_of(f"sys_updated_on={updated}^sys_id>{sys_id}")
            later, _ = rows_of(f"sys_updated_on>{updated}") if len(same_second) < PAGE else ([], None)
            rows = same_second + later
        else:
            since = query.since[:19].replace("T", " ")
            rows, total = rows_of(f"sys_updated_on>={since}" if since else "")
        if not rows:
            return
        updated, sys_id = rows[-1]["sys_updated_on"]["value"], rows[-1]["sys_id"]["value"]
        yield Page(rows, {"updated": updated, "sys_id": sys_id}, total)


def _rows(
    caller: Caller, query: Query, table: str, fields: Sequence[str], condition: str
) -> tuple[list[dict[str, Any]], int | None]:
    parts = [condition, query.filter, "ORDERBYsys_updated_on^ORDERBYsys_id"]
    parameters: dict[str, str | int] = {
        "sysparm_query": "^".join(part for part in parts if part),
        "sysparm_display_value": "all",  # names of references, and times in UTC beside those of the user's zone
        "sysparm_exclude_reference_link": "true",
        "sysparm_fields": ",".join(dict.fromkeys((*fields, *query.fields))),
        "sysparm_limit": PAGE,
    }
    content, headers = caller.get(f"{_TABLES}/{table}", parameters)
    count = headers.get("x-total-count", "")
    return content["result"], int(count) if count.isdigit() else None
