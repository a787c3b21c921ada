"""Complaints: what people say about the service, each about an incident of some days before."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

from course import SLOWER, local_day
from history import Event
from organisation import AGENTS, END
from planted import quarter_of
from records import LEVELS, PRIORITIES
from wording import CHANNELS, SINCE

COUNT = 110
TOPICS = {"slow": 4, "returned": 3, "unclear": 2, "passed_around": 2}
# Since this quarter fewer complaints are answered within a day.
LATE = ("2026Q3", 30.0, 9.0)  # quarter, median hours to the first answer then and otherwise
Row = dict[str, Any]


def complaints(rng: Random, incidents: list[tuple[Row, Event]], texts: dict[str, Any]) -> list[Row]:
    """Return the complaints in order of time, without numbers; ``_topic`` says what each is about."""
    people = [entry for entry in incidents if entry[0]["resolved_at"] and not entry[1].monitored]
    slower = [entry for entry in people if _of_slower_group(entry[0])]
    chosen = rng.sample(people, COUNT - 14) + rng.sample(slower, 14)
    rows = [_complaint(rng, row, event, texts) for row, event in chosen]
    return sorted((row for row in rows if row["opened_at"] < END), key=lambda row: (row["opened_at"], row["caller"]))


def _of_slower_group(row: Row) -> bool:
    return (row["assignment_group"], quarter_of(local_day(row))) == SLOWER


def _complaint(rng: Random, about: Row, event: Event, texts: dict[str, Any]) -> Row:
    person = event.caller
    language = person.language
    topic = "slow" if _of_slower_group(about) else rng.choices(list(TOPICS), list(TOPICS.values()))[0]
    slots = {
        "number": about["number"],
        "service": event.fault["service"],
        "dept": person.department,
        "n": rng.randint(2, 5),
        "since": rng.choice(SINCE[language]),
    }
    opened = about["opened_at"] + timedelta(hours=rng.uniform(4, 90))
    row: Row = {
        "_topic": topic,
        "type": "complaint",
        "opened_at": opened,
        "short_description": rng.choice(texts[topic][language]).format(**slots),
        "description": rng.choice(texts[topic][f"{language}_more"]).format(**slots),
        "caller": person.name,
        "opened_by": person.name,
        "location": person.site,
        "contact_type": rng.choices(list(CHANNELS), list(CHANNELS.values()))[0],
        "service": event.fault["service"],
        "category": about["category"],
        "subcategory": about["subcategory"],
        "impact": LEVELS[2],
        "urgency": LEVELS[1],
        "priority": PRIORITIES[2],
        "assignment_group": "Service Desk",
        "assigned_to": rng.choice(AGENTS["Service Desk"]),
        "reassignment_count": 0,
        "reopen_count": 0,
        "on_hold_minutes": 0,
    }
    return row | _answered(rng, row, language)


def _answered(rng: Random, row: Row, language: str) -> Row:
    quarter, late, usual = LATE
    median = late if quarter_of(local_day(row)) == quarter else usual
    responded = row["opened_at"] + timedelta(hours=median * rng.lognormvariate(0, 0.6))
    resolved = responded + timedelta(hours=rng.uniform(2, 60))
    closed = resolved + timedelta(days=2)
    rating = rng.choices([5, 4, 3, 2, 1], [10, 25, 30, 20, 15])[0] if rng.random() < 0.4 else None
    minutes = round((responded - row["opened_at"]).total_seconds() / 60)
    if responded >= END:
        return {"state": "New"}
    if resolved >= END:
        return {"responded_at": responded, "sla_response_minutes": minutes, "state": "In Progress"}
    notes = {
        "zh": "已向用户致歉并说明原因，升级到班组负责人跟进。",
        "en": "Apologised, explained the reason; team lead follows up.",
    }
    return {
        "responded_at": responded,
        "sla_response_minutes": minutes,
        "resolved_at": resolved,
        "closed_at": closed if closed < END else None,
        "state": "Closed" if closed < END else "Resolved",
        "close_code": "Solved (Permanently)",
        "close_notes": notes[language],
        "satisfaction": rating,
    }
