"""GLPI: its search engine over the REST API v1 (``apirest.php``), in order of id.

https://github.com/glpi-project/glpi/blob/main/apirest.md
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import parse_qsl

from training.sources.caller import Caller, Parameters, SourceError
from training.sources.credentials import Credentials
from training.sources.page import Cursor, Page, Query, in_order_of_id

PAGE = 200  # tickets of one request
_ID, _CHANGED = "2", "19"
# Search options of a ticket (CommonITILObject::rawSearchOptions), under the labels that the preset knows.
_COLUMNS = {
    "2": "ID",
    "14": "Type",
    "12": "Status",
    "1": "Title",
    "21": "Description",
    "15": "Opening date",
    "17": "Resolution date",
    "16": "Closing date",
    "4": "Requester",
    "22": "Writer",
    "83": "Location",
    "9": "Request source",
    "80": "Entity",
    "13": "Associated elements",
    "7": "Category",
    "11": "Impact",
    "10": "Urgency",
    "3": "Priority",
    "8": "Technician group",
    "5": "Technician",
    "23": "Solution type",
    "24": "Solution",
    "62": "Satisfaction",
    "19": "Last update",
}
# Of a change (Change::rawSearchOptions), under the names that files of changes have.
_CHANGE_COLUMNS = {
    "2": "ID",
    "1": "Title",
    "12": "Status",
    "15": "Opening date",
    "17": "Resolution date",
    "80": "Entity",
    "13": "Associated elements",
    "11": "Impact",
    "19": "Last update",
}


def pages(caller: Caller, query: Query, cursor: Cursor, credentials: Credentials) -> Iterator[Page]:
    """Yield the tickets that match search criteria.

    ``query.filter`` is written as in a search's address: ``criteria[0][field]=14&criteria[0][searchtype]=…``; fields
    beside the preset's are numbers of search options.
    """
    yield from _pages(caller, query, cursor, credentials, "Ticket", _COLUMNS)


def change_pages(caller: Caller, query: Query, cursor: Cursor, credentials: Credentials) -> Iterator[Page]:
    """Yield the changes that match search criteria, in the same way."""
    yield from _pages(caller, query, cursor, credentials, "Change", _CHANGE_COLUMNS)


def _pages(
    caller: Caller, query: Query, cursor: Cursor, credentials: Credentials, kind: str, named: Mapping[str, str]
) -> Iterator[Page]:
    parameters = _parameters(query, named)
    columns = {**{number: number for number in query.fields}, **named}
    total: int | None = None
    with _Session(caller, credentials, kind).signed_in() as session:

        def fetch(number: int) -> list[dict[str, Any]]:
            nonlocal total
            rows, total = session.search(parameters | {"range": f"{number * PAGE}-{(number + 1) * PAGE - 1}"})
            return rows

        for rows, place in in_order_of_id(fetch, _ID, PAGE, cursor):
            yield Page([_record(row, columns) for row in rows], place, total)


class _Session:
    """A session of the API, opened anew when it has ended on GLPI's side."""

    def __init__(self, caller: Caller, credentials: Credentials, kind: str) -> None:
        self._caller, self._credentials, self._kind = caller, credentials, kind
        self._headers: dict[str, str] = {"App-Token": credentials.app_token} if credentials.app_token else {}

    @contextmanager
    def signed_in(self) -> Iterator[_Session]:
        self._sign_in()
        try:
            yield self
        finally:
            with suppress(SourceError):  # it would end by itself
                self._caller.get("/apirest.php/killSession", headers=self._headers, tries=1)

    def _sign_in(self) -> None:
        self._headers.pop("Session-Token", None)
        signed = self._headers | {"Authorization": f"user_token {self._credentials.token}"}
        self._headers["Session-Token"] = self._caller.get("/apirest.php/initSession", headers=signed)[0][
            "session_token"
        ]

    def search(self, parameters: Parameters) -> tuple[list[dict[str, Any]], int | None]:
        try:
            return self._search(parameters)
        except SourceError as error:
            if error.status != 401:
                raise
            self._sign_in()
            return self._search(parameters)

    def _search(self, parameters: Parameters) -> tuple[list[dict[str, Any]], int | None]:
        try:
            content, _ = self._caller.get(f"/apirest.php/search/{self._kind}", parameters, self._headers)
        except SourceError as error:
            if error.status == 400 and "ERROR_RANGE_EXCEED_TOTAL" in str(error):  # how GLPI says that this was all
                return [], None
            raise
        return content.get("data") or [], content.get("totalcount")


def _parameters(query: Query, named: Mapping[str, str]) -> dict[str, str | int]:
    columns = [*named, *query.fields]
    parameters: dict[str, str | int] = {"sort": _ID, "order": "ASC", **dict(parse_qsl(query.filter))}
    parameters |= {f"forcedisplay[{place}]": number for place, number in enumerate(columns)}
    if query.since:
        place = len({name.split("]")[0] for name in parameters if name.startswith("criteria[")})
        parameters |= {
            f"criteria[{place}][link]": "AND",
            f"criteria[{place}][field]": _CHANGED,
            f"criteria[{place}][searchtype]": "morethan",
            f"criteria[{place}][value]": query.since[:19].replace("T", " "),
        }
    return parameters


def _record(row: dict[str, Any], columns: dict[str, str]) -> dict[str, Any]:
    return {name: row.get(number) for number, name in columns.items()}
