"""Is the model of service levels quick enough: training, one incident, and a queue that is kept current.

    python -m benchmarks.service_levels_speed [--incidents 100000] [--open 5000]

Synthetic incidents with the field sizes of a large desk. Bars: 100,000 incidents trained within three minutes, an open
incident assessed within 2 ms, a queue of 5,000 open ones read each minute within a tenth of a core (6 s of processor).
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd

from diagnosis.incident import IncidentBatch, as_frame
from diagnosis.service_levels import ServiceLevelModel
from diagnosis.service_levels.queue import open_clocks

RULES = {"rules": [{"response_hours": 2, "restoration_hours": 8}]}
START = pd.Timestamp("2025-01-01", tz="UTC")


def desk(n: int, days: float, seed: int = 0) -> pd.DataFrame:
    """Return so many incidents of a desk over so many days."""
    draw = np.random.default_rng(seed)
    opened = START + pd.to_timedelta(np.sort(draw.uniform(0, days * 86_400, n)), unit="s")
    item = np.minimum(draw.zipf(1.3, n), 5_000)
    speed = 1.0 + (item % 7) / 3
    answered = opened + pd.to_timedelta(draw.exponential(1.0, n), unit="h")
    columns = {
        "number": [f"N{i}" for i in range(n)],
        "short_description": ["mail is slow"] * n,
        "opened_at": opened,
        "responded_at": answered,
        "resolved_at": answered + pd.to_timedelta(draw.exponential(4.0 * speed), unit="h"),
        "cmdb_ci": [f"ci-{i}" for i in item],
        "service": [f"service {i % 40}" for i in item],
        "category": [f"category {i % 12}" for i in item],
        "subcategory": [f"subcategory {i % 60}" for i in item],
        "priority": draw.choice(["1", "2", "3", "4"], n, p=[0.02, 0.1, 0.4, 0.48]),
        "assignment_group": [f"group {i % 30}" for i in item],
        "caller": [f"caller {i}" for i in draw.integers(0, 4_000, n)],
        "contact_type": draw.choice(["phone", "email", "web"], n),
    }
    return as_frame(pd.DataFrame(columns))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--incidents", type=int, default=100_000)
    parser.add_argument("--open", type=int, default=5_000)
    args = parser.parse_args()
    frame = desk(args.incidents, 365)
    end = frame["opened_at"].max()
    began = time.perf_counter(), time.process_time()
    model = ServiceLevelModel(RULES).fit(frame, as_of=end)
    print("| what | n | seconds | of processor | bar |\n|:--|--:|--:|--:|:--|")
    spent = time.perf_counter() - began[0], time.process_time() - began[1]
    print(f"| training, both clocks | {args.incidents:,} | {spent[0]:.0f} | {spent[1]:.0f} | 180 s |", flush=True)

    later = desk(500, 1, seed=1)
    later = later.assign(opened_at=end + (later["opened_at"] - START))
    names = [name for name in later if name not in ("responded_at", "resolved_at")]
    batch = [  # as the service has it: one incident, no frame
        IncidentBatch.from_rows([{name: value for name, value in row.items() if name in names and not pd.isna(value)}])
        for row in later.to_dict("records")
    ]
    spans = []
    for incident in batch:
        start = time.process_time()
        model.assess(incident)
        spans.append(1e3 * (time.process_time() - start))
    middle, high = np.quantile(spans, [0.5, 0.9])
    print(f"| one incident, both clocks | {len(batch):,} | | {middle:.2f} ms, 90 %: {high:.2f} ms | 2 ms |", flush=True)

    waiting = desk(args.open, 8 / 24, seed=2)  # within the hours of restoration, so that all are judged
    waiting = waiting.assign(
        number=[f"Q{row}" for row in range(len(waiting))],
        opened_at=end - (waiting["opened_at"].max() - waiting["opened_at"]),
        responded_at=pd.NaT,
        resolved_at=pd.NaT,
    )
    queue = IncidentBatch.from_frame(as_frame(waiting))
    model.upsert(queue, range(len(queue)))
    moment = end.to_pydatetime() + pd.Timedelta(minutes=5).to_pytimedelta()
    began = time.perf_counter(), time.process_time()
    clocks = open_clocks(queue, moment, model.rules_, model)
    spent = time.perf_counter() - began[0], time.process_time() - began[1]
    counted = sum(clock.probability_missed is not None for clock in clocks)
    print(f"| the queue, {counted:,} clocks judged | {len(queue):,} | {spent[0]:.2f} | {spent[1]:.2f} | 6 s |")


if __name__ == "__main__":
    main()
