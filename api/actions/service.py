"""ActionService: actions are proposed, owned, done or dropped, and written to a system; their results are kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from api.actions.external_records import ExternalRecord, action_call, action_key, external_record
from api.actions.schemas import ActionChange, ActionIn
from api.audit.service import AuditService
from api.webhooks.events import Events
from diagnosis.actions import Action
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.redact import Redactor
from diagnosis.redact.records import mask_code, mask_value
from diagnosis.store import Store
from diagnosis.store.database import ConflictError
from diagnosis.times import utc_now

_WORDS = ("title", "evidence", "expected_effect")
_CODES = ("owner", "source")
_LONGEST_CODE = 255
AHEAD = timedelta(days=1)  # of our clock, that today may be somewhere


class ActionService:
    """Adds and changes actions, each with its audit entry in one transaction.

    Parameters
    ----------
    store : Store
    redactor : Redactor
        Masks personal data in titles, owners, sources, evidence and effects.
    events : Events
        Wakes what writes to connected systems.
    audit : AuditService
    systems : sequence of str
        Connected systems that may be written to.
    """

    def __init__(
        self, store: Store, redactor: Redactor, events: Events, audit: AuditService, systems: Sequence[str] = ()
    ) -> None:
        self._store = store
        self._redactor = redactor
        self._events = events
        self._audit = audit
        self.systems = tuple(systems)

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
        return self._store.actions.all(source_kind, self._code(source), status, self._code(owner))

    def page(self, limit: int, older_than: str | None, **filters: str) -> list[Action]:
        """Return up to `limit` actions older than an id, the newest first, whose columns have the values asked for."""
        codes = {name: self._code(filters[name]) for name in _CODES if name in filters}
        return self._store.actions.page(limit, older_than, **filters | codes)

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
            if "done_at" not in body.model_fields_set:
                if earlier.done_at is not None and values.get("status") == "done":
                    values.pop("done_at", None)
                elif values.get("status") in ("proposed", "open") and earlier.status != values["status"]:
                    values |= {"done_at": None, "result": None}  # what is done anew is judged from then on
            changed = self._store.actions.change(action, **values)
            self._audit.note(actor, "action.change", action, fields=sorted(values), status=changed.status)
        return changed

    def external_record(self, action: Action) -> ExternalRecord | None:
        """Return what a connected system made of an action, or is to make; None where nobody asked for it."""
        if action.record is None:
            return None
        return external_record(self._store.outbox, action.record, action_key(action.record["system"], action.id))

    def write_record(self, actor: str, action: str, system: str, language: str) -> Action:
        """Have a connected system make a record of an open action, once.

        Parameters
        ----------
        language : str
            Of the record's text, beside the action's own title.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        InputError
            If nothing may be written to the system, or the action is not open.
        ConflictError
            If a record of it is there already, or being made; one that was given up may be asked for anew.
        """
        if system not in self.systems:
            raise InputError(no_write_back(self.systems, system))
        with self._store.transaction():
            earlier = self._store.actions.get(action)
            if earlier.status != "open":
                raise InputError(Phrase("action_not_open", {"status": earlier.status}))
            record = self.external_record(earlier)
            if record is not None and record.state != "failed":
                raise ConflictError(Phrase("action_has_record", {"action": action, "system": record.system}))
            changed = self._store.actions.change(action, record={"system": system, "number": None})
            previous = self._store.outbox.newest(action_key(system, action))
            call = action_call(system, changed, "" if previous is None else previous.id, language)
            if not self._store.outbox.add([call]):  # somebody else asked for it in the same moment
                raise ConflictError(Phrase("action_has_record", {"action": action, "system": system}))
            self._audit.note(actor, "action.record", action, system=system)
        self._events.outbox_changed()
        return changed

    def record_made(self, action: str, system: str, number: str) -> None:
        """Keep the number of the record that a system made of an action."""
        self._store.actions.change(action, record={"system": system, "number": number})

    def _code(self, value: str) -> str:
        """Return an owner or a source as it is stored: a name stays, a mail address is masked as a caller's is."""
        return mask_code(value, self._redactor)[:_LONGEST_CODE]

    def _values(self, values: dict[str, Any]) -> dict[str, Any]:
        masked = {name: mask_value(values[name], self._redactor) for name in _WORDS if name in values}
        codes = {name: self._code(values[name]) for name in _CODES if name in values}
        values |= masked | codes
        if values.get("status") == "done" and values.get("done_at") is None:
            values["done_at"] = utc_now()
        if (done_at := values.get("done_at")) is not None and done_at > utc_now() + AHEAD:
            raise InputError(Phrase("action_done_later", {"day": f"{done_at:%Y-%m-%d}"}))
        return values


def no_write_back(systems: Iterable[str], system: str) -> Phrase:
    """Return that nothing may be written to a system, and to which something may."""
    allowed = tuple(systems) or Phrase("none_of_the_systems")
    return Phrase("system_without_write_back", {"systems": allowed, "value": system})
