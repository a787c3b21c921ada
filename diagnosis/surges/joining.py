"""Joining: which alerts may explain an incident, by rules where nobody has judged pairs to learn from.

An alert speaks for an incident by the same item, an item that the incident's item needs (or that needs it) according to
the service map, the same service, and words that both hold; the nearer in time, the more. One incident has one
explanation or none, so the alerts are ranked; ``score`` only ranks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from diagnosis.surges.monitoring_data import Alert, ServiceMap

BEFORE, AFTER = 12 * 3600.0, 3600.0  # seconds before and after an incident within which an alert may explain it
_STEPS = 3  # of the service map
_HALF = 3600.0  # the score is half of what it was this long before the incident
_SAME_ITEM, _RELATED, _SAME_SERVICE, _WORDS, _SAME_GROUP = 4.0, 2.0, 1.0, 1.0, 0.5


@dataclass(frozen=True, slots=True)
class AlertLink:
    """An alert that may explain an incident, and what speaks for it.

    Attributes
    ----------
    reasons : tuple of str
        ``same_item``, ``related_item``, ``same_service``, ``words``, ``same_group``.
    words : tuple of str
        Words that both hold.
    minutes : float
        From the alert to the incident; negative where the incident was first.
    """

    alert: str
    score: float
    reasons: tuple[str, ...]
    words: tuple[str, ...]
    minutes: float


def explaining_alerts(
    incident: Mapping[str, str],
    at: float,
    words: Sequence[str],
    alerts: Iterable[tuple[Alert, Sequence[str]]],
    service_map: ServiceMap,
    groups: Mapping[str, str] | None = None,
) -> list[AlertLink]:
    """Return the alerts that may explain an incident, the likeliest first.

    Parameters
    ----------
    incident : mapping of str to str
        Its ``cmdb_ci`` and ``service``.
    at : float
        When it was logged, in seconds since the epoch.
    words : sequence of str
        Of its text.
    alerts : iterable of (Alert, sequence of str)
        Alerts with the words of their text.
    groups : mapping of str to str, optional
        By alert, the group in which its system sent it (Alertmanager): what is sent with an alert that explains the
        incident may explain it too.
    """
    item, service = incident.get("cmdb_ci", ""), incident.get("service", "")
    needed = service_map.steps_from(item) if item else {}
    links: list[AlertLink] = []
    others: list[Alert] = []
    for alert, alert_words in alerts:
        if not at - BEFORE <= alert.at <= at + AFTER:
            continue
        shared = tuple(word for word in dict.fromkeys(words) if word in set(alert_words))
        reasons: list[str] = []
        score = 0.0
        if item and alert.cmdb_ci == item:
            score, reasons = _SAME_ITEM, ["same_item"]
        elif item and alert.cmdb_ci:
            steps = needed.get(alert.cmdb_ci) or service_map.steps_from(alert.cmdb_ci).get(item)
            if steps is not None and steps <= _STEPS:
                score, reasons = _RELATED / steps, ["related_item"]
        if service and alert.service == service:
            score, reasons = score + _SAME_SERVICE, [*reasons, "same_service"]
        if len(shared) > 1:
            score, reasons = score + _WORDS * math.log2(len(shared)), [*reasons, "words"]
        if reasons:
            links.append(_link(alert, at, score, reasons, shared))
        else:
            others.append(alert)
    explaining = {group for link in links if (group := (groups or {}).get(link.alert))}
    links += [
        _link(alert, at, _SAME_GROUP, ["same_group"], ())
        for alert in others
        if (groups or {}).get(alert.id, "") in explaining
    ]
    return sorted(links, key=lambda link: (-link.score, link.alert))


def _link(alert: Alert, at: float, score: float, reasons: Sequence[str], words: tuple[str, ...]) -> AlertLink:
    distance = abs(at - alert.at) / _HALF
    return AlertLink(alert.id, score / (1 + distance), tuple(reasons), words, (at - alert.at) / 60)
