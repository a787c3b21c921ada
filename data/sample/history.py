"""What happened: faults that strike, come back because only a workaround was applied, or take many people at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from organisation import END, SITES, START, Person, is_working_day

Fault = dict[str, Any]

PRIMARY = 3400
OUTAGES = 22
COMES_BACK = 0.41  # scales every fault's own chance to return, so that about 15 % do within 30 days
OUTAGE_FAULTS = (
    "vpn-timeout",
    "wifi-drop",
    "site-link",
    "dns-fail",
    "erp-slow",
    "oa-workflow",
    "browser-cert",
    "mail-bounce",
    "assistant-answers",
    "db-locks",
)
# Problems that were solved for good: fault, problem number, day of the change.
SOLVED = {
    "vpn-timeout": ("PRB0000012", date(2026, 5, 18)),
    "printer-offline": ("PRB0000015", date(2026, 3, 9)),
    "erp-slow": ("PRB0000019", date(2026, 7, 6)),
    "room-screen": ("PRB0000021", date(2026, 4, 20)),
    "mq-backlog": ("PRB0000023", date(2025, 12, 8)),
}
HOURS = [1, 1, 1, 1, 1, 1, 2, 6, 26, 40, 36, 30, 16, 24, 34, 32, 28, 20, 9, 5, 4, 3, 2, 1]


@dataclass(frozen=True)
class Event:
    """One disturbance as it was in truth, before anyone wrote it down.

    ``outcome`` is fix, workaround or duplicate; ``kind`` is single, return, outage or duplicate.
    """

    fault: Fault
    opened: datetime
    caller: Person
    item: str
    monitored: bool
    outcome: str
    kind: str = "single"


def events(rng: Random, faults: list[Fault], staff: list[Person], pools: dict[str, list[str]]) -> list[Event]:
    """Return everything that happened between `START` and `END`, in order."""
    chronic = {item for names in pools.values() for item in names if rng.random() < 0.15}
    found: list[Event] = []
    total = sum(fault["weight"] for fault in faults)
    for fault in faults:
        for day in _days(rng, fault, round(PRIMARY * fault["weight"] / total)):
            found += _with_returns(rng, _single(rng, fault, day, staff, pools), staff, chronic)
    for _ in range(OUTAGES):
        found += _outage(rng, faults, staff, pools)
    found += [_repeated(rng, event) for event in found if not event.monitored and rng.random() < 0.022]
    return sorted((e for e in found if START <= e.opened < END), key=lambda e: (e.opened, e.item, e.caller.employee))


def _days(rng: Random, fault: Fault, count: int) -> list[date]:
    """Draw the days on which a fault strikes: working days above all, and each fault's own season."""
    first = date.fromisoformat(fault.get("since", START.date().isoformat()))
    days = [first + timedelta(days=i) for i in range((END.date() - first).days + 1)]
    return rng.choices(days, [_weight(fault, day) for day in days], k=count)


def _weight(fault: Fault, day: date) -> float:
    always = fault.get("monitored", 0.0)
    weight = 1.0 if is_working_day(day) else max(0.08, 0.8 * always)
    weight *= 1 + 0.2 * (day - START.date()).days / 550
    if fault.get("summer") and day.month in (6, 7, 8, 9):
        weight *= 4
    if fault.get("month_end") and (day.day <= 3 or day.day >= 28):
        weight *= 4
    if fault.get("monday") and not is_working_day(day - timedelta(days=1)):
        weight *= 1.7
    solved = SOLVED.get(fault["id"])
    return weight * 0.3 if solved and day > solved[1] else weight


def _single(rng: Random, fault: Fault, day: date, staff: list[Person], pools: dict[str, list[str]]) -> Event:
    caller = rng.choice(staff)
    item = caller.laptop if fault["pool"] == "laptop" else rng.choice(pools[fault["pool"]])
    monitored = rng.random() < fault.get("monitored", 0.0)
    return Event(fault, _moment(rng, day, caller, monitored), caller, item, monitored, _outcome(rng, fault, day))


def _moment(rng: Random, day: date, caller: Person, monitored: bool) -> datetime:
    hour = rng.randrange(24) if monitored else rng.choices(range(24), HOURS)[0]
    local = datetime(day.year, day.month, day.day, hour, rng.randrange(60), rng.randrange(60))  # noqa: DTZ001
    return local - timedelta(hours=SITES[caller.site][1])


def _outcome(rng: Random, fault: Fault, day: date) -> str:
    solved = SOLVED.get(fault["id"])
    share = 0.1 if solved and day > solved[1] else min(0.7, 0.22 + fault["recur"])
    return "workaround" if rng.random() < share else "fix"


def _with_returns(rng: Random, event: Event, staff: list[Person], chronic: set[str]) -> list[Event]:
    """Return an event and, while it keeps coming back, its returns."""
    chain = [event]
    while len(chain) < 7:
        last = chain[-1]
        solved = SOLVED.get(event.fault["id"])
        chance = event.fault["recur"] * (1.7 if last.outcome == "workaround" else 0.3) * COMES_BACK
        chance *= 1.8 if last.item in chronic else 0.9
        if (solved and last.opened.date() > solved[1]) or rng.random() > chance:
            break
        day = (last.opened + timedelta(days=0.3 + rng.expovariate(1 / event.fault["days"]))).date()
        while not event.monitored and not is_working_day(day):
            day += timedelta(days=1)
        caller = event.caller if event.fault["pool"] == "laptop" else rng.choice(staff)
        moment = max(_moment(rng, day, caller, event.monitored), last.opened + timedelta(hours=5))
        outcome = _outcome(rng, event.fault, day)
        chain.append(replace(event, opened=moment, caller=caller, outcome=outcome, kind="return"))
    return chain


def _outage(rng: Random, faults: list[Fault], staff: list[Person], pools: dict[str, list[str]]) -> list[Event]:
    """Return one outage as many people log it within a few hours."""
    name = rng.choice(OUTAGE_FAULTS)
    fault = next(fault for fault in faults if fault["id"] == name)
    day = next(d for d in iter(lambda: _days(rng, fault, 1)[0], None) if is_working_day(d))
    begun = datetime(day.year, day.month, day.day, rng.randrange(1, 8), rng.randrange(60))  # noqa: DTZ001
    item = rng.choice(pools[fault["pool"]])
    site = rng.choice([person.site for person in staff])
    near = [person for person in staff if person.site == site or rng.random() < 0.15]
    hit = rng.sample(near, rng.randint(5, 15))
    first = Event(fault, begun, hit[0], item, "alert" in fault, "fix", "outage")
    delays = [rng.expovariate(1 / 40) for _ in hit[1:]]
    return [first] + [
        replace(first, opened=begun + timedelta(minutes=3 + delay), caller=caller, monitored=False)
        for delay, caller in zip(delays, hit[1:], strict=True)
    ]


def _repeated(rng: Random, event: Event) -> Event:
    """Return the same incident logged once more by a caller who lost patience."""
    later = event.opened + timedelta(hours=rng.uniform(0.5, 28))
    return replace(event, opened=later, outcome="duplicate", kind="duplicate")
