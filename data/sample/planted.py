"""What is planted to be found again: chronic faults, a fix that stopped working, an item that is gone, outages.

Each has a seed of its own, so that the rest of the history stays as it was. `planted.json` says what was planted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from history import HOURS, Event
from organisation import END, SITES, Person, is_working_day

QUARTERS = ("2025Q2", "2025Q3", "2025Q4", "2026Q1", "2026Q2", "2026Q3", "2026Q4")  # the first and last are cut
FIX_STOPPED = ("monitor-dock", date(2026, 6, 15), 22)  # fault, day of the new driver, uses of the article since then
GONE_ITEM = ("fax-gw-1", date(2025, 8, 31), 9)  # item, day on which it was retired, its incidents
Row = dict[str, Any]


@dataclass(frozen=True)
class Chronic:
    """A fault that keeps coming back on one item; ``counts`` are its incidents by quarter of `QUARTERS`."""

    fault: str
    place: int  # of its item in the pool
    counts: tuple[int, ...]
    trend: str
    problem: str = ""
    fixed_on: date | None = None


CHRONIC = (
    Chronic("printer-jam", 16, (3, 5, 5, 5, 5, 5, 2), "steady"),
    Chronic("wifi-drop", 41, (2, 3, 4, 4, 3, 4, 1), "steady"),
    Chronic("disk-full", 87, (0, 1, 2, 4, 7, 12, 5), "rising", "PRB0000033"),
    Chronic("oa-workflow", 4, (4, 6, 6, 7, 6, 0, 0), "fixed", "PRB0000031", date(2026, 6, 20)),
    Chronic("crm-sync", 6, (2, 4, 4, 4, 5, 5, 2), "steady"),
)


@dataclass(frozen=True)
class Outage:
    """Many people on one service within an hour; an alert and a change may come before."""

    fault: str
    begun: datetime
    incidents: int
    alerted: bool
    changed: bool


OUTAGES = (
    Outage("oa-workflow", datetime(2025, 11, 12, 1, 30), 18, alerted=False, changed=True),  # noqa: DTZ001 - UTC
    Outage("vpn-timeout", datetime(2026, 2, 10, 1, 5), 22, alerted=True, changed=True),  # noqa: DTZ001
    Outage("mail-bounce", datetime(2026, 5, 13, 2, 10), 20, alerted=False, changed=False),  # noqa: DTZ001
    Outage("site-link", datetime(2026, 7, 28, 1, 20), 24, alerted=True, changed=True),  # noqa: DTZ001
    Outage("wifi-drop", datetime(2026, 8, 19, 2, 0), 20, alerted=True, changed=False),  # noqa: DTZ001
    Outage("dns-fail", datetime(2026, 9, 16, 3, 15), 26, alerted=True, changed=True),  # noqa: DTZ001
)


@dataclass(frozen=True)
class Planted:
    """A planted event, its kind, and the fields of its record that are not left to chance."""

    event: Event
    kind: str
    place: int  # in `CHRONIC` or `OUTAGES`, or the number of a pair
    fields: Row


def planted(
    faults: list[Row],
    gone: Row,
    staff: list[Person],
    pools: dict[str, list[str]],
    articles: dict[tuple[str, str], str],
) -> list[Planted]:
    """Return all planted events in order of time."""
    by_id = {fault["id"]: fault for fault in faults}
    events = [
        *_chronic(Random(101), by_id, staff, pools),
        *_fix_stopped(Random(102), by_id[FIX_STOPPED[0]], staff, articles),
        *_gone_item(Random(103), gone, staff, articles),
        *_outages(Random(104), by_id, staff, pools),
    ]
    return sorted(events, key=lambda entry: (entry.event.opened, entry.kind, entry.place))


def quarter_of(day: date) -> str:
    """Return the quarter of a day, such as 2026Q3."""
    return f"{day.year}Q{(day.month + 2) // 3}"


def days_of(quarter: str) -> list[date]:
    """Return the working days of a quarter that lie in the history."""
    year, month = int(quarter[:4]), 3 * int(quarter[-1]) - 2
    days = [date(year, month, 1) + timedelta(days=i) for i in range(93)]
    inside = [day for day in days if quarter_of(day) == quarter and date(2025, 5, 6) <= day < END.date()]
    return [day for day in inside if is_working_day(day)]


def _chronic(rng: Random, faults: dict[str, Row], staff: list[Person], pools: dict[str, list[str]]) -> list[Planted]:
    events = []
    for place, chronic in enumerate(CHRONIC):
        fault = faults[chronic.fault]
        item = pools[fault["pool"]][chronic.place]
        for quarter, count in zip(QUARTERS, chronic.counts, strict=True):
            days = [day for day in days_of(quarter) if not chronic.fixed_on or day < chronic.fixed_on]
            for i in range(count):
                day = days[int((i + rng.uniform(0.2, 0.8)) * len(days) / count)]
                caller = rng.choice(staff)
                event = Event(fault, moment(rng, day, caller), caller, item, False, "workaround", "planted")
                linked = chronic.problem and quarter >= "2026Q2"
                fields = {"cmdb_ci": item, "problem": chronic.problem if linked else ""} | _classified(fault)
                if rng.random() < 0.85:
                    fields["close_code"] = "Solved (Workaround)"
                events.append(Planted(event, "chronic", place, fields))
    return events


def _classified(fault: Row) -> Row:
    names = ("category", "subcategory", "service")
    return {name: fault[name] for name in names} | {"assignment_group": fault["group"]}


def _fix_stopped(rng: Random, fault: Row, staff: list[Person], articles: dict[tuple[str, str], str]) -> list[Planted]:
    """Return incidents closed by an article since a driver broke its steps, each with its return some days later."""
    _, since, uses = FIX_STOPPED
    days = [day for quarter in ("2026Q2", "2026Q3") for day in days_of(quarter) if since <= day < date(2026, 9, 20)]
    events = []
    for place in range(uses):
        caller = rng.choice(staff)
        opened = moment(rng, rng.choice(days), caller)
        first = Event(fault, opened, caller, caller.laptop, False, "fix", "planted")
        back = opened + timedelta(days=rng.uniform(2, 9))
        article = articles[fault["id"], caller.language]
        fields = {"cmdb_ci": caller.laptop, "reassignment_count": 0} | _classified(fault)
        used = fields | {"knowledge": article, "close_code": "Solved (Permanently)"}
        events.append(Planted(first, "fix_stopped", place, used))
        again = replace(first, opened=back, outcome="workaround")
        events.append(Planted(again, "fix_stopped_return", place, fields | {"knowledge": ""}))
    return events


def _gone_item(rng: Random, fault: Row, staff: list[Person], articles: dict[tuple[str, str], str]) -> list[Planted]:
    item, retired, count = GONE_ITEM
    days = [day for quarter in ("2025Q2", "2025Q3") for day in days_of(quarter) if day < retired]
    events = []
    for place in range(count):
        caller = rng.choice(staff)
        event = Event(fault, moment(rng, rng.choice(days), caller), caller, item, False, "fix", "planted")
        fields = {"cmdb_ci": item, "knowledge": articles[fault["id"], caller.language]} | _classified(fault)
        events.append(Planted(event, "gone_item", place, fields))
    return events


def _outages(rng: Random, faults: dict[str, Row], staff: list[Person], pools: dict[str, list[str]]) -> list[Planted]:
    events = []
    for place, outage in enumerate(OUTAGES):
        fault = faults[outage.fault]
        item = rng.choice(pools[fault["pool"]])
        callers = rng.sample(staff, outage.incidents)
        delays = sorted([1.0, *(min(55.0, rng.expovariate(1 / 16)) for _ in callers[1:])])
        for caller, delay in zip(callers, delays, strict=True):
            opened = outage.begun + timedelta(minutes=delay, seconds=rng.randrange(60))
            event = Event(fault, opened, caller, item, False, "fix", "outage")
            events.append(Planted(event, "outage", place, _classified(fault)))
    return events


def moment(rng: Random, day: date, caller: Person) -> datetime:
    """Return a moment of a day in the hours in which people call, in UTC."""
    hour = rng.choices(range(24), HOURS)[0]
    local = datetime(day.year, day.month, day.day, hour, rng.randrange(60), rng.randrange(60))  # noqa: DTZ001
    return local - timedelta(hours=SITES[caller.site][1])
