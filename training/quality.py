"""The verb `quality`: how the release in service fares, from what became of its answers."""

from __future__ import annotations

import argparse
import sys

from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import InputError
from diagnosis.monitoring.drift import Drift
from diagnosis.monitoring.quality import ClassQuality, LiveShare, TargetQuality
from diagnosis.monitoring.report import LiveReport, live_report
from diagnosis.releases import Releases
from diagnosis.store import Store
from training.command import DONE, add_database, add_json, add_models, answer, main
from training.output import without_nan

SUMMARY = (
    "Show how the release in service fares: precision and coverage per class with 95 % intervals, what has drifted,\n"
    "and which certificates live data took back. Read from the service's store, which is not changed."
)
EXAMPLE = "faultwise quality --database postgresql://faultwise@db/faultwise --models models"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("--release", metavar="RELEASE", help="another release that was in service, by name")
    add_database(parser)
    add_models(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Read and print."""
    releases = Releases(args.models)
    release = args.release or releases.published()
    if release is None:
        raise InputError(f"expected a release in service in {args.models}; found none published")
    diagnoser = Diagnoser.load(releases.path(release))
    store = Store(args.database)
    try:
        store.database.check()
        report = live_report(store, diagnoser)
    finally:
        store.close()
    answer(args, without_nan(report.to_dict()), text(report))
    return DONE


def text(report: LiveReport) -> str:
    """Return the report as tables for a person."""
    if not report.incidents:
        return f"{report.release} has answered nothing yet"
    head = f"{report.release}: {report.incidents:,} incidents from {report.since:%Y-%m-%d} to {report.until:%Y-%m-%d}"
    lines = [head]
    for target in report.targets:
        lines += ["", *_target(target)]
    if report.drift:
        lines += ["", "drift", *[_drift(entry) for entry in report.drift]]
    for entry in report.revocations:
        lines.append(f"revoked on {entry.at:%Y-%m-%d}: {entry.target} {entry.value} ({entry.as_rule().name})")
    return "\n".join(lines)


def _target(target: TargetQuality) -> list[str]:
    head = f"{target.target:28} {'answers':>8} {'known':>7}   {'automatic':24} {'precision':24} {'suggested right':24}"
    return [head, _class(target.all, f"all (promised {target.promised:.0%})"), *map(_class, target.classes)]


def _class(entry: ClassQuality, name: str = "") -> str:
    state = "revoked" if entry.revoked else "certified" if entry.certified else ""
    shares = " ".join(f"{_share(share):24}" for share in (entry.automatic, entry.precision, entry.suggested))
    return f"  {name or entry.value:26.26} {entry.answers:8,} {entry.settled:7,}   {shares} {state}".rstrip()


def _share(share: LiveShare) -> str:
    return "-" if share.share is None else f"{share.share:.1%} ({share.lower:.1%}-{share.upper:.1%})"


def _drift(entry: Drift) -> str:
    changes = ", ".join(f"{c.value or '(empty)'} {c.before:.0%} to {c.now:.0%}" for c in entry.changes[:3])
    return f"  {entry.name:14} {entry.drift:6.3f} (chance {entry.chance:.3f})  {entry.verdict:6}  {changes}".rstrip()


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
