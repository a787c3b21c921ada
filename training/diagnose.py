"""The verb `diagnose`: a diagnosis for each incident of a file, as it would have been made when it was logged."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from diagnosis.phrases import Phrase
from diagnosis.release import Manifest
from diagnosis.releases import find_release
from training.command_line.intake import frame_of
from training.command_line.output import open_atomically
from training.command_line.verb import (
    DONE,
    add_json,
    add_language,
    add_records,
    add_release,
    answer,
    main,
    record_options,
)
from training.command_line.wording import Wording
from training.parallel.bulk import diagnose_in_pieces
from training.parallel.workers import Workers
from training.records import load_incidents

SUMMARY = (
    "Diagnose the incidents of a file, in order of opened_at. Each sees the release's incidents and the earlier rows\n"
    "of the file as they were logged; later fields are not looked at. Every row with a number gets its line."
)
EXAMPLE = "faultwise diagnose --release models --incidents new.csv --out diagnoses.jsonl --jobs -1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_release(parser)
    add_records(parser, incidents=True)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.jsonl", help="one diagnosis a line")
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--jobs",
        type=_jobs,
        default=1,
        metavar="N",
        help="processes at once, each with the release in its memory; -1 for one a processor",
    )
    place.add_argument(
        "--scheduler",
        default="",
        metavar="ADDRESS",
        help="of a Dask cluster whose machines have the release and the folder of --out under the same path",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_language(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Read, diagnose, write."""
    folder = find_release(args.release)
    release = Manifest.read(folder).release
    frame = frame_of(load_incidents(args.incidents, every_row=True, **record_options(args)), args.language)
    workers = Workers("dask", scheduler=args.scheduler) if args.scheduler else Workers(jobs=args.jobs)
    with open_atomically(args.out) as stream:
        lines = diagnose_in_pieces(folder, frame, workers, args.out.parent)
        for line in tqdm(lines, total=len(frame), unit=" incidents", file=sys.stderr, disable=args.quiet):
            stream.write(line + "\n")
    content = {"release": release, "diagnosed": len(frame), "out": str(args.out)}
    t = Wording(args.language)
    answer(args, content, t("diagnoses by {} in {}: {}", release, args.out, f"{len(frame):,}"))
    return DONE


def _jobs(text: str) -> int:
    if not text.removeprefix("-").isdecimal() or int(text) == 0 or int(text) < -1:
        raise argparse.ArgumentTypeError(Phrase("jobs_expected", {"value": text}))
    return int(text)


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
