"""The verb `shadow`: let a release answer unseen beside the one in service, and see how it compares."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import InputError
from diagnosis.monitoring.quality import LiveShare
from diagnosis.monitoring.shadow import ShadowTarget, compare_shadow
from diagnosis.releases import Releases
from diagnosis.store import Store
from training.command import DONE, add_database, add_json, add_models, answer, main

SUMMARY = (
    "Let a release answer unseen beside the one in service (RELEASE), end that (--off), or, without either, show how\n"
    "the two compare on the incidents that both answered. Running services follow within seconds."
)
EXAMPLE = "faultwise shadow 2026-11-22T10-15-00Z-3f2a; faultwise shadow --json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("which", nargs="?", metavar="RELEASE", help="name of a release that is not in service")
    choice.add_argument("--off", action="store_true", help="end the shadow; what it answered is kept")
    add_database(parser)
    add_models(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Set, end or compare."""
    releases = Releases(args.models)
    if args.which or args.off:
        releases.set_shadow(args.which)
        message = f"{args.which} answers unseen from now on" if args.which else "no release is in shadow"
        answer(args, {"release": args.which}, message)
        return DONE
    shadow, published = releases.shadow(), releases.published()
    if shadow is None or published is None:
        raise InputError(
            f"expected a release in shadow in {args.models}; found none: `faultwise shadow RELEASE` sets one"
        )
    store = Store(args.database)
    try:
        store.database.check()
        pairs = store.observations.pairs(shadow)
    finally:
        store.close()
    ours, theirs = (Diagnoser.load(releases.path(name)).parts.routers for name in (published, shadow))
    comparisons = compare_shadow(pairs, ours, theirs)
    incidents = len({published_answer.incident for published_answer, _ in pairs})
    content = {"release": shadow, "incidents": incidents, "targets": [asdict(target) for target in comparisons]}
    head = f"{shadow} in shadow, {incidents:,} incidents answered by both"
    answer(args, content, "\n".join([head, *_lines(comparisons)]))
    return DONE


def _lines(comparisons: list[ShadowTarget]) -> list[str]:
    lines = []
    for target in comparisons:
        lines += ["", f"{target.target}: same answer {_share(target.agreement)}"]
        lines.append(f"  {'':12} {'automatic':26} {'precision':26} {'accuracy':26} ms")
        for name, side in (("in service", target.in_service), ("shadow", target.shadow)):
            shares = " ".join(f"{_share(s):26}" for s in (side.automatic, side.precision, side.accuracy))
            lines.append(
                f"  {name:12} {shares} {'-' if side.milliseconds is None else format(side.milliseconds, '.1f')}"
            )
        if target.p_value is not None:
            lines.append(
                f"  only the one in service was right {target.only_in_service} times, "
                f"only the shadow {target.only_shadow} (McNemar p = {target.p_value:.3f})"
            )
    return lines


def _share(share: LiveShare) -> str:
    return "-" if share.share is None else f"{share.share:.1%} ({share.lower:.1%}-{share.upper:.1%})"


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
