"""Jira Cloud (REST API 3): an internal comment, labels, and custom fields that hold certified values."""

from __future__ import annotations

from typing import Any

import httpx

from api.integrations.payload import words
from api.integrations.settings import Jira
from api.integrations.writing.order import Order, call
from diagnosis.text.atlassian import document_text, text_document

# Jira Service Management's word for a comment that customers do not see.
_INTERNAL = [{"key": "sd.public.comment", "value": {"internal": True}}]
_FORMS = {"option": "value", "group": "name", "priority": "name", "user": "accountId"}


def write(client: httpx.Client, settings: Jira, order: Order) -> None:
    """Carry out one order."""
    issue = f"/rest/api/3/issue/{order.path}"
    comments = call(client, "GET", f"{issue}/comment", params={"orderBy": "-created", "maxResults": "100"})["comments"]
    if not any(order.marker in document_text(comment["body"]) for comment in comments):
        call(client, "POST", f"{issue}/comment", json={"body": text_document(order.note), "properties": _INTERNAL})
    theirs = {ours: name for name, ours in settings.fields.items() if ours in order.values}
    update: dict[str, Any] = {}
    if order.tags:
        update["update"] = {"labels": [{"add": tag} for tag in order.tags]}  # Jira adds a label once
    if theirs and (fields := _fields(client, issue, theirs, order)):
        update["fields"] = fields
    if update:
        call(client, "PUT", issue, json=update, params={"notifyUsers": "false"})


def _fields(client: httpx.Client, issue: str, theirs: dict[str, str], order: Order) -> dict[str, Any]:
    now = call(client, "GET", issue, params={"fields": ",".join(theirs.values())})["fields"]
    meta = call(client, "GET", f"{issue}/editmeta")["fields"]
    changes = {}
    for target, name in theirs.items():
        if name in meta and words(now.get(name)) == order.previous[target]:
            form = _FORMS.get(meta[name]["schema"]["type"])
            changes[name] = {form: order.values[target]} if form else order.values[target]
    return changes
