"""The verb `search`: knowledge or past incidents for the queries of a file."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tqdm import tqdm

from diagnosis.diagnoser import Diagnoser
from diagnosis.phrases import Phrase
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
from training.records import load_incidents

SUMMARY = "Find knowledge articles or past incidents for each query of a file (columns: number, description)."
EXAMPLE = "faultwise search --release models --queries questions.csv --in knowledge --k 10 --out hits.jsonl"

_CHUNK = 32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_release(parser)
    parser.add_argument("--queries", type=Path, nargs="+", action="extend", required=True, metavar="FILE")
    parser.add_argument("--in", dest="corpus", choices=("knowledge", "incidents"), default="knowledge")
    parser.add_argument("--k", type=_positive, default=10, help="hits a query (default: 10)")
    add_records(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.jsonl", help="one query's hits a line")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_language(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Read, search, write."""
    diagnoser = Diagnoser.load(find_release(args.release))
    queries = frame_of(load_incidents(args.queries, every_row=True, **record_options(args)), args.language)
    with open_atomically(args.out) as stream, tqdm(total=len(queries), file=sys.stderr, disable=args.quiet) as bar:
        for start in range(0, len(queries), _CHUNK):
            rows = queries.iloc[start : start + _CHUNK]
            # A query that is itself a past incident is not looking for itself.
            results = diagnoser.answers_for(rows, args.corpus, args.k)
            for number, found in zip(rows["number"], results, strict=True):
                hits = [{"number": hit.number, "score": hit.score} for hit in found.hits]
                line = {"query": number, "hits": hits} | ({} if found.covered is None else {"covered": found.covered})
                stream.write(json.dumps(line, ensure_ascii=False) + "\n")
            bar.update(len(rows))
    content = {"release": diagnoser.release, "queries": len(queries), "out": str(args.out)}
    t = Wording(args.language)
    answer(args, content, t("queries answered by {} in {}: {}", diagnoser.release, args.out, f"{len(queries):,}"))
    return DONE


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(Phrase("hits_expected", {"value": text}))
    return int(text)


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
