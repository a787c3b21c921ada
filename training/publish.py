"""The verb `publish`: put a release into service, if the gate lets it."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from diagnosis.errors import GateRefusedError
from diagnosis.releases import Releases
from training.command import DONE, add_json, add_models, answer, main
from training.gate import Check, judge, table

SUMMARY = (
    "Put a release into service if it is no worse than the one in service; refused otherwise, with the figures.\n"
    "Running services follow within seconds."
)
EXAMPLE = "faultwise publish 2026-11-22T10-15-00Z-3f2a"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("which", metavar="RELEASE", help="name of a release, see `faultwise releases`")
    parser.add_argument("--force", metavar="REASON", help="publish although the gate refuses; the reason is kept")
    add_models(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the gate, then move the pointer."""
    checks = publish(Releases(args.models), args.which, args.force)
    content = {"published": args.which, "checks": [asdict(c) for c in checks], "forced": args.force}
    answer(args, content, "\n".join([f"{args.which} is in service", *filter(None, [table(checks)])]))
    return DONE


def publish(releases: Releases, release: str, force: str | None = None) -> list[Check]:
    """Put a release into service and return what the gate looked at.

    Raises
    ------
    GateRefusedError
        If a check failed and no reason to publish all the same was given.
    """
    checks = judge(releases, release)
    failed = [check for check in checks if not check.passed]
    if failed and not force:
        raise GateRefusedError(
            f"{release} is worse than the release in service and was not published:\n{table(checks)}\n"
            "`--force REASON` publishes it all the same"
        )
    releases.publish(release, f"forced: {force}" if failed and force else "")
    return checks


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
