"""Write the sample data anew: ``python data/sample/generate.py`` gives the same bytes each time.

An invented company of some 460 people, 44 faults, 18 months. See README.md, which this script writes as well.
"""

from __future__ import annotations

import argparse
import csv
import io
import tomllib
from collections import Counter
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import articles
import records
from history import SOLVED, Event, events
from organisation import END, items, people

HERE = Path(__file__).parent
SEED = 20261031
Row = dict[str, Any]


def main() -> None:
    """Write incidents.csv, knowledge.csv and README.md."""
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
    known, index = articles.knowledge(rng, faults, guides)
    tally: Counter[str] = Counter()
    happened = events(rng, faults, people(rng), items(rng))
    rows = []
    for place, event in enumerate(happened, start=1):
        row = records.record(rng, event, faults, index, tally)
        rows.append({"number": f"INC{10000 + place:07d}", **row})
    return {
        "incidents.csv": _csv(records.COLUMNS, rows),
        "knowledge.csv": _csv(articles.COLUMNS, known),
        "README.md": _readme(rows, happened, known, faults, guides, tally),
    }


def _csv(columns: tuple[str, ...], rows: list[Row]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n", restval="")
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


def _readme(
    rows: list[Row], happened: list[Event], known: list[Row], faults: list[Row], guides: list[Row], tally: Counter[str]
) -> str:
    kinds = Counter(event.kind for event in happened)
    tally["returns of a fault"] = kinds["return"]
    tally["logged during an outage by many people"] = kinds["outage"]
    tally["logged twice by the same caller"] = kinds["duplicate"]
    chinese = sum(event.caller.language == "zh" and not event.monitored for event in happened)
    late = sum(row["category"] == "AI Assistant" for row in rows)
    stale = sum("" < article["valid_to"] < END.date().isoformat() for article in known)
    lines = "\n".join(f"| {what} | {count:,} |" for what, count in sorted(tally.items()))
    documented = {fault["id"] for fault in faults if fault["zh_title"]}
    return (
        (HERE / "README.in")
        .read_text(encoding="utf-8")
        .format(
            incidents=len(rows),
            articles=len(known),
            first=rows[0]["opened_at"].date(),
            last=rows[-1]["opened_at"].date(),
            chinese=chinese / len(rows),
            recurrence=recurrence_share(rows),
            late=late,
            stale=stale,
            lines=lines,
            translated=sum(bool(article["translation_of"]) for article in known),
            covered=len(documented),
            faults=len(faults),
            guides=2 * len(guides),
            solved=len(SOLVED),
        )
    )


if __name__ == "__main__":
    main()
