"""A replay names earlier surges as the service does: of the same scope, then of the service that was hit most."""

from __future__ import annotations

from collections import Counter

from diagnosis.surges.replay import _past
from diagnosis.surges.scope import Scope
from diagnosis.surges.surge import Surge

DAY = 86_400.0


def surge(day: int, scope: Scope, service: str) -> Surge:
    members = Counter({Scope("service", service): 9} if service else {})
    return Surge("surge", scope, day * DAY, day * DAY, 9, 0.2, 1200.0, 1e-6, members=members)


def test_an_earlier_surge_of_its_service_is_past_though_something_else_announced_it() -> None:
    badges, word, desk = Scope("service", "badges"), Scope("word", "door"), Scope("all", "")
    surges = [
        surge(0, badges, "badges"),
        surge(1, word, "badges"),
        surge(2, word, "mail"),
        surge(3, badges, "badges"),
        surge(4, desk, "badges"),
        surge(5, word, "badges"),
    ]
    ids = [one.id for one in surges]
    assert _past(surges) == [[], ids[:1], [ids[1]], ids[:2], [], [*ids[:2], *ids[2:5]]]


def test_of_many_those_of_its_own_scope_and_the_latest_are_named() -> None:
    same, other = Scope("service", "badges"), Scope("word", "door")
    surges = [surge(0, same, "badges"), *(surge(day, other, "badges") for day in range(1, 9)), surge(9, same, "badges")]
    ids = [one.id for one in surges]
    assert _past(surges)[-1] == [ids[0], *ids[5:9]]


def test_surges_without_a_service_have_none_in_common() -> None:
    assert _past([surge(0, Scope("word", "door"), ""), surge(1, Scope("word", "badge"), "")]) == [[], []]
