"""The command `faultwise`: one parser over the verbs, each loaded only when it is asked for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import cast

from training.command_line.verb import Parser, Verb, describe, run

# Verb, the module that holds it, and the line of `faultwise --help`.
VERBS = {
    "demo": ("api.demo", "import and train on the sample history if nothing is published, then serve"),
    "import": ("training.import_records", "read incidents and knowledge into the service's store"),
    "export": ("training.export_records", "write the store's incidents and knowledge to files"),
    "train": ("training.train", "make a release from incidents and knowledge"),
    "retrain": ("training.retrain", "audit, train, report and publish from the service's store, if it is better"),
    "tune": ("training.tune", "look for better settings within a time budget"),
    "diagnose": ("training.diagnose", "diagnose the incidents of a file"),
    "search": ("training.search", "find knowledge or past incidents for the queries of a file"),
    "evaluate": ("training.evaluate", "measure a release on incidents whose outcome is known"),
    "recurrence": ("training.recurrence", "measure how often faults come back"),
    "problems": ("training.problems", "find the chronic faults worth most to prevent"),
    "review": ("training.review", "review a quarter: measures, what moved them, what to do"),
    "knowledge": ("training.knowledge", "find what no article answers, and the articles that are out of date"),
    "surges": ("training.surges", "say when each wave of incidents in a history would have been announced"),
    "service-levels": ("training.service_levels", "say what is late, what is at risk, and what to take first"),
    "workload": ("training.workload", "forecast what each group will get, and its backlog"),
    "compare": ("training.compare", "compare two releases on the same incidents"),
    "report": ("training.report", "write a release's report as one HTML file"),
    "audit": ("training.audit", "look for what is wrong with the data before training"),
    "releases": ("training.list_releases", "list the releases and the one in service"),
    "replay": ("training.replay", "what a past period would have been under another release, threshold or rule"),
    "quality": ("training.quality", "show how the release in service fares, what drifted and what was revoked"),
    "shadow": ("training.shadow", "let a release answer unseen beside the one in service, and compare"),
    "publish": ("training.publish", "put a release into service"),
    "rollback": ("training.rollback", "put the release before this one back into service"),
    "backup": ("training.backup", "copy the store and the releases of a running service into a folder"),
    "restore": ("training.restore", "put a backup into a new store and folder of releases"),
    "erase": ("training.erase", "mask a person in the store, and name what still holds them"),
    "serve": ("api.serve", "serve API and console"),
    "mcp": ("api.mcp", "serve AI agents over standard input and output"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `faultwise`; return its exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = Parser(
        prog="faultwise",
        description="Fault diagnosis for IT service management, learned from your own incidents.",
        epilog="`faultwise VERB --help` shows a verb's options and an example.",
    )
    parser.add_argument("--version", action="version", version=f"faultwise {version('faultwise')}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, (module, line) in VERBS.items():
        # Only the verb asked for is imported: `faultwise --help` answers at once.
        is_verb_given = name in words[:1]
        sub = verbs.add_parser(name, help=line, add_help=is_verb_given)
        if is_verb_given:
            describe(_load(module), sub)
    args, extra = parser.parse_known_args(words)
    if extra:
        parser.error(_refused(extra, args))
    return run(_load(VERBS[args.verb][0]), args)


def _refused(extra: Sequence[str], args: argparse.Namespace) -> str:
    """Return what is said of words that no option takes; a file is most often meant as incidents."""
    text = f"unrecognized arguments: {' '.join(extra)}"
    if hasattr(args, "incidents") and Path(extra[0]).is_file():
        text += f"; did you mean --incidents {extra[0]}?"
    return text


def _load(module: str) -> Verb:
    return cast(Verb, import_module(module))


if __name__ == "__main__":
    sys.exit(main())
