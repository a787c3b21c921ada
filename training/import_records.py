"""The verb `import`: incidents and knowledge into the service's store, or from a system into a file, masked."""

from __future__ import annotations

import argparse
import hashlib
import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from diagnosis.errors import InputError
from diagnosis.phrases import Language, Phrase
from diagnosis.redact import Redactor
from diagnosis.redact.records import mask_articles
from diagnosis.store import Store
from diagnosis.store.bodies import bodies_of
from diagnosis.store.records import Records
from diagnosis.times import format_utc
from diagnosis.web import check_url
from training.command_line.intake import knowledge_options, warn_of
from training.command_line.output import as_json
from training.command_line.terminal import padded, width_of
from training.command_line.verb import (
    DONE,
    UsageError,
    add_database,
    add_json,
    add_language,
    add_records,
    answer,
    main,
    record_options,
    warn,
)
from training.command_line.wording import Wording
from training.fitting.as_of import moment
from training.records import ImportCounts, RecordStream, read_incidents, read_knowledge
from training.records.columns import CHANGES, INCIDENTS, KNOWLEDGE, RecordKind
from training.records.explain import Explanation, explain
from training.records.masking import IncidentMask
from training.records.stored_monitoring import import_monitoring
from training.records.times import zone_named
from training.sources.credentials import PREFIX, Credentials
from training.sources.outputs import ChangeOutput, FileOutput, Output, StoreOutput
from training.sources.own_fields import fields_from_environment
from training.sources.pull import CHANGE_SYSTEMS, CHANGES_BY_QUERY, KNOWLEDGE_SYSTEMS, SYSTEMS, Pull, pull

SUMMARY = (
    "Read incidents and knowledge, changes, alerts, a service map and planned work into the service's store; rows\n"
    "that cannot be used go to the reject file.\n"
    "With --source, read incidents from the API of a system; the same command goes on after an interruption, and\n"
    f"later reads what changed. User and token come from the environment: {PREFIX}SERVICENOW__USER, …__TOKEN."
)
EXAMPLE = (
    "faultwise import --incidents export.csv --preset servicenow --rejects rejects.csv\n"
    "  faultwise import --explain export.csv\n"
    "  faultwise import --source servicenow --url https://example.service-now.com --out incidents.jsonl\n"
    "  faultwise import --source rt --url https://rt.example.org --articles\n"
    "  faultwise import --source servicenow --url https://example.service-now.com --kind changes"
)

DEMO = "demo.import"  # what the audit log calls that the sample was put into a store
_CHUNK_ROWS = 5_000  # one transaction each: an interrupted import keeps what it had, and may be run again
_STATES = Path("var")
_READING = ("preset", "number_from", "encoding", "sheet", "timezone")  # options that a proposed command repeats
_KINDS = {"incidents": INCIDENTS, "knowledge": KNOWLEDGE}
_SOURCE_KINDS = {"incidents": INCIDENTS, "articles": KNOWLEDGE, "changes": CHANGES}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("--incidents", type=Path, nargs="+", action="extend", default=[], metavar="FILE")
    parser.add_argument("--knowledge", type=Path, nargs="+", action="extend", default=[], metavar="FILE")
    watched = parser.add_argument_group("beside incidents, for surges (docs/surges.md)")
    watched.add_argument(
        "--changes", type=Path, metavar="FILE", help="changes: ours, or of ServiceNow or GLPI (CSV or .jsonl)"
    )
    watched.add_argument("--alerts", type=Path, metavar="FILE", help="alerts of monitoring systems (CSV)")
    watched.add_argument("--service-map", type=Path, metavar="FILE", help="which item needs which: from, to (CSV)")
    watched.add_argument("--maintenance", type=Path, metavar="FILE", help="planned work: starts_at, ends_at (CSV)")
    add_records(parser)
    add_database(parser)
    parser.add_argument(
        "--explain",
        type=Path,
        metavar="FILE",
        help="import nothing: say what each column of FILE would become, and which options it needs",
    )
    parser.add_argument(
        "--as", dest="kind", choices=tuple(_KINDS), default="incidents", help="what --explain takes FILE for"
    )
    source = parser.add_argument_group("from a system")
    source.add_argument("--source", choices=SYSTEMS, help="read incidents from its REST API")
    source.add_argument(
        "--kind",
        dest="source_kind",
        choices=tuple(_SOURCE_KINDS),
        help=f"what to read from it (default: incidents); articles of {', '.join(KNOWLEDGE_SYSTEMS)}, "
        f"changes of {', '.join(CHANGE_SYSTEMS)}, for which {' and '.join(CHANGES_BY_QUERY)} need --query",
    )
    source.add_argument("--url", help="its base URL (default: the environment's …__URL)")
    source.add_argument("--query", default="", help="a filter in its own language, see docs/sources.md")
    source.add_argument("--since", metavar="DATE", help="for a first import, only what changed since (ISO 8601)")
    source.add_argument(
        "--keep", nargs="+", action="extend", default=[], metavar="FIELD", help="fields of its own to keep"
    )
    source.add_argument("--out", type=Path, metavar="FILE.jsonl", help="write a file instead of the store")
    source.add_argument("--articles", action="store_true", help="the same as --kind articles")
    source.add_argument(
        "--state", type=Path, metavar="FILE", help="how far it is (default: beside --out, or in var/ for the store)"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_language(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Stream the files, or the system's pages, into the store or a file and print the counts."""
    if args.explain:
        explanation = explain(args.explain, _KINDS[args.kind], Redactor().redact, **record_options(args))
        answer(args, as_json(explanation), _explanation_text(explanation, args))
        return DONE
    if args.articles and args.source_kind not in (None, "articles"):
        raise UsageError(Phrase("articles_and_kind", {"kind": args.source_kind}))
    source_kind = "articles" if args.articles else args.source_kind
    if source_kind and not args.source:
        raise UsageError(Phrase("option_without_source", {"option": "--articles" if args.articles else "--kind"}))
    files = args.incidents or args.knowledge or args.changes or args.alerts or args.service_map or args.maintenance
    if args.source and files:
        raise UsageError(Phrase("files_and_source"))
    if not (args.source or files):
        raise UsageError(Phrase("nothing_to_import"))
    kind = _SOURCE_KINDS[source_kind or "incidents"]
    counts = {kind.name: _from_system(args, kind)} if args.source else _from_files(args)
    for count in counts.values():
        warn_of(count, args.language)
    t = Wording(args.language)
    lines = [
        t("{} imported: {}, rejected: {}", t.name_of("records", kind), f"{c.imported:,}", f"{c.rejected:,}")
        for kind, c in counts.items()
    ]
    answer(args, {kind: as_json(c) for kind, c in counts.items()}, "\n".join(lines))
    return DONE


def _explanation_text(explanation: Explanation, args: argparse.Namespace) -> str:
    """Return an explanation as a table, with what is missing and would help below it."""
    t = Wording(args.language)
    preset = explanation.preset or t("none")
    lines = [t("{}: rows looked at {}, preset {}", explanation.file, f"{explanation.rows:,}", preset), ""]
    width = max((width_of(use.column) for use in explanation.columns), default=0)
    for use in explanation.columns:
        target = f"→ {use.field}" if use.field else t(use.use)
        proposal = "  " + t("(looks like {})", use.proposal) if use.proposal else ""
        columns = f"  {padded(use.column, min(width, 40))}  {padded(target, 22)}"
        lines.append(f"{columns}  {use.filled:>5}  {use.sample}{proposal}")
    lines += [t("note: {}", t(note)) for note in explanation.notes]
    if explanation.missing:
        lines.append(t("refused as it is: {}", t(explanation.missing)))
    if explanation.advice or not explanation.missing:
        values = ((f"--{name.replace('_', '-')}", getattr(args, name)) for name in _READING)
        options = [f"{name} {shlex.quote(value)}" for name, value in values if value]
        options += [f"--map {shlex.quote('='.join(pair))}" for pair in args.mapping or ()]
        command = f"faultwise import --{args.kind} {shlex.quote(str(args.explain))}"
        lines.append(t("try: {}", " ".join([command, *options, *explanation.advice])))
    return "\n".join(lines)


def _from_files(args: argparse.Namespace) -> dict[str, ImportCounts]:
    store = _opened(args.database, args.language)
    redactor = Redactor()
    counts: dict[str, ImportCounts] = {}
    try:
        if args.incidents:
            stream = read_incidents(args.incidents, chunk_rows=_CHUNK_ROWS, **record_options(args))
            mask = IncidentMask(redactor)
            put = _put(stream, store.incidents, mask, args.quiet)
            counts["incidents"] = replace(put, notes=(*put.notes, *mask.notes))
        if args.knowledge:
            stream = read_knowledge(args.knowledge, chunk_rows=_CHUNK_ROWS, **knowledge_options(args))
            counts["knowledge"] = _put(stream, store.articles, lambda f: mask_articles(f, redactor), args.quiet)
        counts |= import_monitoring(store, redactor, args.changes, args.alerts, args.service_map, args.maintenance)
    finally:
        store.close()
    return counts


def _opened(database: str, language: Language) -> Store:
    """Open the store; whoever imports into the demo's learns from the sample history as if it were theirs."""
    store = Store.open(database)
    if store.audit.objects(DEMO, datetime.min.replace(tzinfo=UTC)):
        warn(Phrase("store_holds_demo"), language)
    return store


def _put(
    stream: RecordStream, records: Records, mask: Callable[[pd.DataFrame], pd.DataFrame], quiet: bool
) -> ImportCounts:
    with tqdm(unit=" rows", file=sys.stderr, disable=quiet) as bar:
        for chunk in stream:
            records.put(bodies_of(mask(chunk)))
            bar.update(len(chunk))
    return stream.counts


def _from_system(args: argparse.Namespace, kind: RecordKind) -> ImportCounts:
    credentials = Credentials.from_environment(args.source, os.environ)
    url = args.url or credentials.url
    if not url:
        raise InputError(Phrase("url_missing", {"variable": f"{PREFIX}{args.source.upper()}__URL"}))
    own = fields_from_environment(args.source) if kind is INCIDENTS else {}
    mapping = {**own, **dict(args.mapping or ())} or None
    request = Pull(
        args.source,
        replace(credentials, url=check_url(url).rstrip("/")),
        args.query,
        mapping,
        tuple(args.keep),
        zone_named(args.timezone or "UTC"),
        kind,
    )
    if args.out:
        state = args.state or args.out.with_name(args.out.name + ".state.json")
        return _pulled(args, request, FileOutput(args.out), state, str(args.out.absolute()))
    store = _opened(args.database, args.language)
    try:
        # The database is told apart without its password standing in the file.
        into = hashlib.sha256(args.database.encode()).hexdigest()[:16]
        name = args.source if kind is INCIDENTS else f"{args.source}-{kind.name}"
        state = args.state or _STATES / f"import-{name}.json"
        return _pulled(args, request, _output(store, kind), state, into)
    finally:
        store.close()


def _output(store: Store, kind: RecordKind) -> Output:
    if kind is CHANGES:
        return ChangeOutput(store.change_records)
    return StoreOutput(store.incidents if kind is INCIDENTS else store.articles)


def _pulled(args: argparse.Namespace, request: Pull, output: Output, state: Path, into: str) -> ImportCounts:
    since = format_utc(moment(args.since)) if args.since else ""
    with tqdm(unit=" rows", file=sys.stderr, disable=args.quiet) as bar:

        def count(rows: int, total: int | None) -> None:
            bar.total = total or bar.total
            bar.update(rows)

        return pull(request, output, state, into=into, since=since, rejects=args.rejects, on_page=count)


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
