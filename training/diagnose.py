"""The verb `diagnose`: a diagnosis for each incident of a file, as it would have been made when it was logged."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tqdm import tqdm

from diagnosis.diagnoser import Diagnoser
from diagnosis.releases import find_release
from training.command import DONE, add_json, add_records, add_release, answer, main, record_options
from training.output import written
from training.records import load_incidents

SUMMARY = (
    "Diagnose the incidents of a file, in order of opened_at. Each sees the release's incidents and the earlier rows\n"
    "of the file as they were logged; later fields are not looked at. Every row with a number gets its line."
)
EXAMPLE = "faultwise diagnose --release models --incidents new.csv --out diagnoses.jsonl"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_release(parser)
    add_records(parser, incidents=True)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.jsonl", help="one diagnosis a line")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Read, diagnose, write."""
    diagnoser = Diagnoser.load(find_release(args.release))
    loaded = load_incidents(args.incidents, every_row=True, **record_options(args))
    diagnoses = diagnoser.diagnose_history(loaded.frame)
    bar = tqdm(diagnoses, total=len(loaded.frame), unit=" incidents", file=sys.stderr, disable=args.quiet)
    with written(args.out) as stream:
        for diagnosis in bar:
            stream.write(json.dumps(diagnosis.to_dict(), ensure_ascii=False) + "\n")
    content = {"release": diagnoser.release, "diagnosed": len(loaded.frame), "out": str(args.out)}
    answer(args, content, f"{len(loaded.frame):,} diagnoses by {diagnoser.release} in {args.out}")
    return DONE


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
