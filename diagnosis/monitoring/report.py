"""LiveReport: everything known of how a release fares in service, read from the store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from diagnosis.diagnoser import Diagnoser
from diagnosis.incident import IncidentBatch
from diagnosis.monitoring.drift import Drift, drift
from diagnosis.monitoring.quality import TargetQuality, live_quality
from diagnosis.store import Store
from diagnosis.store.observations import Observation
from diagnosis.store.revocations import Revocation
from diagnosis.times import format_utc

RECENT = 1000  # incidents that are held against what the release learned from


@dataclass(frozen=True)
class LiveReport:
    """How a release fares.

    Attributes
    ----------
    since, until : datetime or None
        First and last of the answers that are counted.
    incidents : int
        Incidents that it was the first to answer.
    drift : tuple of Drift
        Of the newest `RECENT` of them; empty where there are too few.
    """

    release: str
    since: datetime | None
    until: datetime | None
    incidents: int
    targets: tuple[TargetQuality, ...]
    drift: tuple[Drift, ...]
    revocations: tuple[Revocation, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, times in ISO 8601."""
        plain = asdict(self)
        for part in (plain, *plain["revocations"]):
            part |= {name: format_utc(value) for name, value in part.items() if isinstance(value, datetime)}
        return plain


def live_report(store: Store, diagnoser: Diagnoser) -> LiveReport:
    """Return how a release fares."""
    observations = store.observations.rows(diagnoser.release)
    revocations = store.revocations.of(diagnoser.release)
    return LiveReport(
        release=diagnoser.release,
        since=observations[0].predicted_at if observations else None,
        until=observations[-1].predicted_at if observations else None,
        incidents=len({observation.incident for observation in observations}),
        targets=tuple(live_quality(observations, diagnoser.parts.routers, revoked_values(revocations))),
        drift=tuple(drift(diagnoser.parts.reference, recent_incidents(store, observations))),
        revocations=tuple(revocations),
    )


def revoked_values(revocations: Sequence[Revocation]) -> dict[str, frozenset[str]]:
    """Return the values taken back, by target."""
    by_target: dict[str, set[str]] = defaultdict(set)
    for revocation in revocations:
        by_target[revocation.target].add(revocation.value)
    return {target: frozenset(values) for target, values in by_target.items()}


def recent_incidents(store: Store, observations: Sequence[Observation]) -> IncidentBatch:
    """Return the newest `RECENT` of the incidents that were answered, as they were logged."""
    numbers = list(dict.fromkeys(observation.incident for observation in reversed(observations)))[:RECENT]
    records = store.incidents.find(numbers).values()
    return IncidentBatch.from_rows([record.body for record in records]).as_logged()
