"""The verb `evaluate`: measure a release on incidents whose outcome is known."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from diagnosis.diagnoser import Diagnoser
from diagnosis.releases import find_release
from training.command import DONE, add_json, add_release, answer, main, warn
from training.evaluation.candidate import Candidate
from training.evaluation.held_out import HeldOut
from training.evaluation.scorecard import headlines, measure
from training.intake import add_sources, read_sources
from training.reports.release_report import write_report

SUMMARY = "Measure a release on incidents whose category, group and outcome are known."
EXAMPLE = "faultwise evaluate --release models --incidents later.csv --json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_release(parser)
    add_sources(parser)
    parser.add_argument("--as-of", default="", metavar="DATE", help="up to when the outcomes are known (ISO 8601)")
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="write the report on these incidents as one HTML file"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Read, measure, print."""
    folder = find_release(args.release)
    diagnoser = Diagnoser.load(folder)
    incidents = read_sources(args).incidents
    in_history = int(incidents["number"].isin(diagnoser.parts.history.frame()["number"]).sum())
    if in_history:
        share = f"{in_history:,} of {len(incidents):,} incidents"
        warn(f"{share} were in the release's own data, so these figures flatter it")
    held_out = HeldOut.of(diagnoser, incidents, args.as_of)
    card = measure(diagnoser, held_out)
    if args.html:
        write_report(args.html, Candidate(folder, held_out))
    text = "\n".join([f"{diagnoser.release} on {card.incidents:,} incidents", *headlines(card)])
    answer(args, {"release": diagnoser.release, "seen_in_training": in_history, **card.to_dict()}, text)
    return DONE


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
