"""The verb `releases`: what there is, and what is in service."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from diagnosis.releases import Releases
from training.command import DONE, add_json, add_models, answer, main

SUMMARY = "List the releases, newest first, and the one in service."
EXAMPLE = "faultwise releases --models models"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_models(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the list."""
    found = Releases(args.models).summaries()
    lines = [f"{'*' if s.published else ' '} {s.release}  {_rows(s.data)}" for s in found]
    text = "\n".join(lines) or f"no release in {args.models}; `faultwise train` makes one"
    answer(args, {"releases": [asdict(s) for s in found]}, text)
    return DONE


def _rows(data: object) -> str:
    kinds = data if isinstance(data, dict) else {}
    return ", ".join(f"{part['rows']:,} {kind}" for kind, part in kinds.items() if part.get("rows"))


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
