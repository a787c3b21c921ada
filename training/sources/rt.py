"""Request Tracker 5: tickets over REST2 in order of id, each with what its transactions tell; articles of its classes.

https://docs.bestpractical.com/rt/5.0.3/RT/REST2.html
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from diagnosis.text.cleaning import clean
from training.sources.caller import Caller, Parameters
from training.sources.page import Cursor, Page, Query

REST = "/REST/2.0"
PAGE = 50  # tickets of one request
OURS = "Faultwise"  # what the subjects of our comments begin with
# States of RT's own lifecycles, and what sites call theirs, in which nothing is left to do.
INACTIVE = frozenset({"resolved", "rejected", "deleted", "closed", "done", "cancelled", "canceled", "已解决", "已关闭"})
_MOST = 100  # the most rows that REST2 answers at once
_FIELDS = (
    "Subject,Status,Type,Priority,Created,Started,Resolved,LastUpdated,TimeWorked,"
    "Queue,Owner,Creator,Requestor,CustomFields"
)
_NAMES = {"fields[Queue]": "Name", "fields[Owner]": "Name", "fields[Requestor]": "Name,EmailAddress,RealName"}
_TYPES = ("Create", "Correspond", "Comment", "Status", "Set")
_TOGETHER = 2.0  # s between a closing comment and the resolution that it came with

Transaction = dict[str, Any]


def pages(caller: Caller, query: Query, cursor: Cursor) -> Iterator[Page]:
    """Yield the tickets that match a search in TicketSQL, then those that were merged into others.

    A search shows neither merged nor deleted tickets: the merged are found by their transactions, the deleted stay
    out. Ids only grow, so that a page begins behind the last id and none is passed over.
    """
    if "merged" not in cursor:
        yield from _tickets(caller, query, int(cursor.get("id", 0)))
    yield from _merged(caller, query, int(cursor.get("merged", 0)))


def article_pages(caller: Caller, query: Query, cursor: Cursor) -> Iterator[Page]:  # noqa: ARG001 - as for tickets
    """Yield the articles of every class that the user may see, those that are disabled left out."""
    last = int(cursor.get("id", 0))
    while True:
        parameters: Parameters = {
            "query": json.dumps([{"field": "id", "operator": ">", "value": last}]),
            "orderby": "id",
            "per_page": PAGE,
            "fields": "Name,Summary,Class,Creator,CustomFields,Created,LastUpdated,Disabled",
            "fields[Class]": "Name",
        }
        content, _ = caller.get(f"{REST}/articles", parameters)
        items = content["items"]
        if not items:
            return
        last = max(int(item["id"]) for item in items)
        yield Page([item for item in items if str(item.get("Disabled")) != "1"], {"id": last}, content.get("total"))


def _tickets(caller: Caller, query: Query, last: int) -> Iterator[Page]:
    total: int | None = None
    conditions = [f"({query.filter})" if query.filter else "", _changed("LastUpdated", query)]
    own = [name for name in query.fields if not name.startswith("CF.")]
    while True:
        parameters: Parameters = {
            "query": " AND ".join([f"id > {last}", *filter(None, conditions)]),
            "orderby": "id",
            "order": "ASC",
            "per_page": PAGE,
            "fields": ",".join(dict.fromkeys((*_FIELDS.split(","), *own))),
            **_NAMES,
        }
        content, _ = caller.get(f"{REST}/tickets", parameters)
        tickets = content["items"]
        if not tickets:
            return
        total = content.get("total") if total is None else total  # of the first page; later ones count what is left
        ids = [int(ticket["id"]) for ticket in tickets]
        histories = _histories(caller, min(ids), max(ids))
        articles = _articles(caller, min(ids), max(ids))
        last = max(ids)
        lives = [Life.of(histories[number], _requestors(ticket)) for number, ticket in zip(ids, tickets, strict=True)]
        texts = _texts(caller, [entry for life in lives for entry in (life.create, life.answer) if entry is not None])
        records = [
            {**_record(ticket, life, texts), "Articles": articles.get(number, "")}
            for number, ticket, life in zip(ids, tickets, lives, strict=True)
        ]
        yield Page(records, {"id": last}, total)


def _merged(caller: Caller, query: Query, last: int) -> Iterator[Page]:
    if query.filter:  # what a merged ticket was is no longer searchable
        return
    conditions = ["Type = 'AddLink'", "Field = 'MergedInto'", _changed("Created", query)]
    for transactions in _transactions(caller, conditions, last):
        merges = [merge for merge in transactions if _id_in(merge["NewValue"]) not in (0, int(merge["ObjectId"]))]
        creations = {merge["ObjectId"]: _creation(caller, int(merge["ObjectId"])) for merge in merges}
        texts = _texts(caller, [create for create in creations.values() if create is not None])
        records = [
            _merged_record(merge, create, texts)
            for merge in merges
            if (create := creations[merge["ObjectId"]]) is not None
        ]
        yield Page(records, {"merged": int(transactions[-1]["id"])})


def _creation(caller: Caller, ticket: int) -> Transaction | None:
    return next((entry for entry in _histories(caller, ticket, ticket)[ticket] if entry["Type"] == "Create"), None)


def _merged_record(merge: Transaction, create: Transaction, texts: Texts) -> dict[str, Any]:
    """Return a ticket that was merged away as it was first written, closed when it was merged."""
    text = texts[str(create["id"])]
    return {
        "type": "ticket",
        "_url": "",
        "id": merge["ObjectId"],
        "Subject": text.subject,
        "Content": text.content,
        "Status": "merged",
        "Created": create["Created"],
        "Resolved": merge["Created"],
        "Closed": merge["Created"],
        "CreatorName": create["Creator"]["id"],
        "CloseCode": "merged",
        "MergedInto": str(_id_in(merge["NewValue"])),
    }


def _changed(name: str, query: Query) -> str:
    """Return the condition of later imports; a time without UTC would be one of the user's zone."""
    return f"{name} >= '{query.since[:19].replace('T', ' ')} UTC'" if query.since else ""


def _transactions(caller: Caller, conditions: Sequence[str], last: int = 0) -> Iterator[list[Transaction]]:
    """Yield the transactions of tickets that match, in order of id, a page at a time."""
    while True:
        parts = ["ObjectType = 'RT::Ticket'", f"id > {last}", *filter(None, conditions)]
        parameters: Parameters = {
            "query": " AND ".join(parts),
            "orderby": "id",
            "order": "ASC",
            "per_page": _MOST,
            "fields": "Type,Field,OldValue,NewValue,Data,ObjectId,Created,Creator",
        }
        items: list[Transaction] = caller.get(f"{REST}/transactions", parameters)[0]["items"]
        if not items:
            return
        items.sort(key=lambda item: int(item["id"]))
        last = int(items[-1]["id"])
        yield items


def _histories(caller: Caller, first: int, last: int) -> defaultdict[int, list[Transaction]]:
    """Return the transactions that tell of a ticket's life, by ticket, for a range of ids."""
    types = " OR ".join(f"Type = '{name}'" for name in _TYPES)
    histories: defaultdict[int, list[Transaction]] = defaultdict(list)
    for page in _transactions(caller, [f"ObjectId >= {first}", f"ObjectId <= {last}", f"({types})"]):
        for entry in page:
            histories[int(entry["ObjectId"])].append(entry)
    return histories


def _requestors(ticket: Mapping[str, Any]) -> set[str]:
    return {person.get("Name") or person.get("id") for person in ticket.get("Requestor") or ()}


def _record(ticket: dict[str, Any], life: Life, texts: Texts) -> dict[str, Any]:
    """Return a ticket with what its transactions tell."""
    record = {**ticket, **life.columns, "CreatorName": ticket["Creator"].get("id")}
    if life.create is not None:
        record["Content"] = texts[str(life.create["id"])].content
    if life.is_open or (ticket["Status"] not in INACTIVE and life.reopened_after(ticket["Resolved"])):
        record["Resolved"] = None
    elif life.answer is not None:
        record["Resolution"] = clean(texts[str(life.answer["id"])].content)
    if ticket["Status"] == "rejected":
        record["CloseCode"] = "rejected"
    return record


def _articles(caller: Caller, first: int, last: int) -> dict[int, str]:
    """Return the article that each ticket of a range of ids refers to, as RT writes a link to it.

    Links that a ticket was made with leave no transaction, and searches do not show them: only those tickets that
    have some are looked at alone.
    """
    articles: dict[int, str] = {}
    sql = f"id >= {first} AND id <= {last} AND RefersTo IS NOT NULL"
    parameters: Parameters = {"query": sql, "per_page": _MOST, "fields": "Status", "orderby": "id"}
    for item in caller.get(f"{REST}/tickets", parameters)[0]["items"]:
        ticket, _ = caller.get(f"{REST}/ticket/{item['id']}")
        links = [
            f"a:{link['id']}"
            for link in ticket.get("_hyperlinks", ())
            if (link.get("ref"), link.get("type")) == ("refers-to", "article")
        ]
        if links:
            articles[int(item["id"])] = links[-1]
    return articles


@dataclass(frozen=True, slots=True)
class Life:
    """What the transactions of a ticket tell of it.

    Attributes
    ----------
    columns : dict of str to any
        First response, reopenings, minutes stalled and moves between queues.
    create : dict or None
        What the ticket was created with.
    answer : dict or None
        The correspondence or comment that is nearest to a resolution.
    is_open : bool
        Whether its last change of status reopened it.
    last_change : str
        When its status last changed, ``""`` for never.
    """

    columns: dict[str, Any]
    create: Transaction | None
    answer: Transaction | None
    is_open: bool
    last_change: str

    @classmethod
    def of(cls, history: Sequence[Transaction], requestors: set[str]) -> Life:
        """Read a history in order of its ids."""
        staff = [
            entry
            for entry in history
            if entry["Type"] in ("Correspond", "Comment")
            and entry["Creator"]["id"] not in requestors
            and not str(entry.get("Data") or "").startswith(OURS)
        ]
        statuses = [entry for entry in history if entry["Type"] == "Status"]
        reopenings = [e for e in statuses if e["OldValue"] in INACTIVE and e["NewValue"] not in INACTIVE]
        first = next((entry for entry in staff if entry["Type"] == "Correspond"), None)
        columns = {
            "FirstResponse": first["Created"] if first else None,
            "StalledMinutes": _stalled(statuses),
            "QueueChanges": sum(entry["Type"] == "Set" and entry["Field"] == "Queue" for entry in history),
            "ReopenCount": len(reopenings),
            "Reopened": reopenings[-1]["Created"] if reopenings else None,
        }
        last = statuses[-1] if statuses else None
        is_open = last is not None and last["NewValue"] not in INACTIVE and last["OldValue"] in INACTIVE
        create = next((entry for entry in history if entry["Type"] == "Create"), None)
        return cls(columns, create, _answer(staff, statuses), is_open, last["Created"] if last else "")

    def reopened_after(self, resolved: str) -> bool:
        """Return whether the status changed after a resolution, to one that is not known to be inactive."""
        return bool(self.last_change and resolved and self.last_change[:19] > resolved[:19])


def _answer(staff: Sequence[Transaction], statuses: Sequence[Transaction]) -> Transaction | None:
    """Return what came with the resolution, else the last answer to the requestor before it, else the last comment."""
    resolution = next((entry for entry in reversed(statuses) if entry["NewValue"] in INACTIVE), None)
    if resolution is None:
        return None
    earlier = [entry for entry in staff if int(entry["id"]) < int(resolution["id"])]
    if earlier and _seconds(earlier[-1]["Created"], resolution["Created"]) <= _TOGETHER:
        return earlier[-1]
    # A resolution may be explained right after it.
    later = [entry for entry in staff if int(entry["id"]) > int(resolution["id"])]
    if later and _seconds(resolution["Created"], later[0]["Created"]) <= _TOGETHER:
        return later[0]
    answers = [entry for entry in earlier if entry["Type"] == "Correspond"] or earlier
    return answers[-1] if answers else None


def _stalled(statuses: Sequence[Transaction]) -> int:
    """Return the minutes that a ticket was stalled and is no more."""
    seconds, since = 0.0, ""
    for entry in statuses:
        if since and entry["OldValue"] == "stalled":
            seconds += _seconds(since, entry["Created"])
        since = entry["Created"] if entry["NewValue"] == "stalled" else ""
    return round(seconds / 60)


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def _id_in(link: object) -> int:
    match = re.search(r"ticket/(\d+)$", str(link or ""))
    return int(match[1]) if match else 0


@dataclass(frozen=True, slots=True)
class Text:
    """The words of a transaction."""

    subject: str
    content: str


Texts = Mapping[str, Text]  # by the id of a transaction


def _texts(caller: Caller, transactions: Sequence[Transaction]) -> Texts:
    """Return what each transaction says: its plain text, else its HTML; files that came with it are no words."""
    ids = sorted({int(transaction["id"]) for transaction in transactions})
    parts: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for start in range(0, len(ids), _MOST):
        for part in _parts(caller, ids[start : start + _MOST]):
            parts[str(_plain_id(part["TransactionId"]))].append(part)
    return {str(number): _text(parts[str(number)]) for number in ids}


def _parts(caller: Caller, transactions: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Yield the parts of what transactions say, in order of id; no file is fetched with them."""
    last = 0
    while True:
        conditions = [
            {"field": "TransactionId", "operator": "IN", "value": transactions},
            *({"field": "ContentType", "operator": "LIKE", "value": kind, "entry_aggregator": "OR"} for kind in _KINDS),
            {"field": "Filename", "operator": "IS", "value": "NULL"},
            {"field": "id", "operator": ">", "value": last},
        ]
        parameters: Parameters = {
            "query": json.dumps(conditions),
            "orderby": "id",
            "per_page": _MOST,
            "fields": "TransactionId,ContentType,Filename,Content,Subject",
        }
        items = caller.get(f"{REST}/attachments", parameters)[0]["items"]
        if not items:
            return
        last = max(int(item["id"]) for item in items)
        yield from items


def _plain_id(value: object) -> int:
    """Return an id that REST2 answers as it is, or as an object that links to its record."""
    return int(value["id"] if isinstance(value, Mapping) else str(value))


def _text(parts: Sequence[Mapping[str, Any]]) -> Text:
    words = [part for part in parts if not part.get("Filename") and part.get("Content")]
    by_type = {kind: [part for part in words if part["ContentType"].startswith(kind)] for kind in _WORDS}
    chosen = next((by_type[kind][0] for kind in _WORDS if by_type[kind]), None)
    subject = next((part["Subject"] for part in parts if part.get("Subject")), "")
    return Text(str(subject).strip(), str(chosen["Content"]) if chosen else "")


_WORDS = ("text/plain", "text/html")
_KINDS = ("text/%", "multipart/%")  # of a mail of several parts the whole has the subject
