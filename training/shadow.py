"""The verb `shadow`: let a release answer unseen beside the one in service, and see how it compares."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import InputError
from diagnosis.monitoring.shadow import ShadowTarget, compare_shadow
from diagnosis.phrases import Phrase
from diagnosis.releases import Releases
from diagnosis.store import Store
from training.command_line.terminal import padded
from training.command_line.verb import DONE, add_database, add_json, add_language, add_models, answer, main
from training.command_line.wording import Wording

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
    add_language(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Set, end or compare."""
    releases, t = Releases(args.models), Wording(args.language)
    if args.which or args.off:
        releases.set_shadow(args.which)
        message = t("{} answers unseen from now on", args.which) if args.which else t("no release is in shadow")
        answer(args, {"release": args.which}, message)
        return DONE
    shadow, published = releases.shadow(), releases.published()
    if shadow is None or published is None:
        raise InputError(Phrase("none_in_shadow", {"folder": str(args.models)}))
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
    head = t("{} in shadow; incidents answered by both: {}", shadow, f"{incidents:,}")
    answer(args, content, "\n".join([head, *_lines(comparisons, t)]))
    return DONE


def _lines(comparisons: list[ShadowTarget], t: Wording) -> list[str]:
    lines = []
    for target in comparisons:
        lines += ["", t("{}: same answer {}", t.field(target.target), target.agreement)]
        lines.append(_columns("", [t("automatic"), t("precision"), t("accuracy")], t("ms")))
        for name, side in (("in service", target.in_service), ("shadow", target.shadow)):
            shares = [str(share) for share in (side.automatic, side.precision, side.accuracy)]
            lines.append(_columns(t(name), shares, "-" if side.milliseconds is None else f"{side.milliseconds:.1f}"))
        if target.p_value is not None:
            counts = target.only_in_service, target.only_shadow, f"{target.p_value:.3f}"
            lines.append("  " + t("right alone: the one in service {} times, the shadow {} (McNemar p = {})", *counts))
    return lines


def _columns(name: str, shares: list[str], milliseconds: str) -> str:
    return f"  {padded(name, 12)} {' '.join(padded(share, 26) for share in shares)} {milliseconds}"


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
