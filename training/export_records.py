"""The verb `export`: the store's incidents and knowledge as files that `import` and `train` read."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tqdm import tqdm

from diagnosis.phrases import Phrase
from diagnosis.store import Store
from diagnosis.store.records import Records
from training.command_line.output import open_atomically
from training.command_line.verb import DONE, UsageError, add_database, add_json, add_language, answer, main
from training.command_line.wording import Wording

SUMMARY = "Write the store's incidents and knowledge as JSON Lines, in order of their numbers."
EXAMPLE = "faultwise export --incidents incidents.jsonl --knowledge knowledge.jsonl"

_PAGE = 1_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("--incidents", type=Path, metavar="FILE.jsonl")
    parser.add_argument("--knowledge", type=Path, metavar="FILE.jsonl")
    add_database(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_language(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Write what was asked for."""
    if not args.incidents and not args.knowledge:
        raise UsageError(Phrase("nothing_to_export"))
    store = Store(args.database)
    try:
        store.database.check()  # a store that is not there is not an empty one
        wanted = {"incidents": (store.incidents, args.incidents), "knowledge": (store.articles, args.knowledge)}
        counts = {kind: _write(records, path, args.quiet) for kind, (records, path) in wanted.items() if path}
    finally:
        store.close()
    t = Wording(args.language)
    answer(
        args,
        counts,
        "\n".join(t("{} exported: {}", t.name_of("records", kind), f"{n:,}") for kind, n in counts.items()),
    )
    return DONE


def _write(records: Records, path: Path, quiet: bool) -> int:
    count, number = 0, None
    with open_atomically(path) as stream, tqdm(unit=" rows", file=sys.stderr, disable=quiet) as bar:
        while page := records.page(_PAGE, number):
            stream.writelines(json.dumps(dict(r.body), ensure_ascii=False) + "\n" for r in page)
            number = page[-1].number
            count += len(page)
            bar.update(len(page))
    return count


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
