"""The verb `rollback`: put the release before this one back into service."""

from __future__ import annotations

import argparse
import sys

from diagnosis.releases import ROLLED_BACK, Releases
from training.command_line.verb import DONE, add_json, add_language, add_models, answer, main
from training.command_line.wording import Wording

SUMMARY = "Put the release that was in service before this one back into service."
EXAMPLE = "faultwise rollback --reason 'wrong groups since Tuesday'"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_models(parser)
    parser.add_argument("--reason", default=ROLLED_BACK, help="kept with the change")
    add_language(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Move the pointer back."""
    previous = Releases(args.models).rollback(args.reason)
    answer(args, {"published": previous}, Wording(args.language)("{} is in service again", previous))
    return DONE


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
