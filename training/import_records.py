"""The verb `import`: incidents and knowledge into the service's store, or from a system into a file, masked."""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from diagnosis.errors import InputError
from diagnosis.incident import IncidentBatch
from diagnosis.redact import Redactor
from diagnosis.redact.records import mask_articles, mask_incidents
from diagnosis.store import Store
from diagnosis.store.bodies import bodies_of
from diagnosis.store.records import Records
from training.command import DONE, add_database, add_json, add_records, answer, main, record_options
from training.fitting.as_of import moment
from training.intake import knowledge_options, tell
from training.records import ImportCounts, RecordStream, read_incidents, read_knowledge
from training.sources.caller import checked_url
from training.sources.credentials import PREFIX, Credentials
from training.sources.outputs import FileOutput, Output, StoreOutput
from training.sources.pull import SYSTEMS, Pull, pull

SUMMARY = (
    "Read incidents and knowledge into the service's store; rows that cannot be used go to the reject file.\n"
    "With --source, read incidents from the API of a system; the same command goes on after an interruption, and\n"
    f"later reads what changed. User and token come from the environment: {PREFIX}SERVICENOW__USER, …__TOKEN."
)
EXAMPLE = (
    "faultwise import --incidents export.csv --preset servicenow --rejects rejects.csv\n"
    "  faultwise import --source servicenow --url https://example.service-now.com --out incidents.jsonl"
)

_CHUNK_ROWS = 5_000  # one transaction each: an interrupted import keeps what it had, and may be run again
_STATES = Path("var")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("--incidents", type=Path, nargs="+", action="extend", default=[], metavar="FILE")
    parser.add_argument("--knowledge", type=Path, nargs="+", action="extend", default=[], metavar="FILE")
    add_records(parser)
    add_database(parser)
    source = parser.add_argument_group("from a system")
    source.add_argument("--source", choices=SYSTEMS, help="read incidents from its REST API")
    source.add_argument("--url", help="its base URL (default: the environment's …__URL)")
    source.add_argument("--query", default="", help="a filter in its own language, see docs/sources.md")
    source.add_argument("--since", metavar="DATE", help="for a first import, only what changed since (ISO 8601)")
    source.add_argument(
        "--keep", nargs="+", action="extend", default=[], metavar="FIELD", help="fields of its own to keep; not masked"
    )
    source.add_argument("--out", type=Path, metavar="FILE.jsonl", help="write a file instead of the store")
    source.add_argument(
        "--state", type=Path, metavar="FILE", help="how far it is (default: beside --out, or in var/ for the store)"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Stream the files, or the system's pages, into the store or a file and print the counts."""
    if args.source and (args.incidents or args.knowledge):
        raise InputError("expected files or --source; found both")
    if not (args.source or args.incidents or args.knowledge):
        raise InputError("nothing to import: give --incidents, --knowledge or both, or --source")
    counts = {"incidents": _from_system(args)} if args.source else _from_files(args)
    for found in counts.values():
        tell(found)
    text = "\n".join(f"{c.imported:,} {kind} imported, {c.rejected:,} rejected" for kind, c in counts.items())
    answer(args, {kind: asdict(c) for kind, c in counts.items()}, text)
    return DONE


def _from_files(args: argparse.Namespace) -> dict[str, ImportCounts]:
    store = Store.open(args.database)
    redactor = Redactor()
    counts: dict[str, ImportCounts] = {}
    try:
        if args.incidents:
            stream = read_incidents(args.incidents, chunk_rows=_CHUNK_ROWS, **record_options(args))
            counts["incidents"] = _put(
                stream,
                store.incidents,
                lambda f: _masked(f, redactor),
                args.quiet,
            )
        if args.knowledge:
            stream = read_knowledge(args.knowledge, chunk_rows=_CHUNK_ROWS, **knowledge_options(args))
            counts["knowledge"] = _put(stream, store.articles, lambda f: mask_articles(f, redactor), args.quiet)
    finally:
        store.close()
    return counts


def _masked(frame: pd.DataFrame, redactor: Redactor) -> pd.DataFrame:
    return mask_incidents(IncidentBatch.from_frame(frame), redactor).frame


def _put(
    stream: RecordStream, records: Records, mask: Callable[[pd.DataFrame], pd.DataFrame], quiet: bool
) -> ImportCounts:
    with tqdm(unit=" rows", file=sys.stderr, disable=quiet) as bar:
        for chunk in stream:
            records.put(bodies_of(mask(chunk)))
            bar.update(len(chunk))
    return stream.counts


def _from_system(args: argparse.Namespace) -> ImportCounts:
    credentials = Credentials.from_environment(args.source, os.environ)
    url = args.url or credentials.url
    if not url:
        raise InputError(f"expected --url, or {PREFIX}{args.source.upper()}__URL in the environment; found neither")
    mapping = dict(args.mapping or ()) or None
    asked = Pull(args.source, replace(credentials, url=checked_url(url)), args.query, mapping, tuple(args.keep))
    if args.out:
        state = args.state or args.out.with_name(args.out.name + ".state.json")
        return _pulled(args, asked, FileOutput(args.out), state, str(args.out.absolute()))
    store = Store.open(args.database)
    try:
        # The database is told apart without its password standing in the file.
        into = hashlib.sha256(args.database.encode()).hexdigest()[:16]
        state = args.state or _STATES / f"import-{args.source}.json"
        return _pulled(args, asked, StoreOutput(store.incidents), state, into)
    finally:
        store.close()


def _pulled(args: argparse.Namespace, asked: Pull, output: Output, state: Path, into: str) -> ImportCounts:
    since = moment(args.since).isoformat() if args.since else ""
    with tqdm(unit=" rows", file=sys.stderr, disable=args.quiet) as bar:

        def told(rows: int, total: int | None) -> None:
            bar.total = total or bar.total
            bar.update(rows)

        return pull(asked, output, state, into=into, since=since, rejects=args.rejects, told=told)


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
