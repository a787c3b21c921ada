"""The verb `report`: everything measured of a release, as one HTML file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from diagnosis.releases import find_release
from training.command_line.verb import DONE, add_json, add_language, add_release, answer, main
from training.command_line.wording import Wording
from training.evaluation.candidate import Candidate
from training.reports.release_report import write_report

SUMMARY = (
    "Write the report of a release: one HTML file with its plots inside, to be opened or sent without a network.\n"
    "It is compared with the release in service and with simple baselines, on the later incidents that it keeps."
)
EXAMPLE = "faultwise report --release models --html report.html"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_release(parser)
    parser.add_argument("--html", type=Path, required=True, metavar="FILE", help="where the report goes")
    add_language(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Load, measure, write."""
    candidate = Candidate(find_release(args.release))
    write_report(args.html, candidate, args.language)
    incidents = 0 if candidate.held_out is None else len(candidate.held_out)
    content = {"release": candidate.diagnoser.release, "html": str(args.html), "incidents": incidents}
    answer(args, content, Wording(args.language)("wrote {}", args.html))
    return DONE


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
