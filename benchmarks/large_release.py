"""A release of as many incidents as asked for, to measure the service with.

    python -m benchmarks.large_release --incidents 100000 --out /tmp/models

Texts are recombined from real ones (`benchmarks.recombined`); callers, devices, times and resolutions are drawn, so
that every part of a diagnosis has something to do. Routers and encoder learn from some of the incidents, with a small
budget: what is measured here is time, not quality.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.recombined import Topics, clauses_by_topic, labelled
from diagnosis.diagnoser import Diagnoser
from diagnosis.incident import as_frame
from diagnosis.knowledge import as_knowledge_frame
from diagnosis.release import write_release
from diagnosis.releases import Releases
from training.settings import TrainSettings
from training.train import train

LEARNED = 8_000  # incidents that everything is fitted on; the rest is added to what is searched and counted
_DEVICES, _CALLERS, _ARTICLES = 2_000, 5_000, 2_000
_TITLE = 60  # characters


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--incidents", type=int, default=100_000)
    parser.add_argument("--out", type=Path, required=True, help="folder of releases")
    args = parser.parse_args()
    print(large_release(args.out, args.incidents))


def large_release(models: Path, size: int) -> Path:
    """Train on up to `LEARNED` incidents, add the rest, write and publish the release, and return its folder."""
    topics = clauses_by_topic()
    frame = as_frame(incidents(size, topics, seed=0))
    settings = TrainSettings(evaluate=False, audit=False, encoder_steps=200)
    release = train(frame.iloc[:LEARNED], articles(topics), settings, models).folder
    if size > LEARNED:
        diagnoser = Diagnoser.load(release)
        diagnoser.upsert_incidents(frame.iloc[LEARNED:])
        release = write_release(models, diagnoser.parts.save, settings={}, seed=0, data={})
    Releases(models).publish(release.name)
    return release


def incidents(size: int, topics: Topics, seed: int) -> pd.DataFrame:
    """Return resolved incidents in order of opening, two years of them."""
    rng = np.random.default_rng(seed)
    texts, topic = zip(*labelled(size, topics, seed), strict=True)
    group = np.array(topic)
    opened = pd.Timestamp("2024-11-01", tz="UTC") + pd.to_timedelta(np.sort(rng.random(size)) * 730, unit="D")
    return pd.DataFrame(
        {
            "number": [f"INC{i:07}" for i in range(size)],
            "opened_at": opened,
            "short_description": [text[:_TITLE] for text in texts],
            "description": texts,
            "caller": _names("u", rng.zipf(1.3, size) % _CALLERS),
            # A topic has devices of its own, some of them far more troublesome than others.
            "cmdb_ci": _names("ci-", (group * 37 + rng.zipf(1.5, size)) % _DEVICES),
            "category": _names("category ", group % 12),
            "assignment_group": _names("group ", group),
            "resolved_at": opened + pd.to_timedelta(rng.exponential(0.2, size), unit="D"),
            "close_notes": [_clauses(topics[one], rng) for one in topic],
            "reopen_count": (rng.random(size) < 0.05).astype(int),
        }
    )


def articles(topics: Topics, seed: int = 1) -> pd.DataFrame:
    """Return articles whose resolutions are made of clauses of the same topics."""
    rng = np.random.default_rng(seed)
    texts, topic = zip(*labelled(_ARTICLES, topics, seed), strict=True)
    rows = {
        "number": [f"KB{i:05}" for i in range(_ARTICLES)],
        "title": [text[:_TITLE] for text in texts],
        "symptoms": texts,
        "resolution": [_clauses(topics[one], rng) for one in topic],
    }
    return as_knowledge_frame(pd.DataFrame(rows))


def _names(prefix: str, codes: np.ndarray) -> list[str]:
    return [f"{prefix}{code}" for code in codes.tolist()]


def _clauses(texts: list[list[str]], rng: np.random.Generator) -> str:
    return "; ".join(texts[rng.integers(len(texts))][:2])


if __name__ == "__main__":
    main()
