"""Replay: a history of incidents and alerts, and when each surge in it would have been announced."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from diagnosis.surges.detector import SurgeDetector
from diagnosis.surges.monitoring_data import Alert, Change, ServiceMap, collapse, likely_change
from diagnosis.surges.recent import MONITOR, Arrival
from diagnosis.surges.scope import FIELDS
from diagnosis.surges.surge import Surge, services_hit
from diagnosis.text import tokenise

WORDS = 12  # of each text, the first; titles say what is new early
_HOUR = 3600.0
_MOST_PAST = 5
ALERT = "alert:"  # begins the number of an alert among incidents


def arrivals_of(frame: pd.DataFrame) -> list[Arrival]:
    """Return the incidents and complaints of a canonical frame that have a date, in order of time."""
    dated = frame[frame["opened_at"].notna() & (frame["type"] != "request")]
    at = dated["opened_at"].astype("int64").to_numpy() / 1e6
    columns = {name: dated[name].tolist() for name in FIELDS}
    monitored = (dated["contact_type"] == "monitoring").tolist()
    titles = dated["short_description"].where(dated["short_description"] != "", dated["description"]).tolist()
    arrivals = [
        Arrival(
            number,
            float(moment),
            {name: values[row] for name, values in columns.items()},
            tuple(scope_words(titles[row])),
            monitor_of({name: values[row] for name, values in columns.items()}) if monitored[row] else caller,
        )
        for row, (number, moment, caller) in enumerate(
            zip(dated["number"].tolist(), at, dated["caller"].tolist(), strict=True)
        )
    ]
    return sorted(arrivals, key=lambda arrival: arrival.at)


def monitor_of(fields: Mapping[str, str], name: str = "") -> str:
    """Return whose alert it is, in place of a caller: what monitoring says of one item is one event."""
    place = fields.get("cmdb_ci") or fields.get("service") or name
    return f"{MONITOR}{place}" if place else ""


def scope_words(text: str) -> list[str]:
    """Return the terms of a text by which incidents are counted: no single characters, at most `WORDS`."""
    words = (word for word in tokenise(text[:400]) if len(word) > 1)
    return list(dict.fromkeys(words))[:WORDS]


def replay_surges(
    frame: pd.DataFrame,
    alerts: Sequence[Alert] = (),
    changes: Sequence[Change] = (),
    service_map: ServiceMap | None = None,
    *,
    detector: SurgeDetector | None = None,
    progress: Callable[[int], object] = lambda _count: None,
) -> list[dict[str, Any]]:
    """Return what would have been announced, in order, as the contract shows it.

    Beside the contract's fields each has ``course``: time, count and what is usual, in steps of twenty minutes.

    Parameters
    ----------
    frame : DataFrame
        Canonical incidents.
    alerts : sequence of Alert
        Watched with the incidents; a repeated alert counts once while it lasts.
    changes : sequence of Change
        The latest one on the item or service of a surge, within the day before it, is named.
    service_map : ServiceMap, optional
        Names what the items of a surge have in common.
    detector : SurgeDetector, optional
        With its rate of false alarms, time zone, calendar and maintenance windows.
    progress : callable
        Told how many incidents and alerts were taken in.
    """
    single = collapse(alerts)
    arrivals = sorted([*arrivals_of(frame), *map(arrival_of_alert, single)], key=lambda arrival: arrival.at)
    detector = detector or SurgeDetector()
    announced: list[Surge] = []
    courses: dict[str, dict[float, tuple[float, int, float]]] = {}
    for arrival in arrivals:
        announced += detector.add(arrival)
        for surge in detector.open:
            if surge.latest == arrival.at:  # what is no longer remembered stays as it was
                courses.setdefault(surge.id, {}).update((step[0], step) for step in detector.course(surge, arrival.at))
        progress(1)
    if arrivals:
        detector.advance(arrivals[-1].at + 12 * _HOUR)
    return [
        _described(surge, changes, service_map)
        | {"past": past, "course": [list(step) for _, step in sorted(courses.get(surge.id, {}).items())]}
        for surge, past in zip(announced, _past(announced), strict=True)
    ]


def arrival_of_alert(alert: Alert) -> Arrival:
    """Return an alert as the detector sees it among incidents."""
    fields = {"service": alert.service, "cmdb_ci": alert.cmdb_ci}
    words = tuple(scope_words(alert.name))
    return Arrival(ALERT + alert.id, alert.at, fields, words, monitor_of(fields, alert.name))


def _described(surge: Surge, changes: Sequence[Change], service_map: ServiceMap | None) -> dict[str, Any]:
    items = surge.values("cmdb_ci")
    change = likely_change(changes, surge.since, surge.at, items, surge.values("service"))
    content = surge.to_dict()
    content["numbers"] = [number for number in surge.numbers if not number.startswith(ALERT)]
    content["alerts"] = [number.removeprefix(ALERT) for number in surge.numbers if number.startswith(ALERT)]
    content["likely_item"] = (service_map.common_item(items) if service_map else None) or content["likely_item"]
    content["likely_change"] = change.number if change else None
    return content


def _past(announced: Sequence[Surge]) -> list[list[str]]:
    """Return the ids of the surges before each that are like it, in order.

    The latest of its scope come first, then the latest that hit the same service most.
    """
    services = [services_hit(surge.values("service"))[:1] for surge in announced]
    past_ids: list[list[str]] = []
    for place, surge in enumerate(announced):
        same_scope, same_service = list[int](), list[int]()
        for row in reversed(range(place)):
            if announced[row].kind != "silence" and announced[row].scope == surge.scope:
                same_scope.append(row)
            elif announced[row].kind != "silence" and services[row] and services[row] == services[place]:
                same_service.append(row)
        is_one = surge.kind != "silence" and surge.scope.kind != "all"
        rows = sorted([*same_scope, *same_service][:_MOST_PAST]) if is_one else []
        past_ids.append([announced[row].id for row in rows])
    return past_ids
