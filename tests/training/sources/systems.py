"""Four systems with many incidents, each behaving as its documentation says: order, pages, filters, credentials."""

import base64
import html
import json
import re
from dataclasses import dataclass, field
from typing import Any

from tests.api.remote import Answer, Request

PAGES = {"servicenow": 50, "jira": 40, "zammad": 15, "glpi": 45, "rt": 15}
COUNT = 163  # many pages of each, and no round number


def opened(place: int) -> str:
    return f"2026-{1 + place // 120:02}-{1 + place // 25 % 28:02} {place % 25 % 24:02}:15:00"


def words(place: int) -> tuple[str, str]:
    """Title and description; every third Chinese, with personal data in the description."""
    if place % 3 == 0:
        return f"打印机 {place} 卡纸", f"请联系 user{place}@example.com，三楼"
    return f"printer {place} jams", f"please call user{place}@example.com on floor 3"


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _both(value: str) -> dict[str, str]:
    return {"display_value": f"shown {value}" if re.match(r"\d{4}-", value) else value, "value": value}


@dataclass
class ServiceNow:
    """The Table API: encoded queries of conditions that all hold, ORDERBY, limit; rows of equal update times."""

    rows: list[dict[str, str]] = field(default_factory=list)
    table: str = "incident"

    def __post_init__(self) -> None:
        for place in range(COUNT):
            title, text = words(place)
            self.rows.append(
                {
                    "sys_id": f"{(place * 7919) % 100_003:032x}",
                    "number": f"INC{place:07}",
                    "opened_at": opened(place),
                    # Most rows were touched by one bulk update: more than a page in the same second.
                    "sys_updated_on": "2026-06-01 00:00:00" if place % 25 < 15 else opened(place),
                    "short_description": title,
                    "description": text,
                    "assignment_group": "网络组" if place % 3 == 0 else "Network",
                    "u_module": f"m{place % 4}",
                }
            )
            if self.table == "change_request":
                change = {"work_start": opened(place), "sys_created_on": "2025-01-01 00:00:00", "cmdb_ci": "vpn-gw-2"}
                self.rows[-1] |= {**change, "state": "4" if place == 0 else "3"}

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != _basic("faultwise", "secret"):
            return 401, {"error": {"message": "User Not Authenticated"}, "status": "failure"}
        assert request.path == f"/api/now/table/{self.table}"
        rows, orders = self.rows, []
        for part in request.query["sysparm_query"].split("^"):
            if part.startswith("ORDERBY"):
                orders.append(part.removeprefix("ORDERBY"))
                continue
            name, operator, value = re.fullmatch(r"([a-z_]+)(>=|>|=)(.*)", part).groups()
            test = {">=": str.__ge__, ">": str.__gt__, "=": str.__eq__}[operator]
            rows = [row for row in rows if test(row[name], value)]
        rows = sorted(rows, key=lambda row: tuple(row[name] for name in orders))
        shown = rows[: int(request.query["sysparm_limit"])]
        names = request.query["sysparm_fields"].split(",")
        assert request.query["sysparm_display_value"] == "all"
        result = [{name: _both(row.get(name, "")) for name in names} for row in shown]
        return 200, {"result": result}, {"X-Total-Count": str(len(rows))}

    def change(self, place: int, title: str) -> str:
        self.rows[place] |= {"short_description": title, "sys_updated_on": "2099-01-01 00:00:00"}
        return self.rows[place]["number"]


@dataclass
class Jira:
    """search/jql: bounded queries only, a token for the next page which ends with the session of tokens."""

    issues: list[dict[str, Any]] = field(default_factory=list)
    tokens: dict[str, tuple[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for place in range(COUNT):
            title, text = words(place)
            document = {"type": "doc", "version": 1, "content": [_paragraph(text)]}
            self.issues.append(
                {
                    "id": str(10_000 + place),
                    "key": f"SP-{place}",
                    "fields": {
                        "summary": title,
                        "description": document,
                        "created": f"{opened(place).replace(' ', 'T')}.000+0000",
                        "updated": opened(place)[:16],
                        "priority": {"id": "3", "name": "Medium"},
                        "reporter": {"displayName": "Li Lei", "emailAddress": "li@example.com"},
                        "customfield_10050": {"value": "Network"},
                        "customfield_10051": f"m{place % 4}",
                    },
                }
            )

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != _basic("bot@example.com", "secret"):
            return 401, {"message": "Client must be authenticated to access this resource."}
        assert request.path == "/rest/api/3/search/jql"
        jql, token = request.query["jql"], request.query.get("nextPageToken", "")
        bound = re.fullmatch(r'updated >= "([\d :-]{16})"(?: AND \((.*)\))? ORDER BY created ASC, key ASC', jql)
        if not bound:
            return 400, {"errorMessages": ["Unbounded JQL queries are not allowed here."]}
        if token and self.tokens.get(token, ("",))[0] != jql:
            return 400, {"errorMessages": ["The provided next page token is invalid."]}
        found = [one for one in self.issues if one["fields"]["updated"] >= bound[1]]
        begin = self.tokens[token][1] if token else 0
        end = begin + min(int(request.query["maxResults"]), 100)
        names = request.query["fields"].split(",")
        issues = [{**one, "fields": {n: one["fields"].get(n) for n in names}} for one in found[begin:end]]
        content: dict[str, Any] = {"issues": issues, "isLast": end >= len(found)}
        if end < len(found):
            content["nextPageToken"] = f"t{len(self.tokens)}"
            self.tokens[content["nextPageToken"]] = (jql, end)
        return 200, content

    def change(self, place: int, title: str) -> str:
        self.issues[place]["fields"] |= {"summary": title, "updated": "2099-01-01 00:00"}
        return str(self.issues[place]["key"])


def _paragraph(text: str) -> dict[str, Any]:
    return {"type": "paragraph", "content": [{"type": "text", "text": text}]}


@dataclass
class Zammad:
    """tickets: in order of id, at most 100 a page; articles by ticket."""

    tickets: list[dict[str, Any]] = field(default_factory=list)
    articles: dict[int, list[dict[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for place in range(COUNT // 3):  # each costs a request of its own
            title, text = words(place)
            closed = place % 2 == 0
            number = place + 1
            self.tickets.append(
                {
                    "id": number,
                    "number": f"10{place:04}",
                    "title": title,
                    "group": "Network",
                    "owner": "-" if place % 5 else "agent@example.com",
                    "customer": "li@example.com",
                    "state": "closed" if closed else "open",
                    "created_at": f"{opened(place).replace(' ', 'T')}.000Z",
                    "updated_at": f"{opened(place).replace(' ', 'T')}.000Z",
                    "close_at": "2026-05-01T00:00:00.000Z",
                    "module": f"m{place % 4}",
                }
            )
            self.articles[number] = [
                _article("Agent", "internal note before", internal=True),
                _article("Customer", f"<div>{text}</div>"),
                _article("Agent", "<p>Cleaned all rollers of the second tray</p><p>Kind regards</p><p>Beth</p>"),
                _article("Agent", "internal, later", internal=True),
                _article("Agent", "what the service wrote", subject="Faultwise"),
            ]

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != "Token token=secret":
            return 401, {"error": "Invalid BasicAuth credentials"}
        if request.path == "/api/v1/tickets":
            size = min(int(request.query["per_page"]), 100)
            begin = (int(request.query["page"]) - 1) * size
            return 200, sorted(self.tickets, key=lambda one: one["id"])[begin : begin + size]
        return 200, self.articles[int(request.path.removeprefix("/api/v1/ticket_articles/by_ticket/"))]

    def change(self, place: int, title: str) -> str:
        self.tickets[place] |= {"title": title, "updated_at": "2099-01-01T00:00:00.000Z"}
        return str(self.tickets[place]["number"])


def _article(sender: str, body: str, *, internal: bool = False, subject: str = "") -> dict[str, Any]:
    return {"sender": sender, "body": body, "internal": internal, "subject": subject}


@dataclass
class Glpi:
    """apirest.php: a session, and search/Ticket with criteria, sort, range and columns."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    sessions: set[str] = field(default_factory=set)
    kind: str = "Ticket"

    def __post_init__(self) -> None:
        for place in range(COUNT):
            title, text = words(place)
            row = {"2": place + 1, "1": title, "21": html.escape(f"<p>{text}</p>"), "15": opened(place)}
            row |= {"19": opened(place), "7": "Hardware > Printer", "8": ["Network", "Desktop"], "4": "2"}
            if self.kind == "Change":
                row |= {"13": "vpn-gw-2", "12": "14" if place == 0 else "6"}
            self.rows.append(row | {"24": html.escape("<p>Cleaned</p>"), "76": f"m{place % 4}"})

    def answer(self, request: Request) -> Answer:  # noqa: PLR0911 - a route a branch
        path = request.path.removeprefix("/glpi/apirest.php/")
        if request.headers.get("app-token") != "app":
            return 400, ["ERROR_APP_TOKEN_PARAMETERS_MISSING", "missing parameter(s) app_token"]
        if path == "initSession":
            if request.headers.get("authorization") != "user_token secret":
                return 401, ["ERROR_GLPI_LOGIN_USER_TOKEN", "parameter user_token seems invalid"]
            self.sessions.add(token := f"s{len(self.sessions)}")
            return 200, {"session_token": token}
        if request.headers.get("session-token") not in self.sessions:
            return 401, ["ERROR_SESSION_TOKEN_INVALID", "session_token seems invalid"]
        if path == "killSession":
            self.sessions.discard(request.headers["session-token"])
            return 200, None
        assert (path, request.query["sort"], request.query["order"]) == (f"search/{self.kind}", "2", "ASC")
        rows = self.rows
        if "criteria[0][field]" in request.query:
            asked = [request.query[f"criteria[0][{name}]"] for name in ("field", "searchtype", "value")]
            assert asked[:2] == ["19", "morethan"]
            rows = [row for row in rows if row["19"] > asked[2]]
        begin, end = map(int, request.query["range"].split("-"))
        if begin >= len(rows):
            return 400, ["ERROR_RANGE_EXCEED_TOTAL", f"Provided range exceed total count of data: {len(rows)}"]
        shown = {value for name, value in request.query.items() if name.startswith("forcedisplay")}
        data = [{name: value for name, value in row.items() if name in shown} for row in rows[begin : end + 1]]
        last = begin + len(data) - 1
        status = 206 if len(data) < len(rows) else 200
        return status, {"totalcount": len(rows), "data": data}, {"Content-Range": f"{begin}-{last}/{len(rows)}"}

    def change(self, place: int, title: str) -> str:
        self.rows[place] |= {"1": title, "19": "2099-01-01 00:00:00"}
        return str(self.rows[place]["2"])


@dataclass
class Rt:
    """REST2: tickets and transactions by ids that only grow, texts by transaction, one ticket that was merged away."""

    tickets: list[dict[str, Any]] = field(default_factory=list)
    transactions: list[dict[str, Any]] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for place in range(COUNT // 3):  # each costs requests of its own
            title, text = words(place)
            at = f"{opened(place).replace(' ', 'T')}Z"
            self.tickets.append(
                {
                    "id": str(place + 1),
                    "type": "ticket",
                    "_url": "",
                    "Subject": title,
                    "Status": "resolved" if place % 2 == 0 else "open",
                    "Queue": {"id": "3", "Name": "Network"},
                    "Owner": {"id": "Nobody", "Name": "Nobody"},
                    "Creator": {"id": "li"},
                    "Requestor": [{"id": "li", "Name": "li", "RealName": "Li Lei"}],
                    "Created": at,
                    "Resolved": "2026-05-01T00:00:00Z" if place % 2 == 0 else "1970-01-01T00:00:00Z",
                    "LastUpdated": at,
                    "CustomFields": [{"name": "Module", "values": [f"m{place % 4}"]}],
                }
            )
            self._happened(place + 1, "Create", at, "li", text)
            self._happened(place + 1, "Comment", at, "bot", "what the service wrote", Data="Faultwise 01ABC\n")
            if place % 2 == 0:
                self._happened(
                    place + 1,
                    "Correspond",
                    at,
                    "beth",
                    "Cleaned all rollers of the second tray and the sensor below\n\nOn 1 May 2026 Li wrote:\n> a",
                )
                later = "2026-05-01T00:00:00Z"
                self._happened(place + 1, "Status", later, "beth", "", OldValue="open", NewValue="resolved")

    def _happened(self, ticket: int, kind: str, at: str, who: str, text: str, **values: str) -> None:
        number = str(len(self.transactions) + 40)
        entry = {"id": number, "Type": kind, "Created": at, "Creator": {"id": who}, "ObjectId": str(ticket)}
        self.transactions.append({**entry, "Field": "", "OldValue": "", "NewValue": "", "Data": "", **values})
        self.texts[number] = text

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != "token secret":
            return 401, {"message": "Unauthorized"}
        path, sql = request.path.removeprefix("/REST/2.0"), request.query.get("query", "")
        if path == "/attachments":
            return 200, {"items": self._attachments(json.loads(sql))}
        size = int(request.query["per_page"])
        after = int(re.search(r"id >=? (\d+)", sql)[1])
        if path == "/tickets":
            since = re.search(r"LastUpdated >= '([\d :-]+) UTC'", sql)
            items = [one for one in self.tickets if int(one["id"]) > after and "IS NOT NULL" not in sql]
            items = [one for one in items if not since or one["LastUpdated"].replace("T", " ")[:19] >= since[1]]
            return 200, {"items": items[:size], "total": len(items)}
        assert path == "/transactions"
        bounds = re.search(r"ObjectId >= (\d+) AND ObjectId <= (\d+)", sql)
        if bounds is None:  # those of merges: there are none
            assert "MergedInto" in sql
            return 200, {"items": []}
        first, last = map(int, bounds.groups())
        items = [t for t in self.transactions if int(t["id"]) > after and first <= int(t["ObjectId"]) <= last]
        return 200, {"items": items[:size]}

    def _attachments(self, conditions: list[dict[str, Any]]) -> list[dict[str, Any]]:
        wanted = {one["field"]: one["value"] for one in conditions}
        ids = [number for number in wanted["TransactionId"] if number > wanted["id"]]  # each has the id of its own
        return [
            {
                "id": str(number),
                "TransactionId": str(number),
                "ContentType": "text/plain",
                "Filename": "",
                "Content": self.texts[str(number)],
                "Subject": "",
            }
            for number in sorted(ids)
        ]

    def change(self, place: int, title: str) -> str:
        self.tickets[place] |= {"Subject": title, "LastUpdated": "2099-01-01T00:00:00Z"}
        return str(self.tickets[place]["id"])
