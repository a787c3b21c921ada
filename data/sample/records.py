"""What the service desk made of each event: fields, people, times and the notes on closing."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from random import Random
from typing import Any

from history import SOLVED, Event
from organisation import AGENTS, END, Person
from wording import Wording, damage, slots_of, write

COLUMNS = (
    "number",
    "type",
    "state",
    "opened_at",
    "responded_at",
    "on_hold_minutes",
    "short_description",
    "description",
    "caller",
    "opened_by",
    "location",
    "contact_type",
    "service",
    "cmdb_ci",
    "symptom",
    "category",
    "subcategory",
    "impact",
    "urgency",
    "priority",
    "assignment_group",
    "assigned_to",
    "reassignment_count",
    "resolved_at",
    "closed_at",
    "reopened_at",
    "reopen_count",
    "close_code",
    "close_notes",
    "knowledge",
    "problem",
    "satisfaction",
    "sla_response_minutes",
)
LEVELS = ("1 - High", "2 - Medium", "3 - Low")
PRIORITIES = ("1 - Critical", "2 - High", "3 - Moderate", "4 - Low")
USELESS = {
    "zh": ["已处理", "已解决，关单", "处理完毕。", "好了", "用户自行恢复"],
    "en": ["done", "resolved", "fixed.", "ok now", "closed per user"],
}
# Services whose users rarely know which configuration item stands behind them.
SHARED = ("vpn", "dns", "wan", "erp", "oa", "crm", "web", "mail", "proxy", "ai", "fileserver")
FASTER = {0: 0.35, 1: 0.5, 2: 0.7, 3: 0.9}
Row = dict[str, Any]


def record(
    rng: Random, event: Event, faults: list[dict[str, Any]], articles: dict[tuple[str, str], str], tally: Counter[str]
) -> Row:
    """Return the record of one event, without its number; ``_ending`` is left to `finish`."""
    wording = write(rng, event, tally)
    row: Row = {"opened_at": event.opened, "short_description": wording.short, "description": wording.description}
    row |= _logged(rng, event, wording, faults, tally)
    row |= _assigned(rng, event, faults, tally)
    row |= _course(rng, event, row, tally)
    if row["resolved_at"]:
        row |= _closing(rng, event, wording, articles, tally)
    else:
        tally["still open"] += 1
    _spoil(rng, row, wording, tally)
    return row


def _logged(rng: Random, event: Event, wording: Wording, faults: list[dict[str, Any]], tally: Counter[str]) -> Row:
    fault, person = event.fault, event.caller
    shown = fault
    if rng.random() < 0.03:
        shown = rng.choice(_known(faults, event))
        tally["wrong categories"] += shown["category"] != fault["category"]
    impact = rng.choices([0, 1, 2], [3, 3, 2] if event.kind == "outage" else [1, 6, 11])[0]
    urgency = rng.choices([0, 1, 2], [2, 6, 9])[0]
    row = {
        "caller": "monitoring" if event.monitored else person.name,
        "location": person.site,
        "opened_by": "monitoring" if event.monitored else _opener(rng, wording.channel, person),
        "contact_type": wording.channel,
        "service": fault["service"],
        "cmdb_ci": _item(rng, event),
        "symptom": fault["symptom"],
        "category": shown["category"],
        "subcategory": shown["subcategory"],
        "impact": LEVELS[impact],
        "urgency": LEVELS[urgency],
        "priority": PRIORITIES[min(3, max(0, impact + urgency - (impact == 0)))],
    }
    for name, share in (
        ("location", 0.06),
        ("service", 0.05),
        ("subcategory", 0.1),
        ("symptom", 0.3),
        ("caller", 0.02),
    ):
        if rng.random() < share:
            row[name] = ""
            tally["missing fields"] += 1
    return row


def _known(faults: list[dict[str, Any]], event: Event) -> list[dict[str, Any]]:
    """Return the faults that existed when the event was logged: nobody picks a category that is not there yet."""
    return [fault for fault in faults if fault.get("since", "") <= event.opened.date().isoformat()]


def _item(rng: Random, event: Event) -> str:
    """Return the configuration item as far as whoever logged the incident knew it."""
    if event.monitored:
        return event.item
    if event.kind == "outage":
        return rng.choices([event.item, event.caller.laptop, ""], [15, 30, 55])[0]
    unknown = 0.12 if event.fault["pool"] == "laptop" else 0.5 if event.fault["pool"] in SHARED else 0.1
    return "" if rng.random() < unknown else event.item


def _opener(rng: Random, channel: str, person: Person) -> str:
    return person.name if channel in {"web", "email"} else rng.choice(AGENTS["Service Desk"])


def _assigned(rng: Random, event: Event, faults: list[dict[str, Any]], tally: Counter[str]) -> Row:
    group = event.fault["group"]
    moves = rng.choices([0, 1, 2, 3, 4], [72, 18, 6, 3, 1])[0]
    drawn = rng.random()
    if drawn < 0.03:
        group = rng.choice(_known(faults, event))["group"]
    elif drawn < 0.07:
        group = "Service Desk"
    tally["reassigned"] += moves > 0
    tally["resolved by another group than the fault's own"] += group != event.fault["group"]
    return {"assignment_group": group, "assigned_to": rng.choice(AGENTS[group]), "reassignment_count": moves}


def _course(rng: Random, event: Event, row: Row, tally: Counter[str]) -> Row:
    """Return response, resolution, reopening and closing as far as they had come when the history was exported."""
    rank = PRIORITIES.index(row["priority"])
    night = not 0 <= event.opened.hour < 11
    response = rng.lognormvariate(0, 0.7) * (9, 20, 38, 70)[rank] * (2.2 if night and not event.monitored else 1)
    hours = event.fault["hours"] * FASTER[rank] * rng.lognormvariate(0, 0.75) * (1 + 0.7 * row["reassignment_count"])
    if hours > 5 and rng.random() < 0.5:
        hours += 14
    resolved = event.opened + timedelta(hours=hours, minutes=response)
    if event.opened > END - timedelta(days=12) and rng.random() < 0.3:
        resolved = END + timedelta(days=1)
    course: Row = {"sla_response_minutes": round(response), "reopen_count": 0, "reopened_at": None}
    if rng.random() < (0.09 if event.outcome == "workaround" else 0.025):
        reopened = resolved + timedelta(hours=rng.uniform(1, 60))
        if reopened < END:
            course |= {"reopened_at": reopened, "reopen_count": 1 + (rng.random() < 0.1)}
            resolved = reopened + timedelta(hours=hours * rng.uniform(0.5, 2))
            tally["reopened"] += 1
    closed = resolved + timedelta(days=rng.choice([1, 3, 3, 3, 5]), minutes=rng.randint(0, 300))
    if event.opened + timedelta(minutes=response) > END:
        course["sla_response_minutes"] = None
    return course | {"resolved_at": _by_end(resolved), "closed_at": _by_end(closed)}


def _by_end(moment: datetime) -> datetime | None:
    return moment if moment < END else None


def _closing(
    rng: Random, event: Event, wording: Wording, articles: dict[tuple[str, str], str], tally: Counter[str]
) -> Row:
    fault, language = event.fault, wording.language
    if wording.channel == "monitoring" or rng.random() < 0.08:
        language = rng.choice(["zh", "en"])  # the notes are the agent's, not the caller's
    slots = slots_of(rng, event, language)
    cause = {"zh": f"原因：{fault['zh_cause']}。", "en": f"Cause: {fault['en_cause']}. "}[language]
    if event.outcome == "duplicate":
        code, notes = (
            "Duplicate",
            {"zh": "重复报障，与之前的工单合并处理。", "en": "Duplicate of an earlier incident."}[language],
        )
    elif event.outcome == "workaround":
        code, notes = "Solved (Workaround)", fault[f"{language}_around"].format(**slots)
    else:
        code, notes = "Solved (Permanently)", rng.choice(fault[f"{language}_fix"]).format(**slots)
        notes = cause + notes if rng.random() < 0.45 else notes
    if rng.random() < 0.11:
        notes = rng.choice(USELESS[language])
        tally["useless closing notes"] += 1
    code = rng.choices([code, "Closed by Caller", "Not Reproducible"], [92, 4, 4])[0]
    article = articles.get((fault["id"], language)) or articles.get((fault["id"], "zh" if language == "en" else "en"))
    solved = SOLVED.get(fault["id"])
    known = solved and 0 <= (solved[1] - event.opened.date()).days < 60 and rng.random() < 0.35
    happy = rng.choices([5, 4, 3, 2, 1], [52, 27, 12, 6, 3] if event.outcome == "fix" else [25, 28, 24, 14, 9])[0]
    return {
        "close_code": code,
        "close_notes": notes,
        "problem": solved[0] if solved and known else "",
        "knowledge": article if article and rng.random() < 0.35 else "",
        "satisfaction": happy if not event.monitored and rng.random() < 0.42 else None,
    }


def _spoil(rng: Random, row: Row, wording: Wording, tally: Counter[str]) -> None:
    """Damage what exports damage."""
    if wording.language == "zh" and rng.random() < 0.018:
        for name in ("short_description", "description"):
            row[name] = damage(row[name])
        tally["mojibake (UTF-8 read as cp1252)"] += 1
    elif "\n" in row["description"] and rng.random() < 0.03:
        row["description"] = row["description"].replace("\n", "_x000d_\n")
        tally["_x000d_ line ends"] += 1
