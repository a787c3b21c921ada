"""How long the history encoder takes to learn from 100,000 incidents and 2,000 articles, to its last step.

    python -m benchmarks.search_training

A training makes two such encoders, one of them blind to what weights are learned from. Steps run in one thread, for the
same vectors each time; processor time beside the clock says how far other work on the machine has stretched them.
"""

from __future__ import annotations

import argparse
import logging
import time

from benchmarks.large_release import articles, incidents
from benchmarks.recombined import clauses_by_topic
from diagnosis.incident import as_frame
from training.fitting.pairs import training_pairs
from training.fitting.search import fit_encoder_on


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--incidents", type=int, default=100_000)
    parser.add_argument("--minutes", type=float, default=60.0, help="bound on the clock; a cut is warned of")
    args = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    topics = clauses_by_topic()
    frames = articles(topics), as_frame(incidents(args.incidents, topics, seed=0))
    pairs = len(training_pairs(frames[1], frames[0]))
    steps = 0

    def progress(_: int, total: int) -> None:
        nonlocal steps
        steps = total

    clock, processor = time.perf_counter(), time.process_time()
    encoder = fit_encoder_on(*frames, max_minutes=args.minutes, progress=progress)
    spent = [(now - before) / 60 for now, before in ((time.perf_counter(), clock), (time.process_time(), processor))]
    print("| incidents | pairs | vocabulary | steps | minutes by the clock | of processor time |\n|" + "---:|" * 6)
    size = f"{args.incidents:,} | {pairs:,} | {len(encoder.weights):,} | {steps:,}"
    print(f"| {size} | {spent[0]:.1f} | {spent[1]:.1f} |")


if __name__ == "__main__":
    main()
