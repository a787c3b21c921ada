"""Write the sample data anew: ``python data/sample/generate.py`` gives the same bytes each time.

An invented company of some 460 people, 44 faults, 18 months. See README.md, which this script writes as well.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import tomllib
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import articles
import complaints
import course
import monitoring
import records
from history import SOLVED, Event, events
from monitoring import Wave
from organisation import END, Person, items, people
from planted import CHRONIC, Planted, planted
from truth import truth

HERE = Path(__file__).parent
SEED = 20261031
Row = dict[str, Any]


Incidents = list[tuple[Row, Event]]


def main() -> None:
    """Write the tables, planted.json and README.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to (default: beside this script)")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for name, text in generate().items():
        (out / name).write_bytes(text.encode("utf-8"))


def generate(seed: int = SEED) -> dict[str, str]:
    """Return the text of each file by its name."""
    rng = Random(seed)
    tables = [tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted((HERE / "faults").glob("*.toml"))]
    faults = [fault for table in tables for fault in table.get("fault", [])]
    guides = [guide for table in tables for guide in table.get("guide", [])]
    plans = articles.contingency([plan for table in tables for plan in table.get("contingency", [])])
    texts = tomllib.loads((HERE / "planted.toml").read_text(encoding="utf-8"))
    known, index = articles.knowledge(rng, faults, guides)
    form = articles.planted(Random(301), known, index, faults, texts)
    tally: Counter[str] = Counter()
    staff, pools = people(rng), items(rng)
    incidents = _history(rng, faults, staff, pools, index, tally)
    plants = _planted(faults, texts["fault"], staff, pools, index, tally)
    waves = [*_waves(incidents), *_waves([(row, plant.event) for row, plant in plants], planted=True)]
    incidents = sorted([*incidents, *((row, plant.event) for row, plant in plants)], key=_moment)
    stories = complaints.complaints(Random(302), incidents, texts["complaints"])
    for place, row in enumerate(stories, start=1):
        row["number"] = f"CMP{place:07d}"
    rows = sorted([*(row for row, _ in incidents), *stories], key=lambda row: row["opened_at"])
    alerts = monitoring.alerts(Random(303), incidents, waves, pools)
    changes = monitoring.changes(Random(304), faults, waves, _measures(faults, pools), pools)
    counts = {"alerts": f"{len(alerts):,}", "changes": f"{len(changes):,}", "outages": str(len(waves))}
    found = truth(incidents, plants, stories, waves, known, form, alerts)
    counts["plans"] = str(len(plans))
    counts["unused"] = str(len(found["knowledge"]["never_used"]))
    return {
        "incidents.csv": _csv(records.COLUMNS, rows),
        "knowledge.csv": _csv(articles.COLUMNS, known),
        "contingency.csv": _csv(articles.COLUMNS, plans),
        "alerts.csv": _csv(monitoring.ALERT_COLUMNS, alerts),
        "changes.csv": _csv(monitoring.CHANGE_COLUMNS, changes),
        "service-map.csv": _csv(monitoring.MAP_COLUMNS, monitoring.service_map(Random(305), faults, pools)),
        "planted.json": json.dumps(found, ensure_ascii=False, indent=1) + "\n",
        "README.md": _readme(incidents, rows, known, faults, guides, tally, counts),
    }


def _history(
    rng: Random,
    faults: list[Row],
    staff: list[Person],
    pools: dict[str, list[str]],
    index: dict[tuple[str, str], str],
    tally: Counter[str],
) -> Incidents:
    """Return the records of what happened by chance, numbered in order of time."""
    incidents, later = [], Random(306)
    for place, event in enumerate(events(rng, faults, staff, pools), start=1):
        row = records.record(rng, event, faults, index, tally)
        course.complete(later, row, event.fault["id"])
        incidents.append(({"number": f"INC{10000 + place:07d}", **row}, event))
    return incidents


def _planted(
    faults: list[Row],
    gone: Row,
    staff: list[Person],
    pools: dict[str, list[str]],
    index: dict[tuple[str, str], str],
    tally: Counter[str],
) -> list[tuple[Row, Planted]]:
    """Return the records of what is planted, numbered behind all others."""
    rng, later = Random(307), Random(308)
    pairs = []
    for place, plant in enumerate(planted(faults, gone, staff, pools, index), start=1):
        row = records.record(rng, plant.event, faults, index, tally)
        closed = ("close_code", "knowledge", "problem")
        row |= {name: value for name, value in plant.fields.items() if row["resolved_at"] or name not in closed}
        course.complete(later, row, plant.event.fault["id"])
        pairs.append(({"number": f"INC{20000 + place:07d}", **row}, plant))
    return pairs


def _moment(entry: tuple[Row, Event]) -> datetime:
    return entry[1].opened


def _waves(incidents: Incidents, *, planted: bool = False) -> list[Wave]:
    """Return the outages: records of one fault and item that lie within half a day."""
    waves: list[Wave] = []
    for row, event in incidents:
        if event.kind != "outage":
            continue
        same = [wave for wave in waves if (wave.event.fault["id"], wave.event.item) == (event.fault["id"], event.item)]
        if same and event.opened - same[-1].begun < timedelta(hours=12):
            same[-1].numbers.append(row["number"])
        else:
            waves.append(Wave(event, event.opened, [row["number"]], planted))
    return waves


def _measures(faults: list[Row], pools: dict[str, list[str]]) -> list[Row]:
    """Return the changes that solved problems for good."""
    by_id = {fault["id"]: fault for fault in faults}
    rows = [monitoring.measure(by_id[name], "", day, problem) for name, (problem, day) in SOLVED.items()]
    for chronic in CHRONIC:
        if chronic.fixed_on:
            fault = by_id[chronic.fault]
            item = pools[fault["pool"]][chronic.place]
            rows.append(monitoring.measure(fault, item, chronic.fixed_on, chronic.problem))
    return rows


def _csv(columns: tuple[str, ...], rows: list[Row]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n", restval="", extrasaction="ignore")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return out.getvalue()


def _cell(value: Any) -> Any:  # noqa: ANN401 - any cell
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else value


def recurrence_share(rows: list[Row], days: int = 30) -> float:
    """Return the share of incidents with a known item whose item and category are logged again within some days.

    Incidents of the last ``days`` days are left out: whether they recur is not yet known.
    """
    last: dict[tuple[str, str], datetime] = {}
    again = total = 0
    for row in reversed(rows):
        if not row["cmdb_ci"]:
            continue
        signature = (row["cmdb_ci"], row["category"])
        if (END - row["opened_at"]).days >= days:
            total += 1
            again += signature in last and (last[signature] - row["opened_at"]).total_seconds() <= days * 86400
        last[signature] = row["opened_at"]
    return again / total


def _facts(incidents: Incidents) -> dict[str, int]:
    """Return what is counted in the records as they are, where planted values have replaced drawn ones."""
    unknown = ("location", "service", "subcategory", "symptom", "caller")
    return {
        "wrong categories": sum(row["category"] != event.fault["category"] for row, event in incidents),
        "resolved by another group than the fault's own": sum(
            row["assignment_group"] != event.fault["group"] for row, event in incidents
        ),
        "missing fields": sum(not row[name] for row, _ in incidents for name in unknown),
        "reassigned": sum(row["reassignment_count"] > 0 for row, _ in incidents),
        "still open": sum(not row["resolved_at"] for row, _ in incidents),
    }


def _readme(
    incidents: Incidents,
    rows: list[Row],
    known: list[Row],
    faults: list[Row],
    guides: list[Row],
    tally: Counter[str],
    counts: dict[str, str],
) -> str:
    happened = [event for _, event in incidents]
    kinds = Counter(event.kind for event in happened)
    tally["returns of a fault"] = kinds["return"]
    tally["logged during an outage by many people"] = kinds["outage"]
    tally["logged twice by the same caller"] = kinds["duplicate"]
    tally = Counter({**tally, **_facts(incidents)})
    chinese = sum(event.caller.language == "zh" and not event.monitored for event in happened)
    types = Counter(row["type"] for row in rows)
    late = sum(row["category"] == "AI Assistant" for row in rows)
    stale = sum("" < article["valid_to"] < END.date().isoformat() for article in known)
    lines = "\n".join(f"| {what} | {count:,} |" for what, count in sorted(tally.items()))
    documented = {fault["id"] for fault in faults if fault["zh_title"]}
    return (
        (HERE / "README.in")
        .read_text(encoding="utf-8")
        .format(
            incidents=len(rows),
            types=types,
            articles=len(known),
            first=rows[0]["opened_at"].date(),
            last=rows[-1]["opened_at"].date(),
            chinese=chinese / len(incidents),
            recurrence=recurrence_share([row for row, _ in incidents]),
            late=late,
            stale=stale,
            lines=lines,
            translated=sum(bool(article["translation_of"]) for article in known),
            covered=len(documented),
            faults=len(faults),
            guides=2 * len(guides),
            solved=len(SOLVED),
            **counts,
        )
    )


if __name__ == "__main__":
    main()
