"""What a review rests on besides its records: decisions, feedback, self-service, outages, answers and actions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.actions import Action
from diagnosis.arrays import Floats
from diagnosis.times import format_utc

EVIDENCE = 10  # numbers of records named as evidence
_DAY = 86_400.0


@dataclass(frozen=True)
class MeasuredEvents:
    """What a measure is of where it is of no records; arrays of shape (n,).

    Attributes
    ----------
    times : ndarray
        Days since 1970.
    met : ndarray
        1 for each that was as it should be, else 0.
    services : ndarray
        Of each, ``""`` where it is of none.
    """

    times: Floats
    met: Floats
    services: npt.NDArray[np.object_]

    @classmethod
    def of(cls, times: Sequence[float], met: Sequence[bool], services: Sequence[str] = ()) -> MeasuredEvents:
        """Return events at the given days, whether each was as it should be, and of which service each is."""
        places = np.array(list(services) or [""] * len(times), dtype=object)
        return cls(np.array(times, dtype=np.float64), np.array(met, dtype=np.float64), places)


@dataclass(frozen=True, slots=True)
class Comment:
    """What a caller wrote in answer to the survey, and the rating of 1 to 5."""

    text: str
    rating: int | None = None


@dataclass(frozen=True, slots=True)
class Outage:
    """A wave of incidents that was announced, or would have been.

    Attributes
    ----------
    since : datetime
        When its first incident or alert came.
    numbers : sequence of str
        Its incidents.
    alerts : int
        That belong to it.
    warned : bool or None
        Whether an alert came before its first incident; None where no monitoring sent alerts by then.
    change : str
        The likely one; empty for none.
    """

    since: datetime
    service: str
    numbers: Sequence[str]
    alerts: int
    warned: bool | None
    change: str = ""


@dataclass(frozen=True)
class ReviewFacts:
    """Everything that a review measures and that is in no record; empty where nobody has recorded it.

    Attributes
    ----------
    by_number : mapping of str to Series
        By measure, values by number of the record.
    routings : mapping of str to pair of str
        By number, the group that was proposed first and the one that was right in the end.
    questions : MeasuredEvents or None
        Put to self-service; None where nobody has asked.
    outages : sequence of Outage or None
        None where nobody has watched.
    watched_since : datetime or None
        From when on outages are known; None for from the first record on.
    spared_at : sequence of datetime or None
        When records were routed without a person who would have had to, or has put it right; None where no routing is
        known of.
    """

    by_number: Mapping[str, pd.Series] = field(default_factory=dict)
    questions: MeasuredEvents | None = None
    routings: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    comments: Mapping[str, Comment] = field(default_factory=dict)
    outages: Sequence[Outage] | None = None
    watched_since: datetime | None = None
    actions: Sequence[Action] = ()
    spared_at: Sequence[datetime] | None = None

    @property
    def events(self) -> dict[str, MeasuredEvents]:
        """Measures of what is no record."""
        events = {} if self.questions is None else {"deflection": self.questions}
        monitored = [outage for outage in self.outages or () if outage.warned is not None]
        if monitored:
            since = [outage.since.timestamp() / _DAY for outage in monitored]
            warned = [outage.warned is True for outage in monitored]
            events["warnings"] = MeasuredEvents.of(since, warned, [outage.service for outage in monitored])
        return events

    def spared_between(self, since: datetime, until: datetime) -> int | None:
        """Return how many routings of a period needed no person; None where no routing is known of."""
        return None if self.spared_at is None else sum(since <= moment < until for moment in self.spared_at)

    def outages_between(self, since: datetime, until: datetime) -> list[dict[str, Any]] | None:
        """Return the outages of a period as plain values, in order of time; None where nobody watched in it."""
        if self.outages is None or (self.watched_since is not None and until <= self.watched_since):
            return None
        inside = sorted((o for o in self.outages if since <= o.since < until), key=lambda outage: outage.since)
        return [
            {
                "since": format_utc(outage.since, timespec="minutes"),
                "service": outage.service,
                "incidents": len(outage.numbers),
                "warned": outage.warned,
                "change": outage.change,
                "numbers": list(outage.numbers[:EVIDENCE]),
            }
            for outage in inside
        ]

    def outages_known_from(self, since: datetime, until: datetime) -> str | None:
        """Return from when on the outages of a period are known, where that is later than its beginning; else None."""
        if self.outages is None or self.watched_since is None or not since < self.watched_since < until:
            return None
        return format_utc(self.watched_since, timespec="minutes")

    def blind_spots(self, since: datetime, until: datetime) -> list[dict[str, Any]]:
        """Return the services whose outages of a period came without an alert, the most outages first."""
        by_service: dict[str, list[Outage]] = {}
        for outage in self.outages or ():
            if since <= outage.since < until and outage.service and outage.warned is False and not outage.alerts:
                by_service.setdefault(outage.service, []).append(outage)
        spots = [
            {
                "service": service,
                "outages": len(outages),
                "numbers": [number for outage in outages for number in outage.numbers][:EVIDENCE],
            }
            for service, outages in by_service.items()
        ]
        return sorted(spots, key=_most_outages)

    def with_ratings(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the frame with callers' answers to the survey where a record has no rating."""
        ratings = {number: comment.rating for number, comment in self.comments.items() if comment.rating is not None}
        if not ratings:
            return frame
        asked = frame["number"].map(ratings).astype("Int64")
        return frame.assign(satisfaction=frame["satisfaction"].fillna(asked))


def _most_outages(spot: Mapping[str, Any]) -> tuple[int, str]:
    return -spot["outages"], spot["service"]
