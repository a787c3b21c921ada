"""Arrangements: records of systems that nest what their tables read, with people, groups and fields as columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Record = Mapping[str, Any]

# Whom GLPI's high-level API lists as a team: the role and kind of a member, and what its search calls such a column.
_TEAM = (
    ("requester", "User", "Requester"),
    ("assigned", "Group", "Technician group"),
    ("assigned", "User", "Technician"),
)


def as_record(record: Record) -> Record:
    """Return a record as its system's table reads it; one of another form comes back as it is.

    A team as GLPI's high-level API lists it, and people, queue and custom fields as Request Tracker's REST2 nests them.
    """
    if isinstance(record.get("team"), list):
        return _glpi(record)
    if record.get("type") in ("ticket", "article") and ("_url" in record or "CustomFields" in record):
        return _request_tracker(record)
    return record


def _glpi(record: Record) -> Record:
    members = [member for member in record["team"] if isinstance(member, Mapping)]
    if not any("role" in member for member in members):
        return record
    arranged = {name: value for name, value in record.items() if name != "team"}
    for role, kind, name in _TEAM:
        names = [
            member.get("display_name") or member.get("name") or ""
            for member in members
            if member.get("role") == role and member.get("type") == kind
        ]
        if names:
            arranged[name] = names[0]
    return arranged


def _request_tracker(record: Record) -> Record:
    arranged = {name: value for name, value in record.items() if name not in ("CustomFields", "_hyperlinks", "_url")}
    for name in ("Queue", "Owner", "Creator", "Class"):
        if isinstance(value := record.get(name), Mapping):
            arranged[name] = value.get("Name") or value.get("id")
    people = record.get("Requestor")
    if isinstance(people, list):
        arranged["RequestorName"] = "; ".join(filter(None, map(_person, people[:1])))
        arranged.pop("Requestor")
    fields = record.get("CustomFields")
    for field in fields if isinstance(fields, list) else ():
        if isinstance(field, Mapping) and field.get("name"):
            arranged[f"CF.{{{field['name']}}}"] = field.get("values")
    if record["type"] == "article" and record.get("id"):
        arranged["ArticleId"] = f"a:{record['id']}"  # as RT writes a link to it; a ticket has its number too
    else:
        arranged.setdefault("Articles", _articles(record))
    arranged.pop("type")  # says that it is a ticket, not of which kind
    return arranged


def _person(person: object) -> str:
    if not isinstance(person, Mapping):
        return str(person or "")
    return str(next((person[name] for name in ("RealName", "EmailAddress", "Name", "id") if person.get(name)), ""))


def _articles(record: Record) -> str:
    """Return the first article that a ticket refers to."""
    links = record.get("_hyperlinks")
    numbers = [
        f"a:{link['id']}"
        for link in (links if isinstance(links, list) else ())
        if isinstance(link, Mapping) and (link.get("ref"), link.get("type")) == ("refers-to", "article")
    ]
    return numbers[0] if numbers else ""
