"""Jira Cloud: search by JQL with page tokens, in order of creation.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-search/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from training.sources.caller import Caller, SourceError
from training.sources.page import Cursor, Page, Query

_SEARCH = "/rest/api/3/search/jql"
PAGE = 100  # issues of one request
_FIELDS = (
    "summary",
    "description",
    "created",
    "updated",
    "resolutiondate",
    "resolution",
    "priority",
    "reporter",
    "creator",
    "assignee",
    "components",
    "issuetype",
    "project",
    "environment",
    "status",
    "labels",
)


def pages(caller: Caller, query: Query, cursor: Cursor) -> Iterator[Page]:
    """Yield the issues that match a JQL filter.

    Raises
    ------
    InputError
        If the filter sorts.
    SourceError
        If Jira repeats a page.
    """
    if cursor.get("end"):
        return
    if re.search(r"\border\s+by\b", query.filter, re.IGNORECASE):
        raise InputError(Phrase("jql_sorts", {"query": query.filter}))
    # A search without any bound is refused by Jira; and it knows minutes only, in a zone that is the user's.
    since = query.since[:16].replace("T", " ") or "1970-01-02 00:00"
    jql = f'updated >= "{since}"' + (f" AND ({query.filter})" if query.filter else "")
    parameters = {"jql": f"{jql} ORDER BY created ASC, key ASC", "maxResults": PAGE}
    parameters["fields"] = ",".join(dict.fromkeys((*_FIELDS, *(f.removeprefix("fields.") for f in query.fields))))
    token = str(cursor.get("token", ""))
    page = _resumed(caller, parameters, token) if token else _page(caller, parameters, "")
    while True:
        previous, token = token, page.get("nextPageToken") or ""
        if token and token == previous:
            raise SourceError(Phrase("jira_repeats_page"))
        if issues := page.get("issues"):
            yield Page(issues, {"token": token} if token else {"end": 1})
        if not token:
            return
        page = _page(caller, parameters, token)


def _resumed(caller: Caller, parameters: dict[str, Any], token: str) -> dict[str, Any]:
    """Go on at a token of an earlier run; one that has expired (after seven days) begins anew: nothing is lost."""
    try:
        return _page(caller, parameters, token)
    except SourceError as error:
        if error.status != 400:
            raise
        return _page(caller, parameters, "")


def _page(caller: Caller, parameters: dict[str, Any], token: str) -> dict[str, Any]:
    content, _ = caller.get(_SEARCH, parameters | ({"nextPageToken": token} if token else {}))
    page: dict[str, Any] = content
    return page
