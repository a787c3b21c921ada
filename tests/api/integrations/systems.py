"""Small servers that behave as each system's documentation says: authorisation, statuses, bodies, and what is kept."""

import base64
import re
from dataclasses import dataclass, field
from typing import Any

from tests.api.remote import Answer, Request

SYS_ID = "0ef47232db801300864adfea5e961912"


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@dataclass
class ServiceNow:
    """Table API: GET and PATCH of one row, GET by query; display_value=all answers both forms."""

    row: dict[str, str] = field(
        default_factory=lambda: {
            "sys_id": SYS_ID,
            "number": "INC0010023",
            "assignment_group": "",
            "assigned_to": "",
            "category": "",
        }
    )
    work_notes: list[str] = field(default_factory=list)

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != _basic("faultwise", "secret"):
            return 401, {"error": {"message": "User Not Authenticated"}, "status": "failure"}
        if request.path == "/api/now/table/incident":
            found = re.fullmatch(r"number=([A-Za-z0-9_-]+)", request.query["sysparm_query"])
            rows = [{"sys_id": SYS_ID}] if found and found[1] == self.row["number"] else []
            return 200, {"result": rows}
        if request.path != f"/api/now/table/incident/{SYS_ID}":
            return 404, {"error": {"message": "No Record found"}, "status": "failure"}
        if request.method == "PATCH":
            changes = request.json
            if note := changes.pop("work_notes", ""):
                self.work_notes.append(note)
            self.row |= changes
            return 200, {"result": {"sys_id": SYS_ID}}
        assert request.query["sysparm_display_value"] == "all"
        row = {**self.row, "work_notes": "\n\n".join(self.work_notes)}
        names = request.query["sysparm_fields"].split(",")
        return 200, {"result": {name: {"display_value": row[name], "value": row[name]} for name in names}}


@dataclass
class Jira:
    """REST API 3: comments as documents, edit metadata, edit with fields and label operations."""

    comments: list[dict[str, Any]] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=lambda: {"customfield_10050": None})
    labels: list[str] = field(default_factory=list)

    def answer(self, request: Request) -> Answer:  # noqa: PLR0911 - a route a branch
        if request.headers.get("authorization") != _basic("bot@example.com", "secret"):
            return 401, {"message": "Client must be authenticated to access this resource."}
        issue = "/rest/api/3/issue/SP-53"
        if request.path == f"{issue}/comment" and request.method == "GET":
            return 200, {"comments": self.comments, "total": len(self.comments), "startAt": 0}
        if request.path == f"{issue}/comment":
            assert request.json["body"]["type"] == "doc"
            assert request.json["properties"] == [{"key": "sd.public.comment", "value": {"internal": True}}]
            self.comments.append({"id": str(len(self.comments)), "body": request.json["body"]})
            return 201, self.comments[-1]
        if request.path == f"{issue}/editmeta":
            return 200, {"fields": {"customfield_10050": {"schema": {"type": "option"}}}}
        if request.path == issue and request.method == "GET":
            return 200, {"fields": {name: self.fields[name] for name in request.query["fields"].split(",")}}
        if request.path == issue and request.method == "PUT":
            self.fields |= request.json.get("fields", {})
            added = [one["add"] for one in request.json["update"]["labels"]]
            self.labels += [one for one in added if one not in self.labels]
            return 204, None
        return 404, {"errorMessages": ["Issue does not exist or you do not have permission to see it."]}


@dataclass
class Zammad:
    """Articles, tags and the ticket's group."""

    articles: list[dict[str, Any]] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    group: str = "Users"
    owner: str = "-"

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != "Token token=secret":
            return 401, {"error": "Invalid BasicAuth credentials"}
        if request.path == "/api/v1/ticket_articles/by_ticket/81":
            return 200, self.articles
        if request.path == "/api/v1/ticket_articles" and request.method == "POST":
            article = request.json
            assert (article["internal"], article["type"], article["ticket_id"]) == (True, "note", 81)
            self.articles.append(
                {**article, "body": article["body"].replace("\n", "<br>"), "content_type": "text/html"}
            )
            return 201, {"id": len(self.articles)}
        if request.path == "/api/v1/tags/add":
            assert (request.json["object"], request.json["o_id"]) == ("Ticket", 81)
            self.tags += [request.json["item"]] if request.json["item"] not in self.tags else []
            return 201, True
        if request.path == "/api/v1/tickets/81":
            if request.method == "PUT":
                self.group = request.json["group"]
            return 200, {"id": 81, "group": self.group, "owner": self.owner}
        return 404, {"error": "No such object"}


@dataclass
class Glpi:
    """apirest.php: a session by user token, follow-ups, groups."""

    followups: list[dict[str, Any]] = field(default_factory=list)
    actors: list[dict[str, Any]] = field(default_factory=list)
    people: list[dict[str, Any]] = field(default_factory=list)
    sessions: set[str] = field(default_factory=set)

    def answer(self, request: Request) -> Answer:  # noqa: C901, PLR0911 - a route a branch
        path = request.path.removeprefix("/apirest.php/")
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
        if path == "Ticket/7/ITILFollowup":
            return 200, self.followups
        if path == "ITILFollowup" and request.method == "POST":
            entry = request.json["input"]
            assert (entry["itemtype"], entry["items_id"], entry["is_private"]) == ("Ticket", 7, 1)
            self.followups.append(entry)
            return 201, {"id": len(self.followups), "message": ""}
        if path in ("Ticket/7/Group_Ticket", "Ticket/7/Ticket_User"):
            return 200, self.actors if path.endswith("Group_Ticket") else self.people
        if path == "Group":
            groups = [{"id": 4, "name": "Network Operations"}, {"id": 5, "name": "Network Operations 2"}]
            return 206, [one for one in groups if re.search(request.query["searchText[name]"], one["name"])]
        if path == "Group_Ticket" and request.method == "POST":
            self.actors.append(request.json["input"])
            return 201, {"id": 1, "message": ""}
        return 404, ["ERROR_ITEM_NOT_FOUND", "Item not found"]


@dataclass
class RequestTracker:
    """REST2: transactions, comments, and a ticket whose ETag refuses a change that was overtaken."""

    ticket: dict[str, Any] = field(
        default_factory=lambda: {"id": 7, "Queue": {"id": "1", "Name": "General"}, "Owner": {"id": "Nobody"}}
    )
    fields: dict[str, str] = field(default_factory=lambda: {"Category": ""})
    transactions: list[dict[str, Any]] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)

    def answer(self, request: Request) -> Answer:  # noqa: PLR0911 - a route a branch
        if request.headers.get("authorization") != "token secret":
            return 401, {"message": "Unauthorized"}
        path = request.path.removeprefix("/REST/2.0")
        if path == "/transactions":
            asked = re.search(r"ObjectId = (\d+) AND id > (\d+)", request.query["query"])
            items = self.transactions if asked[1] == "7" else []
            return 200, {"items": [item for item in items if int(item["id"]) > int(asked[2])]}
        if path == "/ticket/7/comment" and request.method == "POST":
            assert request.json["ContentType"] == "text/plain"
            self.comments.append(request.json["Content"])
            self._add("Comment", Data=f"{request.json['Subject']}\n")
            return 201, ["Comments added"]
        if path == "/ticket/7" and request.method == "PUT":
            if request.headers.get("if-match") != self._etag:
                return 412, {"message": "Precondition Failed"}
            if queue := request.json.get("Queue"):
                self.ticket["Queue"] = {"id": "3", "Name": queue}
                self._add("Set", Field="Queue")
            self.fields |= request.json.get("CustomFields", {})
            return 200, ["changed"]
        if path == "/ticket/7":
            fields = [{"name": name, "values": [value] if value else []} for name, value in self.fields.items()]
            return 200, {**self.ticket, "CustomFields": fields}, {"ETag": self._etag}
        return 404, {"message": "Not Found"}

    @property
    def _etag(self) -> str:
        return f'"{len(self.transactions)}"'

    def _add(self, kind: str, **values: str) -> None:
        entry = {"id": str(len(self.transactions) + 1), "Type": kind, "Field": "", "Data": "", **values}
        self.transactions.append(entry)
