"""Changes, alerts, the service map and planned work from files into the store."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from diagnosis.phrases import Phrase
from diagnosis.redact import Redactor
from diagnosis.redact.records import mask_change, mask_code
from diagnosis.store import Store
from diagnosis.store.monitoring import StoredAlert, StoredChange, StoredWindow
from diagnosis.times import from_seconds, utc_now
from training.records.changes import is_cancelled
from training.records.monitoring_files import read_alerts, read_change_rows, read_maintenance, read_service_map
from training.records.stream import ImportCounts

_CHUNK = 1_000
_ACTOR = "import"
_BEGINNINGS = ("started_at", "opened_at")


def import_monitoring(
    store: Store,
    redactor: Redactor,
    changes: Path | None,
    alerts: Path | None,
    service_map: Path | None,
    maintenance: Path | None,
) -> dict[str, ImportCounts]:
    """Read the files that there are into the store, and return the counts by kind.

    A change and an alert replace the one of the same number or id; the service map replaces the one there was; windows
    of planned work are added, and one that is there already is not added again.

    Parameters
    ----------
    redactor : Redactor
        Takes personal data out of texts.
    """
    counts: dict[str, ImportCounts] = {}
    if changes:
        counts["changes"] = _changes(store, redactor, changes)
    if alerts:
        counts["alerts"] = _alerts(store, redactor, alerts)
    if service_map:
        needs = read_service_map(service_map).needs
        pairs = [(item, needed) for item, of_item in needs.items() for needed in of_item]
        items = {name: mask_code(name, redactor) for pair in pairs for name in pair}
        links = store.service_links.replace((items[item], items[needed], "") for item, needed in pairs)
        counts["service map links"] = ImportCounts(links, links)
    if maintenance:
        counts["maintenance windows"] = _maintenance(store, maintenance)
    return counts


def _changes(store: Store, redactor: Redactor, path: Path) -> ImportCounts:
    notes: list[Phrase] = []
    stored = [
        stored_change(mask_change(row, redactor), at.to_pydatetime())
        for row, at in read_change_rows(path, notes.append)
    ]
    for start in range(0, len(stored), _CHUNK):
        store.change_records.put(stored[start : start + _CHUNK])
    return ImportCounts(len(stored), len(stored), notes=tuple(notes))


def stored_change(body: Mapping[str, str], at: datetime | None = None) -> StoredChange:
    """Return a change in the fields of the import format as the store holds it; a cancelled one happened never.

    Parameters
    ----------
    at : datetime, optional
        When it started, else was opened; without it the times of the change itself count, which name their zone.
    """
    moment = at or next((datetime.fromisoformat(body[name]) for name in _BEGINNINGS if body.get(name)), None)
    return StoredChange(
        body["number"][:255],
        None if is_cancelled(body.get("state", "")) else moment,
        body.get("cmdb_ci", "")[:255],
        body.get("service", "")[:255],
        utc_now(),
        body,
    )


def _alerts(store: Store, redactor: Redactor, path: Path) -> ImportCounts:
    notes: list[Phrase] = []
    alerts = sorted(read_alerts(path, notes.append), key=lambda alert: alert.at)
    mask = lru_cache(maxsize=1_000)(redactor.redact)  # a storm says the same a million times

    @lru_cache(maxsize=1_000)
    def code(text: str) -> str:
        return mask_code(text, redactor)[:255]

    for start in range(0, len(alerts), _CHUNK):
        store.alerts.put(
            [
                StoredAlert(
                    alert.id[:255],
                    datetime.fromtimestamp(alert.at, UTC),
                    None if alert.over is None else datetime.fromtimestamp(alert.over, UTC),
                    code(alert.name),
                    code(alert.cmdb_ci),
                    code(alert.service),
                    body={"description": mask(alert.description)},
                )
                for alert in alerts[start : start + _CHUNK]
            ]
        )
    return ImportCounts(len(alerts), len(alerts), notes=tuple(notes))


def _maintenance(store: Store, path: Path) -> ImportCounts:
    windows = read_maintenance(path)
    present_windows = {
        (w.starts_at, w.ends_at, tuple(sorted(w.scope.items()))) for w in store.maintenance.since(_LONG_AGO)
    }
    for window in windows:
        start, end = (from_seconds(moment) for moment in (window.start, window.end))
        if (start, end, tuple(sorted(window.scope.items()))) not in present_windows:
            store.maintenance.add(StoredWindow(start, end, window.scope, window.note), _ACTOR)
    return ImportCounts(len(windows), len(windows))


_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
