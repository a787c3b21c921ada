"""The verb `publish`: put a release into service, if the gate lets it."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from diagnosis.errors import GateRefusedError
from diagnosis.releases import Releases
from training.command import DONE, FAILED, add_json, add_models, answer, main
from training.evaluation.gate import Verdict, judge, table
from training.output import without_nan

SUMMARY = (
    "Put a release into service if it is no worse than the one in service on the same later incidents; refused\n"
    "otherwise, with a table of why and exit status 1. Running services follow within seconds."
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
    releases = Releases(args.models)
    verdict = judge(releases, args.which)
    refused = bool(verdict.failed) and not args.force
    if not refused:
        put(releases, verdict, args.force)
    content = {
        "release": args.which,
        "published": None if refused else args.which,
        "instead_of": verdict.instead_of,
        "refused": refused,
        "forced": args.force if verdict.failed else None,
        "checks": without_nan([asdict(check) for check in verdict.checks]),
    }
    answer(
        args,
        content,
        _refusal(verdict) if refused else "\n".join([f"{args.which} is in service", table(verdict.checks)]),
    )
    return FAILED if refused else DONE


def publish(releases: Releases, release: str, force: str | None = None) -> Verdict:
    """Put a release into service and return what the gate looked at.

    Raises
    ------
    GateRefusedError
        If a check failed and no reason to publish all the same was given.
    ReleaseError
        If another release was put into service while the gate looked at this one.
    """
    verdict = judge(releases, release)
    if verdict.failed and not force:
        raise GateRefusedError(_refusal(verdict))
    put(releases, verdict, force)
    return verdict


def put(releases: Releases, verdict: Verdict, force: str | None = None) -> None:
    """Move the pointer, keeping in its history why, and what the gate could not measure."""
    if verdict.failed:
        reason = f"forced: {force} (refused: {'; '.join(check.name for check in verdict.failed)})"
    else:
        reason = (
            f"not measured: {'; '.join(c.why for c in verdict.unmeasured)}" if verdict.unmeasured else "gate passed"
        )
    releases.publish(verdict.release, reason, instead_of=verdict.instead_of)


def _refusal(verdict: Verdict) -> str:
    against = f"worse than {verdict.instead_of}" if verdict.instead_of else "not fit for service"
    return (
        f"{verdict.release} is {against} and was not published:\n{table(verdict.checks)}\n"
        "`--force REASON` publishes it all the same"
    )


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
