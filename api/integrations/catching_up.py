"""CatchUp: what a system's webhooks did not bring is read over its REST API, diagnosed and written back.

A webhook that fails is seldom sent again, and none comes while we are stopped. So what changed since the last look is
read now and then, by the same pages and the same table as an import.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from fastapi.exceptions import RequestValidationError
from ulid import ULID

from api.integrations.jira import is_own_record
from api.integrations.report import Report, report_of_ticket
from api.integrations.rt import is_in_queue
from api.integrations.service import IntegrationService
from api.integrations.settings import Glpi, Integrations, Jira, RequestTracker, System, Zammad
from api.integrations.zammad import is_in_group
from api.outgoing.addresses import checked_client
from diagnosis.background import BackgroundLoop
from diagnosis.errors import FaultwiseError, InputError
from diagnosis.store import Store
from diagnosis.times import utc_now
from training.sources.caller import Caller
from training.sources.credentials import Credentials, authorization
from training.sources.own_fields import own_fields
from training.sources.page import Page, Query
from training.sources.pull import Pull, pages_of

log = logging.getLogger(__name__)

FIRST = timedelta(days=1)  # how far back the first look goes
_MARGIN = timedelta(minutes=15)  # clocks differ, and what came a moment ago is left to its webhook
_ZONED = {"jira", "glpi"}  # compare times in the zone of their user or server
_ZONED_MARGIN = timedelta(days=1)
_HOLD = 300.0  # s; longer than a page lasts
_TIMEOUT = 20.0  # s of one request
_KEYS = {"servicenow": "sys_id", "jira": "key", "zammad": "id", "glpi": "ID", "rt": "id"}


class CatchUp:
    """Looks now and then at each system that has `sync_minutes` set, in a thread of its own; one replica at a time.

    Parameters
    ----------
    store : Store
    integrations : IntegrationService
    settings : Integrations
    allow_private : bool
        Whether private addresses may be called.
    """

    def __init__(
        self, store: Store, integrations: IntegrationService, settings: Integrations, allow_private: bool
    ) -> None:
        self._store = store
        self._integrations = integrations
        self._allow_private = allow_private
        self._id = str(ULID())
        self._started_at = utc_now()
        self._systems: dict[str, System] = {
            name: getattr(settings, name) for name in _KEYS if getattr(settings, name).sync_minutes
        }
        self._loops = {
            name: BackgroundLoop(f"catch-up-{name}", partial(self._turn, name), system.sync_minutes * 60)
            for name, system in self._systems.items()
        }

    def start(self) -> None:
        """Begin, at once: something may have come while nobody listened."""
        for loop in self._loops.values():
            loop.start()
            loop.wake()

    def stop(self) -> None:
        """End; a look that is broken off begins anew."""
        for loop in self._loops.values():
            loop.stop()

    def _turn(self, system: str) -> None:
        name = f"catch-up-{system}"
        if not self._store.watch_states.hold(name, self._id, _HOLD):
            return
        try:
            previous, began = self._previous(name), utc_now()
            if previous.get("by", self._id) != self._id and began - _time(previous) < self._pause(system) / 2:
                return  # another replica has just looked
            since = _time(previous) - _margin(system) if previous else began - FIRST
            if self._look(system, name, since):
                state = {"began": began.isoformat(), "by": self._id}
                self._store.watch_states.save(name, self._id, 0, json.dumps(state).encode())
        except FaultwiseError as error:  # it is away, or refuses us: the next look begins where this one did
            log.warning("%s could not be read: %s", system, error)
        finally:
            self._store.watch_states.let_go(name, self._id)

    def _look(self, system: str, name: str, since: datetime) -> bool:
        """Read what changed; return whether all of it was read."""
        settings, loop, rows, missed = self._systems[system], self._loops[system], 0, 0
        request = Pull(system, _credentials(settings))
        query = Query(
            "", since.astimezone(UTC).isoformat(timespec="seconds"), tuple(own_fields(system, settings.fields))
        )
        header = authorization(system, settings.user, settings.token.get_secret_value())
        http = checked_client(self._allow_private, _TIMEOUT)
        with Caller(settings.url, header, wait=loop.pause, http=http) as caller:
            for known_to, page in self._pages(pages_of(request)(caller, query, {})):
                if loop.is_stopping or not self._store.watch_states.hold(name, self._id, _HOLD):
                    return False
                reports = self._reports(system, page)
                missed += self._integrations.catch_up(system, reports, since, self._started_at, known_to)
                rows += len(reports)
        if missed:
            log.info("caught up", extra={"fields": {"system": system, "read": rows, "missed": missed}})
        return True

    def _pages(self, pages: Iterator[Page]) -> Iterator[tuple[int, Page]]:
        """Return each page, and the latest change of the store before it was read."""
        while True:
            known_to = self._store.changes.last()
            page = next(pages, None)
            if page is None:
                return
            yield known_to, page

    def _reports(self, system: str, page: Page) -> list[Report]:
        """Return the incidents of a page; one that cannot be read ends no look, which would begin with it again."""
        settings, reports, refused = self._systems[system], [], 0
        for record in page.records:
            try:
                if _is_incident(settings, record):
                    reports.append(_report(system, settings, record))
            except (RequestValidationError, InputError):  # what is wrong with it may be what a person wrote
                refused += 1
        if refused:
            log.warning("records that cannot be read", extra={"fields": {"system": system, "refused": refused}})
        return reports

    def _previous(self, name: str) -> dict[str, str]:
        saved = self._store.watch_states.load(name)
        state: dict[str, str] = json.loads(saved[2]) if saved else {}
        return state

    def _pause(self, system: str) -> timedelta:
        return timedelta(minutes=self._systems[system].sync_minutes)


def _time(state: dict[str, str]) -> datetime:
    return datetime.fromisoformat(state["began"])


def _margin(system: str) -> timedelta:
    return _ZONED_MARGIN if system in _ZONED else _MARGIN


def _credentials(settings: System) -> Credentials:
    app_token = settings.app_token.get_secret_value() if isinstance(settings, Glpi) else ""
    return Credentials(settings.url, settings.user, settings.token.get_secret_value(), app_token)


def _is_incident(settings: System, record: dict[str, Any]) -> bool:
    if isinstance(settings, RequestTracker):
        return not is_in_queue(record, (settings.problem_queue, settings.action_queue))
    if isinstance(settings, Jira):
        return not is_own_record(record.get("fields") or {}, settings.tags)
    return not (isinstance(settings, Zammad) and is_in_group(record, settings.action_group))


def _report(system: str, settings: System, record: dict[str, Any]) -> Report:
    key = record[_KEYS[system]]
    key = str(key["value"] if isinstance(key, dict) else key)
    if system == "glpi":
        record = {**record, "id": key}
    return report_of_ticket(system, record, key, own_fields(system, settings.fields))
