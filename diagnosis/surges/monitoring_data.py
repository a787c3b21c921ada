"""What is known beside the incidents: alerts, changes, and which item needs which (the service map)."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

DAY = 86_400.0
_MOST_FAULTS = 50_000  # alerts that last; beyond that those that are over are let go of


@dataclass(frozen=True, slots=True)
class Alert:
    """A monitoring system's alert; ``over`` is None while it lasts, or where nobody said when it ended."""

    id: str
    at: float
    over: float | None = None
    name: str = ""
    cmdb_ci: str = ""
    service: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a configuration item or service; ``at`` is when it started, or was opened."""

    number: str
    at: float
    cmdb_ci: str = ""
    service: str = ""
    short_description: str = ""


class OpenAlerts:
    """Tells a new alert from the repetition of one that lasts: same name, item and service.

    An alert that nobody ended lasts a day from its latest repetition. A million identical alerts are one entry.
    """

    def __init__(self) -> None:
        self._lasts_until: dict[tuple[str, str, str], float] = {}

    def is_new(self, alert: Alert) -> bool:
        """Take in an alert, in order of time, and return whether none like it lasts."""
        fault = (alert.name, alert.cmdb_ci, alert.service)
        lasts_until = self._lasts_until.get(fault)
        over = alert.over if alert.over is not None and alert.over >= alert.at else alert.at + DAY
        self._lasts_until[fault] = max(over, lasts_until or over)
        if len(self._lasts_until) > _MOST_FAULTS:
            self._lasts_until = {key: until for key, until in self._lasts_until.items() if until >= alert.at}
        return lasts_until is None or alert.at > lasts_until

    def to_state(self) -> list[list[Any]]:
        """Return what lasts, as JSON values."""
        return [[*fault, until] for fault, until in self._lasts_until.items()]

    def restore(self, state: Iterable[Sequence[Any]]) -> None:
        """Take in what `to_state` returned."""
        self._lasts_until = {(name, item, service): until for name, item, service, until in state}


def collapse(alerts: Iterable[Alert]) -> list[Alert]:
    """Return alerts in order of time, a repeated one once: as `OpenAlerts` tells them."""
    open_alerts = OpenAlerts()
    return [alert for alert in sorted(alerts, key=lambda alert: alert.at) if open_alerts.is_new(alert)]


def likely_change(
    changes: Iterable[Change], since: float, at: float, items: Collection[str], services: Collection[str]
) -> Change | None:
    """Return the latest change from a day before a surge to its announcement, on its items, else on its services.

    Parameters
    ----------
    since, at : float
        When its first incident or alert came, and when it was announced.
    """
    earlier = sorted((change for change in changes if since - DAY <= change.at <= at), key=lambda change: change.at)
    for places, attribute in ((items, "cmdb_ci"), (services, "service")):
        for change in reversed(earlier):
            if (value := getattr(change, attribute)) and value in places:
                return change
    return None


@dataclass(frozen=True)
class ServiceMap:
    """Which item needs which.

    Attributes
    ----------
    needs : mapping of str to collection of str
        By item, what it needs directly. There may be cycles.
    """

    needs: Mapping[str, Collection[str]] = field(default_factory=dict)

    @classmethod
    def from_pairs(cls, pairs: Iterable[tuple[str, str]]) -> ServiceMap:
        """Return the map of pairs ``(item, what it needs)``."""
        needs: dict[str, set[str]] = {}
        for item, dependency in pairs:
            needs.setdefault(item, set()).add(dependency)
        return cls(needs)

    def common_item(self, items: Mapping[str, int]) -> str | None:
        """Return what at least half of the incidents need, the nearest such item; None if there is none.

        Parameters
        ----------
        items : mapping of str to int
            Incidents by the item that they name.
        """
        total = sum(items.values())
        support: dict[str, int] = {}
        steps: dict[str, int] = {}
        for item, count in items.items():
            for dependency, distance in self.steps_from(item).items():
                support[dependency] = support.get(dependency, 0) + count
                steps[dependency] = max(steps.get(dependency, 0), distance)
        shared = [item for item, count in support.items() if 2 * count >= total and count > items.get(item, 0)]
        best = min(shared, key=lambda item: (-support[item], steps[item], item), default=None)
        if best is None or support[best] <= max(items.values(), default=0):
            return None  # one item alone explains as much
        return best

    def steps_from(self, item: str) -> dict[str, int]:
        """Return an item and all that it needs, with the steps to each."""
        steps = {item: 0}
        waiting = deque([item])
        while waiting:
            current = waiting.popleft()
            for dependency in self.needs.get(current, ()):
                if dependency not in steps:
                    steps[dependency] = steps[current] + 1
                    waiting.append(dependency)
        return steps
