"""planted.json: what the script planted, with sizes and dates, for tests to find again."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from typing import Any

from complaints import LATE
from course import MOVED_SHARE, MOVED_SINCE, MOVED_TO, REQUESTED, SLOWER, SLOWER_RESPONSE, SLOWER_WORK, local_day
from history import SOLVED, Event
from monitoring import MAINTENANCE, NOISE, Wave
from organisation import END
from planted import CHRONIC, FIX_STOPPED, GONE_ITEM, Planted, quarter_of

Row = dict[str, Any]


def truth(
    incidents: list[tuple[Row, Event]],
    plants: list[tuple[Row, Planted]],
    said: list[Row],
    waves: list[Wave],
    articles: list[Row],
    form: Row,
    alerts: list[Row],
) -> Row:
    """Return what was planted, by kind."""
    faults = {event.fault["id"]: event.fault for _, event in incidents}
    return {
        "exported_at": _iso(END),
        "zone": "Asia/Shanghai",
        "whole_quarters": ["2025Q3", "2025Q4", "2026Q1", "2026Q2", "2026Q3"],
        "types": dict(Counter(row["type"] for row, _ in incidents) + Counter(row["type"] for row in said)),
        "requested_faults": list(REQUESTED),
        "chronic": _chronic(plants, articles),
        "solved": [
            {"fault": name, **_signature(faults[name]), "problem": problem, "fixed_on": day.isoformat()}
            for name, (problem, day) in SOLVED.items()
        ],
        "slower_group": _slower(incidents),
        "channel": _channel(incidents),
        "complaints": {
            "topics": dict(Counter(row["_topic"] for row in said)),
            "late_quarter": LATE[0],
            "median_response_hours": {"late": LATE[1], "usual": LATE[2]},
        },
        "outages": [_outage(wave) for wave in sorted(waves, key=lambda wave: wave.begun)],
        "meaningless_alert": {"name": NOISE, "alerts": sum(row["name"] == NOISE for row in alerts)},
        "maintenance": {
            "service": MAINTENANCE[0],
            "started_at": _iso(MAINTENANCE[1]),
            "ended_at": _iso(MAINTENANCE[2]),
            "alerts": MAINTENANCE[3],
        },
        "knowledge": _knowledge(incidents, plants, articles, form, faults),
    }


def _signature(fault: Row) -> Row:
    return {name: fault[name] for name in ("service", "category", "subcategory")}


def _chronic(plants: list[tuple[Row, Planted]], articles: list[Row]) -> list[Row]:
    found = []
    for place, chronic in enumerate(CHRONIC):
        rows = [row for row, plant in plants if plant.kind == "chronic" and plant.place == place]
        plant = next(plant for _, plant in plants if plant.kind == "chronic" and plant.place == place)
        fault = plant.event.fault
        keyword = chronic.fault.replace("-", " ")
        found.append(
            {
                "fault": chronic.fault,
                "cmdb_ci": plant.event.item,
                **_signature(fault),
                "trend": chronic.trend,
                "incidents": len(rows),
                "by_quarter": dict(Counter(quarter_of(local_day(row)) for row in rows)),
                "workarounds": sum(row.get("close_code") == "Solved (Workaround)" for row in rows),
                "problem": chronic.problem,
                "fixed_on": chronic.fixed_on.isoformat() if chronic.fixed_on else None,
                "articles": [entry["number"] for entry in articles if entry["keywords"].endswith(keyword)],
                "numbers": [row["number"] for row in rows],
            }
        )
    return found


def _slower(incidents: list[tuple[Row, Event]]) -> Row:
    group, quarter = SLOWER
    rows = [row for row, _ in incidents if row["assignment_group"] == group]
    return {
        "assignment_group": group,
        "quarter": quarter,
        "response_factor": SLOWER_RESPONSE,
        "work_factor": SLOWER_WORK,
        "incidents": sum(quarter_of(local_day(row)) == quarter for row in rows),
    }


def _channel(incidents: list[tuple[Row, Event]]) -> Row:
    counts: dict[str, Counter[str]] = {}
    for row, _ in incidents:
        counts.setdefault(quarter_of(local_day(row)), Counter())[row["contact_type"]] += 1
    return {
        "from": "phone",
        "to": sorted(MOVED_TO),
        "since": MOVED_SINCE.isoformat(),
        "share": MOVED_SHARE,
        "by_quarter": {quarter: dict(sorted(counter.items())) for quarter, counter in sorted(counts.items())},
    }


def _outage(wave: Wave) -> Row:
    return {
        "service": wave.event.fault["service"],
        "cmdb_ci": wave.event.item,
        "begun_at": _iso(wave.begun),
        "within_an_hour": wave.planted,
        "incidents": len(wave.numbers),
        "alert": wave.alert,
        "change": wave.change,
        "numbers": wave.numbers,
    }


def _knowledge(
    incidents: list[tuple[Row, Event]],
    plants: list[tuple[Row, Planted]],
    articles: list[Row],
    form: Row,
    faults: dict[str, Row],
) -> Row:
    cited = {row.get("knowledge", "") for row, _ in incidents}
    stopped = [row for row, plant in plants if plant.kind == "fix_stopped"]
    translated = {article["translation_of"] for article in articles}
    near = {entry["number"] for entry in form["valid_to_near"]}
    today = END.date().isoformat()
    gaps = Counter(event.fault["id"] for _, event in incidents if not event.fault["zh_title"])
    return {
        "articles": len(articles),
        "gaps": [{"fault": name, **_signature(faults[name]), "incidents": count} for name, count in gaps.most_common()],
        "fix_stopped_working": {
            "fault": FIX_STOPPED[0],
            "since": FIX_STOPPED[1].isoformat(),
            "articles": sorted({row["knowledge"] for row in stopped if row.get("knowledge")}),
            "uses_that_came_back": sum(bool(row.get("knowledge")) for row in stopped),
        },
        "item_gone": {"cmdb_ci": GONE_ITEM[0], "last_seen_by": GONE_ITEM[1].isoformat(), "articles": form["item_gone"]},
        "expired": [entry["number"] for entry in articles if "" < entry["valid_to"] < today],
        "valid_to_near": form["valid_to_near"],
        "never_used": [entry["number"] for entry in articles if entry["number"] not in cited],
        "duplicates": form["duplicate_articles"],
        "form": form["form"],
        "untranslated": [
            entry["number"]
            for entry in articles
            if not entry["translation_of"] and entry["number"] not in translated
            if entry["keywords"] or entry["number"] in near
        ],
    }


def _iso(moment: datetime | date) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
