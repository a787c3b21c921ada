"""Jira Cloud: search by JQL with page tokens, in order of creation.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-search/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from diagnosis.errors import InputError
from training.sources.caller import Caller, SourceError
from training.sources.page import Cursor, Page, Question

_SEARCH = "/rest/api/3/search/jql"
PAGE = 100  # issues of one request
_FIELDS = (
    "summary", "description", "created", "updated", "resolutiondate", "resolution", "priority", "reporter", "creator",
    "assignee", "components", "issuetype", "project", "environment", "status",
)  # fmt: skip


def pages(caller: Caller, question: Question, cursor: Cursor) -> Iterator[Page]:
    """Yield the issues that match a JQL filter.

    Raises
    ------
    InputError
        If the filter sorts.
    """
    if cursor.get("end"):
        return
    if re.search(r"\border\s+by\b", question.query, re.IGNORECASE):
        raise InputError(f"expected JQL without ORDER BY; found {question.query!r}")
    # A search without any bound is refused by Jira; and it knows minutes only, in a zone that is the user's.
    since = question.since[:16].replace("T", " ") or "1970-01-02 00:00"
    jql = f'updated >= "{since}"' + (f" AND ({question.query})" if question.query else "")
    asked = {"jql": f"{jql} ORDER BY created ASC, key ASC", "maxResults": PAGE}
    asked["fields"] = ",".join(dict.fromkeys((*_FIELDS, *(f.removeprefix("fields.") for f in question.fields))))
    token = str(cursor.get("token", ""))
    found = _go_on(caller, asked, token) if token else _ask(caller, asked, "")
    while True:
        before, token = token, found.get("nextPageToken") or ""
        if token and token == before:
            raise SourceError("Jira answered the same page token twice: the search does not go on")
        if issues := found.get("issues"):
            yield Page(issues, {"token": token} if token else {"end": 1})
        if not token:
            return
        found = _ask(caller, asked, token)


def _go_on(caller: Caller, asked: dict[str, Any], token: str) -> dict[str, Any]:
    """Go on at a token of an earlier run; one that has expired (after seven days) begins anew: nothing is lost."""
    try:
        return _ask(caller, asked, token)
    except SourceError as error:
        if error.status != 400:
            raise
        return _ask(caller, asked, "")


def _ask(caller: Caller, asked: dict[str, Any], token: str) -> dict[str, Any]:
    content, _ = caller.get(_SEARCH, asked | ({"nextPageToken": token} if token else {}))
    found: dict[str, Any] = content
    return found
