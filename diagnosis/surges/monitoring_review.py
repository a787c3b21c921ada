"""MonitoringReview: which alerts came before incidents, which never did, and which incidents no alert announced.

An alert comes before an incident if that is logged on the alert's item, else on its service, within four hours after
it. Incidents come all the time, so each share stands beside the share of the same alerts moved by one to three weeks
either way, where incidents are known: what is expected by chance at that hour of that weekday.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from diagnosis.statistics import proportion_interval
from diagnosis.surges.monitoring_data import Alert, collapse

LEAD = 4 * 3600.0
WEEK = 7 * 86_400.0
LEAST_ALERTS = 5
_SHIFTS = (-3, -2, -1, 1, 2, 3)


@dataclass(frozen=True, slots=True)
class Logged:
    """An incident as the review sees it."""

    number: str
    at: float
    cmdb_ci: str = ""
    service: str = ""


@dataclass(frozen=True, slots=True)
class AlertRow:
    """Alerts of one name in the period.

    Attributes
    ----------
    alerts, before : int
        Alerts, each once while it lasts, and those that an incident followed.
    interval : pair of float
        Exact 95 % interval of their share.
    by_chance : float
        Share that would be followed by chance.
    lead_minutes : float or None
        Median time from the alert to the first incident after it.
    verdict : {"announces", "never", "no better than chance", "too few"}
    """

    name: str
    alerts: int
    before: int
    interval: tuple[float, float]
    by_chance: float
    lead_minutes: float | None
    verdict: str


@dataclass(frozen=True, slots=True)
class MonitoringReview:
    """The period's alerts and incidents, held against each other.

    Attributes
    ----------
    incidents, announced : int
        Incidents, and those that an alert on their item or service came before.
    interval : pair of float
        Exact 95 % interval of their share.
    unannounced : sequence of (str, int)
        Services by incidents that no alert announced, the most first.
    """

    alerts: Sequence[AlertRow]
    incidents: int
    announced: int
    interval: tuple[float, float]
    unannounced: Sequence[tuple[str, int]]
    numbers: Sequence[str]


def monitoring_review(
    alerts: Sequence[Alert],
    incidents: Sequence[Logged],
    start: float,
    end: float,
    known_time: tuple[float, float] = (-inf, inf),
) -> MonitoringReview:
    """Return the review of a period (seconds since the epoch); alerts and incidents around it are the comparison.

    Parameters
    ----------
    known_time : pair of float
        From when to when incidents are known: an alert outside of it, or so late that one may still follow, is not
        counted.
    """
    single = collapse(alerts)
    by_place = _by_place([(incident.at, incident.cmdb_ci, incident.service) for incident in incidents])
    rows: dict[str, list[Alert]] = {}
    for alert in single:
        if start <= alert.at < end:
            rows.setdefault(alert.name or alert.cmdb_ci or alert.service, []).append(alert)
    table = [_row(name, of_name, by_place, known_time) for name, of_name in rows.items()]
    within = [incident for incident in incidents if start <= incident.at < end]
    alerts_by_place = _by_place([(alert.at, alert.cmdb_ci, alert.service) for alert in single])
    silent = [incident for incident in within if not _is_announced(incident, alerts_by_place)]
    services: dict[str, int] = {}
    for incident in silent:
        services[incident.service] = services.get(incident.service, 0) + 1
    announced = len(within) - len(silent)
    return MonitoringReview(
        alerts=sorted(table, key=lambda row: (-row.before, -row.alerts, row.name)),
        incidents=len(within),
        announced=announced,
        interval=proportion_interval(announced, len(within)),
        unannounced=sorted(services.items(), key=lambda pair: (-pair[1], pair[0])),
        numbers=[incident.number for incident in silent],
    )


_Places = dict[tuple[str, str], list[float]]


def _by_place(moments: Sequence[tuple[float, str, str]]) -> _Places:
    places: _Places = {}
    for at, item, service in moments:
        for place in (("cmdb_ci", item), ("service", service)):
            if place[1]:
                places.setdefault(place, []).append(at)
    return {place: sorted(times) for place, times in places.items()}


def _place(item: str, service: str) -> tuple[str, str]:
    return ("cmdb_ci", item) if item else ("service", service)


def _lead(alert: Alert, by_place: _Places, shift: float = 0.0) -> float | None:
    """Return the seconds until the first incident after an alert, moved by a time; None if none comes soon."""
    times = by_place.get(_place(alert.cmdb_ci, alert.service), [])
    at = alert.at + shift
    next_place = bisect_right(times, at)
    if next_place < len(times) and times[next_place] - at <= LEAD:
        return times[next_place] - at
    return None


def _row(name: str, period: Sequence[Alert], by_place: _Places, known_time: tuple[float, float]) -> AlertRow:
    alerts = [alert for alert in period if known_time[0] - LEAD <= alert.at <= known_time[1] - LEAD]
    if not alerts:
        return AlertRow(name, len(period), 0, (0.0, 1.0), 0.0, None, "too few")
    leads = [lead for alert in alerts if (lead := _lead(alert, by_place)) is not None]
    moved = [
        _lead(alert, by_place, shift * WEEK) is not None
        for alert in alerts
        for shift in _SHIFTS
        if known_time[0] <= alert.at + shift * WEEK <= known_time[1] - LEAD
    ]
    by_chance = float(np.mean(moved)) if moved else 0.0
    low, high = proportion_interval(len(leads), len(alerts))
    # Without any incident nothing can come before one, and without another week nothing says what is chance.
    if len(alerts) < LEAST_ALERTS or not by_place or not moved:
        verdict = "too few"
    elif not leads:
        verdict = "never"
    else:
        # Laplace's estimate: that none of the moved alerts met an incident does not make chance impossible.
        likely = (sum(moved) + 1) / (len(moved) + 1)
        verdict = "announces" if low > likely else "no better than chance"
    median = float(np.median(leads)) / 60 if leads else None
    return AlertRow(name, len(alerts), len(leads), (low, high), by_chance, median, verdict)


def _is_announced(incident: Logged, alerts: _Places) -> bool:
    for place in (("cmdb_ci", incident.cmdb_ci), ("service", incident.service)):
        times = alerts.get(place, []) if place[1] else []
        latest = bisect_right(times, incident.at) - 1
        if latest >= 0 and incident.at - times[latest] <= LEAD:
            return True
    return False
