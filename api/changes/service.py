"""ChangeService: changes are stored, and held against the incidents that came after them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from api.audit.service import AuditService
from api.changes.schemas import ChangeEffectOut, ChangeIn, ChangeOut
from api.serving import Serving
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase, in_words
from diagnosis.recurrence.beginning import beginning_of
from diagnosis.redact import Redactor
from diagnosis.redact.records import mask_change, mask_code
from diagnosis.store import Store
from diagnosis.store.monitoring import StoredChange
from diagnosis.surges.change_effect import DAY, ChangeEffect, change_effect
from diagnosis.times import days_of, format_utc, parse_utc, utc_now
from training.records.changes import is_cancelled

DAYS = 365
MOST_RECENT = 50
_LANGUAGES = ("en", "zh")
_NONE: npt.NDArray[np.float64] = np.empty(0)
_TIMES = ("opened_at", "started_at", "ended_at")
_SHOWN = ("cmdb_ci", "service", "short_description")


@dataclass(frozen=True, slots=True)
class ItemChanges:
    """How the changes of an item or service bear on its incidents, and the latest of them."""

    effect: ChangeEffect
    latest: Sequence[StoredChange]


class ChangeService:
    """Changes by number; personal data is masked before they are stored.

    Parameters
    ----------
    store : Store
    serving : Serving
        Its history holds the incidents.
    redactor : Redactor
    audit : AuditService
    """

    def __init__(self, store: Store, serving: Serving, redactor: Redactor, audit: AuditService) -> None:
        self._store = store
        self._serving = serving
        self._redactor = redactor
        self._audit = audit

    def upsert(self, actor: str, changes: Sequence[ChangeIn]) -> None:
        """Insert or replace changes that somebody sent."""
        with self._store.transaction():
            self._store.change_records.put([self._stored(change) for change in changes])
            self._audit.note(actor, "changes.upsert", "changes", stored=len(changes))

    def take_in(self, changes: Sequence[ChangeIn]) -> None:
        """Insert or replace changes that a connected system reported; its own log says who changed them."""
        self._store.change_records.put([self._stored(change) for change in changes])

    def delete(self, actor: str, number: str) -> None:
        """Delete a change.

        Raises
        ------
        RecordNotFoundError
            If there is none of that number.
        """
        with self._store.transaction():
            self._store.change_records.delete(number)
            self._audit.note(actor, "changes.delete", number)

    def get(self, number: str) -> StoredChange:
        """Return one change.

        Raises
        ------
        RecordNotFoundError
            If there is none of that number.
        """
        return self._store.change_records.get(number)

    def page(self, limit: int, after: str | None = None) -> list[StoredChange]:
        """Return up to `limit` changes in order of number, those after the given number."""
        return self._store.change_records.page(limit, after)

    def of_item(self, cmdb_ci: str, service: str, moment: datetime | None = None, days: int = DAYS) -> ItemChanges:
        """Return how changes bear on the incidents of an item, else of a service, up to a moment."""
        end = moment or utc_now()
        start = end - timedelta(days=days)
        changes = self._store.change_records.on(
            [cmdb_ci] if cmdb_ci else [], [service] if service and not cmdb_ci else [], start, end
        )
        dated = [change.at for change in changes if change.at is not None]
        incidents, others = self._incidents(cmdb_ci, service) if dated else (_NONE, _NONE)
        # Before the first ones nothing is known that could have followed a change.
        times = np.sort(np.concatenate([incidents, others])) / DAY
        first = beginning_of(times, end.timestamp() / DAY) * DAY if len(times) else end.timestamp()
        begin = max(start.timestamp(), first)
        began = [at.timestamp() for at in dated if at.timestamp() >= begin]
        effect = change_effect(incidents.tolist(), began, begin, end.timestamp(), others)
        day_ago = end.timestamp() - DAY
        return ItemChanges(effect, [change for change in changes if change.at and change.at.timestamp() > day_ago])

    def statement(self, cmdb_ci: str, service: str) -> Phrase | None:
        """Return in words how incidents of an item, else of a service, follow its changes; None where none is shown."""
        effect = self.of_item(cmdb_ci, service).effect
        return effect.statement() if effect.verdict in ("more", "less") else None

    def before(self, cmdb_ci: str, service: str, opened_at: str) -> list[StoredChange]:
        """Return the changes of an item, else of a service, in the 24 hours before a time, the latest first."""
        end = parse_utc(opened_at)
        items, services = ([cmdb_ci], []) if cmdb_ci else ([], [service])
        return self._store.change_records.on(items, services, end - timedelta(seconds=DAY), end, MOST_RECENT)

    def effect(self, cmdb_ci: str, service: str, days: int) -> ChangeEffectOut:
        """Return how often incidents of an item or a service follow its changes, in figures and words.

        Raises
        ------
        InputError
            If neither is named, or both.
        """
        if bool(cmdb_ci) == bool(service):
            raise InputError(Phrase("item_or_service"))
        # Changes and incidents are stored under their masks; who asks knows the item by its name.
        item, of_service = (mask_code(name, self._redactor) for name in (cmdb_ci, service))
        on_item = self.of_item(item, of_service, days=days)
        effect = on_item.effect
        interval = None
        if effect.interval is not None:
            interval = [round(bound, 2) for bound in effect.interval if math.isfinite(bound)]
        statement = effect.statement()
        is_known = effect.ratio is not None and math.isfinite(effect.ratio)
        return ChangeEffectOut(
            cmdb_ci=cmdb_ci,
            service=service,
            days=days,
            changes=effect.changes,
            last_24_hours=effect.recent,
            episodes=effect.episodes,
            after_a_change=effect.after,
            ratio=round(effect.ratio, 2) if is_known and effect.ratio is not None else None,
            interval=interval if interval and len(interval) == 2 else None,
            verdict=effect.verdict,
            statement={language: in_words(statement, language) for language in _LANGUAGES},
            latest=[change_out(change) for change in on_item.latest],
        )

    def _incidents(self, cmdb_ci: str, service: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return when incidents of an item or service came, and when the others did, in seconds since 1970."""
        field, value = ("cmdb_ci", cmdb_ci) if cmdb_ci else ("service", service)
        frame = self._serving.incidents(("number", "opened_at", "type", field))
        frame = frame[frame["opened_at"].notna() & (frame["type"] != "request")]
        moments = days_of(frame["opened_at"]) * DAY
        is_here = (frame[field] == value).to_numpy(dtype=bool)
        return moments[is_here], moments[~is_here]

    def _stored(self, change: ChangeIn) -> StoredChange:
        fields = {k: v for k, v in change.model_dump(mode="json").items() if v not in ("", None)}
        body = mask_change(fields, self._redactor)
        at = None if is_cancelled(change.state) else change.started_at or change.opened_at
        item, service = (str(body.get(name, ""))[:255] for name in ("cmdb_ci", "service"))
        return StoredChange(change.number, at, item, service, utc_now(), body)


def change_out(change: StoredChange) -> ChangeOut:
    """Return a change as it is shown."""
    values = {
        **{name: change.body.get(name) for name in _TIMES},
        **{name: change.body.get(name, "") for name in _SHOWN},
    }
    return ChangeOut(**{**change.body, **values, "number": change.number, "updated_at": format_utc(change.updated_at)})
