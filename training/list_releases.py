"""The verb `releases`: what there is, and what is in service."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from diagnosis.releases import Publication, Releases
from training.command import DONE, add_json, add_models, answer, main

SUMMARY = "List the releases, newest first, the one in service, and what was in service since when and why."
EXAMPLE = "faultwise releases --models models"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_models(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the list, and what was in service since when and why."""
    releases = Releases(args.models)
    summaries, history = releases.summaries(), releases.history()
    lines = [f"{'*' if s.published else ' '} {s.release}  {_rows(s.data)}" for s in summaries]
    if history:
        lines += ["", "in service since", *[f"  {_publication(entry)}" for entry in history]]
    text = "\n".join(lines) or f"no release in {args.models}; `faultwise train` makes one"
    content = {"releases": [asdict(s) for s in summaries], "history": [asdict(entry) for entry in history]}
    answer(args, content, text)
    return DONE


def _publication(entry: Publication) -> str:
    undone = f"in place of {entry.rolled_back}, rolled back: " if entry.rolled_back else ""
    return f"{entry.at}  {entry.release}  {undone}{entry.reason}".rstrip()


def _rows(data: object) -> str:
    kinds = data if isinstance(data, dict) else {}
    return ", ".join(f"{part['rows']:,} {kind}" for kind, part in kinds.items() if part.get("rows"))


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
