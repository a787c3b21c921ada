"""Joining: which alerts may explain an incident, by rules and by what people said.

An alert speaks for an incident by the same item, an item that the incident's item needs (or that needs it) according to
the service map, the same service, and words that both hold; the nearer in time, the more. One incident has one
explanation or none, so the alerts are ranked; ``score`` only ranks.

What people said goes before the rules: an alert that they put to the incident is first, one that they took from it is
left out, and an alert counts for more or less where they judged alerts of its name on incidents of the same item or
service. Where they judged enough pairs for an `AlertLinker`, it speaks too, of alerts and incidents that share nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from diagnosis.surges.monitoring_data import Alert, ServiceMap

BEFORE, AFTER = 12 * 3600.0, 3600.0  # seconds before and after an incident within which an alert may explain it
_STEPS = 3  # of the service map
_HALF = 3600.0  # the score is half of what it was this long before the incident
_SAME_ITEM, _RELATED, _SAME_SERVICE, _WORDS, _SAME_GROUP = 4.0, 2.0, 1.0, 1.0, 0.5
_JUDGED_ALIKE = 4.0  # where all of many judgements agree
_LEARNED = 8.0  # where what is learned from judged pairs is sure
_LEAST_LEARNED = 0.1  # probability from which it is a reason
_TAUGHT = 1000.0  # above every other


@dataclass(frozen=True, slots=True)
class AlertLessons:
    """What people said of alerts.

    Attributes
    ----------
    verdicts : mapping of str to bool
        By alert, whether it belongs to the incident that is looked at.
    balance : mapping of str to float
        By name of an alert, the share of judgements for it less the share against it, among those on incidents of the
        same item or service; between -1 and 1, nearer to 0 the fewer there are.
    learned : mapping of str to float
        By alert, the probability that an `AlertLinker` gives it.
    """

    verdicts: Mapping[str, bool] = field(default_factory=dict)
    balance: Mapping[str, float] = field(default_factory=dict)
    learned: Mapping[str, float] = field(default_factory=dict)


def judgement_balance(judgements: Iterable[tuple[str, bool]]) -> dict[str, float]:
    """Return, by name of an alert, how far judgements on its like speak for it.

    Parameters
    ----------
    judgements : iterable of (str, bool)
        Name of the alert, and whether it belonged to the incident.

    Examples
    --------
    >>> judgement_balance([("DiskFull", True), ("DiskFull", True), ("Clock", False)])
    {'DiskFull': 0.6666666666666666, 'Clock': -0.5}
    """
    sums: dict[str, tuple[int, int]] = {}
    for name, belongs in judgements:
        total, count = sums.get(name, (0, 0))
        sums[name] = total + (1 if belongs else -1), count + 1
    return {name: total / (count + 1) for name, (total, count) in sums.items()}


@dataclass(frozen=True, slots=True)
class AlertLink:
    """An alert that may explain an incident, and what speaks for it.

    Attributes
    ----------
    reasons : tuple of str
        ``taught``, ``same_item``, ``related_item``, ``same_service``, ``words``, ``judged_alike``, ``same_group``.
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
    lessons: AlertLessons | None = None,
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
    lessons : AlertLessons, optional
        What people said; an alert that they put to the incident is returned whenever it was.
    """
    lessons = lessons or AlertLessons()
    links: list[AlertLink] = []
    others: list[Alert] = []
    evidence = _Evidence(incident, words, service_map)
    for alert, alert_words in alerts:
        verdict = lessons.verdicts.get(alert.id)
        if verdict is False or (verdict is None and not at - BEFORE <= alert.at <= at + AFTER):
            continue
        score, reasons, shared = evidence.of(alert, alert_words, lessons.balance.get(alert.name, 0.0))
        learned = lessons.learned.get(alert.id, 0.0)  # closeness in time is in it
        if learned >= _LEAST_LEARNED and "judged_alike" not in reasons:
            reasons = [*reasons, "judged_alike"]
        score = score / _distance(alert, at) + _LEARNED * learned
        if verdict:
            links.append(_link(alert, at, _TAUGHT + score, ["taught", *reasons], shared))
        elif reasons and score > 0:
            links.append(_link(alert, at, score, reasons, shared))
        else:
            others.append(alert)
    explaining = {group for link in links if (group := (groups or {}).get(link.alert))}
    links += [
        _link(alert, at, _SAME_GROUP / _distance(alert, at), ["same_group"], ())
        for alert in others
        if (groups or {}).get(alert.id, "") in explaining
    ]
    return sorted(links, key=lambda link: (-link.score, link.alert))


class _Evidence:
    """What speaks for an alert as the explanation of one incident."""

    def __init__(self, incident: Mapping[str, str], words: Sequence[str], service_map: ServiceMap) -> None:
        self._item, self._service = incident.get("cmdb_ci", ""), incident.get("service", "")
        self._words = tuple(dict.fromkeys(words))
        self._map = service_map
        self._needed = service_map.steps_from(self._item) if self._item else {}

    def of(self, alert: Alert, alert_words: Sequence[str], balance: float) -> tuple[float, list[str], tuple[str, ...]]:
        """Return the sum of what speaks for an alert, the reasons, and the words that both hold."""
        score, reasons = 0.0, []
        if self._item and alert.cmdb_ci == self._item:
            score, reasons = _SAME_ITEM, ["same_item"]
        elif self._item and alert.cmdb_ci:
            steps = self._needed.get(alert.cmdb_ci) or self._map.steps_from(alert.cmdb_ci).get(self._item)
            if steps is not None and steps <= _STEPS:
                score, reasons = _RELATED / steps, ["related_item"]
        if self._service and alert.service == self._service:
            score, reasons = score + _SAME_SERVICE, [*reasons, "same_service"]
        of_alert = set(alert_words)
        shared = tuple(word for word in self._words if word in of_alert)
        if len(shared) > 1:
            score, reasons = score + _WORDS * math.log2(len(shared)), [*reasons, "words"]
        if balance > 0:
            reasons = [*reasons, "judged_alike"]
        return score + _JUDGED_ALIKE * balance, reasons, shared


def _link(alert: Alert, at: float, score: float, reasons: Sequence[str], words: tuple[str, ...]) -> AlertLink:
    return AlertLink(alert.id, score, tuple(reasons), words, (at - alert.at) / 60)


def _distance(alert: Alert, at: float) -> float:
    """Return by what a score is divided: 1 for an alert at the same moment, 2 after `_HALF`."""
    return 1 + abs(at - alert.at) / _HALF
