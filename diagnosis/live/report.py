"""LiveReport: everything known of how a release fares in service, read from the store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from diagnosis.diagnoser import Diagnoser
from diagnosis.incident import FIELDS, as_frame, frame_as_logged
from diagnosis.live.drift import Drift, drift
from diagnosis.live.quality import TargetQuality, live_quality
from diagnosis.store import Store
from diagnosis.store.observations import Observation
from diagnosis.store.revocations import Revocation

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
            for name in ("since", "until", "at"):
                if isinstance(part.get(name), datetime):
                    part[name] = part[name].isoformat().replace("+00:00", "Z")
        return plain


def live_report(store: Store, diagnoser: Diagnoser) -> LiveReport:
    """Return how a release fares."""
    seen = store.observations.rows(diagnoser.release)
    revoked = store.revocations.of(diagnoser.release)
    return LiveReport(
        release=diagnoser.release,
        since=seen[0].predicted_at if seen else None,
        until=seen[-1].predicted_at if seen else None,
        incidents=len({one.incident for one in seen}),
        targets=tuple(live_quality(seen, diagnoser.parts.routers, revoked_values(revoked))),
        drift=tuple(drift(diagnoser.parts.reference, recent_incidents(store, seen))),
        revocations=tuple(revoked),
    )


def revoked_values(revoked: Sequence[Revocation]) -> dict[str, frozenset[str]]:
    """Return the values taken back, by target."""
    by_target: dict[str, set[str]] = defaultdict(set)
    for one in revoked:
        by_target[one.target].add(one.value)
    return {target: frozenset(values) for target, values in by_target.items()}


def recent_incidents(store: Store, seen: Sequence[Observation]) -> pd.DataFrame:
    """Return the newest `RECENT` of the incidents that were answered, as they were logged."""
    numbers = list(dict.fromkeys(one.incident for one in reversed(seen)))[:RECENT]
    bodies = [{name: record.body.get(name) for name in FIELDS} for record in store.incidents.known(numbers).values()]
    return frame_as_logged(as_frame(pd.DataFrame(bodies, columns=list(FIELDS))))
