"""ActionService: actions are proposed, given an owner and a date, done or dropped; their results are kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from api.actions.schemas import ActionChange, ActionIn
from api.audit.service import AuditService
from diagnosis.actions import Action
from diagnosis.errors import InputError
from diagnosis.redact import Redactor
from diagnosis.store import Store
from diagnosis.times import utc_now

AHEAD = timedelta(days=1)  # of our clock, that today may be somewhere


class ActionService:
    """Adds and changes actions, each with its audit entry in one transaction.

    Parameters
    ----------
    store : Store
    redactor : Redactor
        Masks personal data in titles.
    audit : AuditService
    """

    def __init__(self, store: Store, redactor: Redactor, audit: AuditService) -> None:
        self._store = store
        self._redactor = redactor
        self._audit = audit

    def get(self, action: str) -> Action:
        """Return one action.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        """
        return self._store.actions.get(action)

    def all(self, source_kind: str = "", source: str = "", status: str = "", owner: str = "") -> list[Action]:
        """Return the actions of a source, status and owner, the newest first; an empty filter lets every one pass."""
        return self._store.actions.all(source_kind, source, status, owner)

    def page(self, limit: int, older_than: str | None, **filters: str) -> list[Action]:
        """Return up to `limit` actions older than an id, the newest first, whose columns have the values asked for."""
        return self._store.actions.page(limit, older_than, **filters)

    def add(self, actor: str, body: ActionIn) -> Action:
        """Store a new action.

        Raises
        ------
        InputError
            If it is done in the future.
        """
        values = self._values(body.model_dump())
        with self._store.transaction():
            action = self._store.actions.add(Action(**values), actor)
            self._audit.note(actor, "action.add", action.id, source_kind=action.source_kind, source=action.source)
        return action

    def change(self, actor: str, action: str, body: ActionChange) -> Action:
        """Change the fields that were sent.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        InputError
            If it is done in the future.
        """
        values = self._values(body.model_dump(exclude_unset=True))
        with self._store.transaction():
            earlier = self._store.actions.get(action)
            if earlier.done_at is not None and "done_at" not in body.model_fields_set:
                values.pop("done_at", None)
            changed = self._store.actions.change(action, **values)
            self._audit.note(actor, "action.change", action, fields=sorted(values), status=changed.status)
        return changed

    def _values(self, values: dict[str, Any]) -> dict[str, Any]:
        if "title" in values:
            values["title"] = self._redactor.redact(values["title"])
        if values.get("status") == "done" and values.get("done_at") is None:
            values["done_at"] = utc_now()
        if (done_at := values.get("done_at")) is not None and done_at > utc_now() + AHEAD:
            raise InputError(f"done_at: expected when it began to work, up to now; found {done_at:%Y-%m-%d}")
        return values
