"""Surge: incidents of one scope that came together, from the announcement to the end."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from diagnosis.surges.scope import Scope
from diagnosis.times import format_utc, from_seconds

_PLAIN = ("id", "kind", "at", "since", "count", "expected", "window", "p_value", "numbers", "latest", "over_at")
_LEAST_HIT, _LEAST_SHARE = 3, 0.1  # joined incidents, and share of them, from which a service is hit

SurgeKind = Literal["surge", "major_incident", "silence"]


@dataclass
class Surge:
    """More incidents than usual in one scope, or none at all where some are usual (``silence``).

    Attributes
    ----------
    at, since, over_at : float
        When it was announced, when its first incident came, and when it was over; seconds since the epoch.
    count, expected : float
        Incidents in the window in which it was seen, and what is usual there.
    window : float
        Length of that window, in seconds.
    """

    kind: SurgeKind
    scope: Scope
    at: float
    since: float
    count: int
    expected: float
    window: float
    p_value: float
    numbers: list[str] = field(default_factory=list)
    members: Counter[Scope] = field(default_factory=Counter)
    callers: set[str] = field(default_factory=set)
    latest: float = 0.0
    over_at: float | None = None
    id: str = field(init=False)

    def __post_init__(self) -> None:
        # The same surge, seen again in a replay of the same incidents, has the same id.
        # A silence is known by its beginning: when it is noticed depends on how often one looks.
        moment = self.since if self.kind == "silence" else self.at
        text = f"{self.kind}|{self.scope.kind}|{self.scope.value}|{moment:.3f}"
        self.id = hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """Return the surge as the contract shows it, times in ISO 8601."""
        return {
            "id": self.id,
            "at": _iso(self.at),
            "kind": self.kind,
            "scope": self.scope.to_dict(),
            "since": _iso(self.since),
            "found": self.count,
            "expected": round(self.expected, 2),
            "numbers": list(self.numbers),
            "services": services_hit(self.values("service")),
            "likely_item": self.common("cmdb_ci"),
            "over_at": None if self.over_at is None else _iso(self.over_at),
        }

    def to_state(self) -> dict[str, Any]:
        """Return everything of it as JSON values."""
        plain = {name: getattr(self, name) for name in _PLAIN}
        members = [[scope.kind, scope.value, count] for scope, count in self.members.items()]
        return {**plain, "scope": list(self.scope), "members": members, "callers": sorted(self.callers)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return what `to_state` gave."""
        values = {name: state[name] for name in _PLAIN if name != "id"}
        members = Counter({Scope(kind, value): count for kind, value, count in state["members"]})
        scope, callers = Scope(*state["scope"]), set(state["callers"])
        surge = cls(**{**values, "numbers": list(values["numbers"])}, scope=scope, members=members, callers=callers)
        surge.id = state["id"]
        return surge

    def common(self, kind: str) -> str | None:
        """Return the value of a field that at least half of the joined incidents share, if there is one."""
        value, count = max(self.values(kind).items(), key=lambda pair: pair[1], default=("", 0))
        return value if count and count * 2 >= len(self.numbers) else None

    def values(self, kind: str) -> dict[str, int]:
        """Return the joined incidents by their value of a field."""
        return {scope.value: count for scope, count in self.members.items() if scope.kind == kind}

    def empty(self) -> None:
        """Let go of the joined incidents: its scope turned out to be another."""
        self.numbers, self.members, self.callers = [], Counter(), set()

    def join(self, number: str, at: float, scopes: Sequence[Scope], caller: str) -> None:
        """Add one incident; without a caller each is somebody else's."""
        self.numbers.append(number)
        self.callers.add(caller or number)
        self.members.update(scopes)
        self.latest = max(self.latest, at)


def services_hit(members: Mapping[str, int]) -> list[str]:
    """Return the services that a surge is about, the one with most of its incidents first.

    Parameters
    ----------
    members : mapping of str to int
        Its joined incidents by service. Words, a place or a category join incidents of several services, so that its
        scope alone may name only one of them; bystanders are left out.
    """
    least = max(_LEAST_HIT, _LEAST_SHARE * sum(members.values()))
    ranked = sorted(members.items(), key=lambda pair: (-pair[1], pair[0]))
    return [service for service, count in ranked if count >= least]


def _iso(at: float) -> str:
    return format_utc(from_seconds(at), timespec="seconds")
