"""The verb `import`: incidents and knowledge into the service's store, personal data masked."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from diagnosis.errors import InputError
from diagnosis.masking import mask_articles, mask_incidents
from diagnosis.redact import Redactor
from diagnosis.store import Store
from diagnosis.store.bodies import bodies_of
from diagnosis.store.records import Records
from training.command import DONE, add_database, add_json, add_records, answer, main, record_options, warn
from training.records import ImportCounts, RecordStream, read_incidents, read_knowledge

SUMMARY = "Read incidents and knowledge into the service's store; rows that cannot be used go to the reject file."
EXAMPLE = "faultwise import --incidents export.csv --preset servicenow --rejects rejects.csv"

_CHUNK_ROWS = 5_000  # one transaction each: an interrupted import keeps what it had, and may be run again


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("--incidents", type=Path, nargs="+", action="extend", default=[], metavar="FILE")
    parser.add_argument("--knowledge", type=Path, nargs="+", action="extend", default=[], metavar="FILE")
    add_records(parser)
    add_database(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Stream the files into the store and print the counts."""
    if not args.incidents and not args.knowledge:
        raise InputError("nothing to import: give --incidents, --knowledge or both")
    store = Store.open(args.database)
    redactor = Redactor()
    counts: dict[str, ImportCounts] = {}
    try:
        if args.incidents:
            stream = read_incidents(args.incidents, chunk_rows=_CHUNK_ROWS, **record_options(args))
            counts["incidents"] = _put(stream, store.incidents, lambda f: mask_incidents(f, redactor), args.quiet)
        if args.knowledge:
            stream = read_knowledge(args.knowledge, chunk_rows=_CHUNK_ROWS)
            counts["knowledge"] = _put(stream, store.articles, lambda f: mask_articles(f, redactor), args.quiet)
    finally:
        store.close()
    for found in counts.values():
        for reason, times in found.reasons.items():
            warn(f"{times:,} rows: {reason}")
    text = "\n".join(f"{c.imported:,} {kind} imported, {c.rejected:,} rejected" for kind, c in counts.items())
    answer(args, {kind: asdict(c) for kind, c in counts.items()}, text)
    return DONE


def _put(
    stream: RecordStream, records: Records, mask: Callable[[pd.DataFrame], pd.DataFrame], quiet: bool
) -> ImportCounts:
    with tqdm(unit=" rows", file=sys.stderr, disable=quiet) as bar:
        for chunk in stream:
            records.put(bodies_of(mask(chunk)))
            bar.update(len(chunk))
    return stream.counts


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
