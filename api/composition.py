"""Composition: the one place that makes the object graph of a running service."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from api.joined_copies import JoinedCopies
from api.metrics import Metrics
from api.service import Service
from api.service_levels.rules import read_table, set_rules
from api.serving import Serving
from api.settings import Settings
from api.webhooks.events import Events
from diagnosis.redact import Redactor
from diagnosis.releases import Releases
from diagnosis.store import Store

if TYPE_CHECKING:
    from diagnosis.diagnoser import Diagnoser


def build(settings: Settings, metrics: Metrics) -> Service:
    """Return the whole object graph of a running service."""
    store = Store.open(settings.database)
    releases = Releases(settings.models)
    load, copies = _loader(settings, store, releases), _copies(settings, store, releases)
    serving = Serving(store, releases, load, metrics, settings.poll_seconds, copies)
    serving.prepare_release = partial(set_rules, read_table(settings.service_levels))
    _show_first_key(store.keys.create_first())
    serving.start()
    return Service(
        store,
        serving,
        Redactor(),
        metrics,
        Events(store),
        settings,
    )


def _loader(settings: Settings, store: Store, releases: Releases) -> Callable[[Path], Diagnoser]:
    """Return what loads a release, its vectors where the settings want them."""
    from diagnosis.diagnoser import Diagnoser  # noqa: PLC0415 - learned parts are heavy; declaring the app is not

    if settings.vectors == "process":
        return Diagnoser.load
    from api.shared_vectors import SharedReleases  # noqa: PLC0415 - needs packages that only PostgreSQL does
    from diagnosis.store.vectors import VectorRows  # noqa: PLC0415

    return SharedReleases(VectorRows(store.database), releases).load


def _copies(settings: Settings, store: Store, releases: Releases) -> JoinedCopies | None:
    """Return the copies of releases with what is stored; of vectors in the database there is one already."""
    return JoinedCopies(store, releases) if settings.vectors == "process" else None


def _show_first_key(key: str | None) -> None:
    # Past the log on purpose: it is shown to the person who starts the service, once, and kept nowhere.
    if key is not None:
        sys.stderr.write(f"\n  Admin key (shown this once, only its hash is kept):\n\n    {key}\n\n")
        sys.stderr.flush()
