"""The verb `publish`: put a release into service, if the gate lets it."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from diagnosis.errors import GateRefusedError
from diagnosis.phrases import Phrase
from diagnosis.releases import Releases
from training.command_line.output import as_json
from training.command_line.verb import DONE, FAILED, add_json, add_language, add_models, answer, main
from training.command_line.wording import ENGLISH, Wording
from training.evaluation.candidate import Candidate
from training.evaluation.gate import GateDecision, judge, table

SUMMARY = (
    "Put a release into service if it is shown to be no worse than the one in service on the same later incidents;\n"
    "refused otherwise, with a table of why and exit status 1. Running services follow within seconds."
)
EXAMPLE = "faultwise publish 2026-11-22T10-15-00Z-3f2a"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("which", metavar="RELEASE", help="name of a release, see `faultwise releases`")
    parser.add_argument("--force", metavar="REASON", help="publish although the gate refuses; the reason is kept")
    add_models(parser)
    add_language(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the gate, then move the pointer."""
    releases = Releases(args.models)
    decision = judge(Candidate(releases.path(args.which)))
    published = decision.publishes or bool(args.force)
    if published:
        put_into_service(releases, decision, args.force)
    content = {
        "release": args.which,
        "published": args.which if published else None,
        "instead_of": decision.instead_of,
        "refused": not published,
        "forced": None if decision.publishes else args.force,
        "checks": gate_checks(decision),
    }
    t = Wording(args.language)
    answer(args, content, gate_words(decision, published=published, t=t))
    return DONE if published else FAILED


def publish(releases: Releases, release: str, force: str | None = None) -> GateDecision:
    """Put a release into service and return what the gate looked at.

    Raises
    ------
    GateRefusedError
        If a check failed or an essential one could not be made, and no reason to publish all the same was given.
    ReleaseError
        If another release was put into service while the gate looked at this one.
    """
    decision = ask_gate(releases, release, force)
    put_into_service(releases, decision, force)
    return decision


def ask_gate(releases: Releases, release: str, force: str | None = None) -> GateDecision:
    """Return what the gate looked at, if the release may be put into service.

    Raises
    ------
    GateRefusedError
        If a check failed or an essential one could not be made, and no reason to publish all the same was given.
    ReleaseError
        If it cannot be loaded.
    """
    decision = judge(Candidate(releases.path(release)))
    if not decision.publishes and not force:
        raise GateRefusedError(gate_words(decision, published=False))
    return decision


def put_into_service(releases: Releases, decision: GateDecision, force: str | None = None) -> None:
    """Move the pointer, keeping in its history why, and what the gate could not measure."""
    if not decision.publishes:
        reason = _forced(decision, force)
    elif decision.unmeasured:
        reasons = tuple(
            Phrase("gate_check_unmeasured", {"check": check.name, "why": check.why}) for check in decision.unmeasured
        )
        reason = Phrase("gate_not_measured", {"reasons": reasons})
    else:
        reason = Phrase("gate_passed")
    releases.publish(decision.release, reason, instead_of=decision.instead_of)


def _forced(decision: GateDecision, force: str | None) -> Phrase:
    failed, unknown = (tuple(check.name for check in checks) for checks in (decision.failed, decision.missing))
    values: dict[str, Any] = {"why": force or ""}
    if failed and unknown:
        return Phrase("gate_forced", {**values, "failed_names": failed, "unknown_names": unknown})
    if failed:
        return Phrase("gate_forced_failed", {**values, "failed_names": failed})
    return Phrase("gate_forced_unknown", {**values, "unknown_names": unknown})


def gate_checks(decision: GateDecision) -> list[dict[str, Any]]:
    """Return the gate's table as plain JSON values."""
    return [as_json(check) for check in decision.checks]


def gate_words(decision: GateDecision, *, published: bool, t: Wording = ENGLISH) -> str:
    """Return what became of a release, with the gate's table, for a person."""
    release, rival = decision.release, decision.instead_of
    if published:
        return f"{t('{} is in service', release)}\n{table(decision.checks, t)}"
    if decision.outcome == "cannot_tell" and rival is None:
        head = t("{} is the first release and could not be measured, so it was not published:", release)
    elif decision.outcome == "cannot_tell":
        head = t("{} could not be compared with {} and was not published:", release, rival)
    elif rival:
        head = t("{} is worse than {} and was not published:", release, rival)
    else:
        head = t("{} is not fit for service and was not published:", release)
    command = t("`faultwise publish {} --force REASON` publishes it all the same", release)
    return f"{head}\n{table(decision.checks, t)}\n{command}"


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
