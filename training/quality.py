"""The verb `quality`: how the release in service fares, from what became of its answers."""

from __future__ import annotations

import argparse
import sys

from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import InputError
from diagnosis.monitoring.drift import Drift
from diagnosis.monitoring.quality import ClassQuality, TargetQuality
from diagnosis.monitoring.report import LiveReport, live_report
from diagnosis.phrases import Phrase
from diagnosis.releases import Releases
from diagnosis.store import Store
from training.command_line.output import without_nan
from training.command_line.terminal import padded
from training.command_line.verb import DONE, add_database, add_json, add_language, add_models, answer, main
from training.command_line.wording import ENGLISH, Wording

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
    add_language(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Read and print."""
    releases = Releases(args.models)
    release = args.release or releases.published()
    if release is None:
        raise InputError(Phrase("none_published", {"folder": str(args.models)}))
    diagnoser = Diagnoser.load(releases.path(release))
    store = Store(args.database)
    try:
        store.database.check()
        report = live_report(store, diagnoser)
    finally:
        store.close()
    answer(args, without_nan(report.to_dict()), text(report, Wording(args.language)))
    return DONE


def text(report: LiveReport, t: Wording = ENGLISH) -> str:
    """Return the report as tables for a person."""
    if not report.incidents:
        return t("{} has answered nothing yet", report.release)
    span = (f"{moment:%Y-%m-%d}" for moment in (report.since, report.until))
    lines = [t("{}: incidents from {} to {}: {}", report.release, *span, f"{report.incidents:,}")]
    for target in report.targets:
        lines += ["", *_target(target, t)]
    if report.drift:
        lines += ["", t("drift"), *[_drift(entry, t) for entry in report.drift]]
    for entry in report.revocations:
        certificate = f"{t.field(entry.target)} {entry.value}"
        lines.append(t("revoked on {}: {} ({})", f"{entry.at:%Y-%m-%d}", certificate, t(entry.phrase)))
    return "\n".join(lines)


def _target(target: TargetQuality, t: Wording) -> list[str]:
    heads = (t(name) for name in ("answers", "known", "automatic", "precision", "suggested right"))
    all_of_it = _class(target.all, t, t("all (promised {})", f"{target.promised:.0%}"))
    return [_columns(t.field(target.target), *heads, ""), all_of_it, *(_class(entry, t) for entry in target.classes)]


def _class(entry: ClassQuality, t: Wording, name: str = "") -> str:
    state = t("revoked") if entry.revoked else t("certified") if entry.certified else ""
    shares = (str(share) for share in (entry.automatic, entry.precision, entry.suggested))
    return _columns(f"  {name or entry.value:.26}", f"{entry.answers:,}", f"{entry.settled:,}", *shares, state)


def _columns(name: str, answers: str, known: str, *shares_and_state: str) -> str:
    *shares, state = shares_and_state
    counts = f"{padded(answers, 8, right=True)} {padded(known, 7, right=True)}"
    return f"{padded(name, 28)} {counts}   {' '.join(padded(share, 24) for share in shares)} {state}".rstrip()


def _drift(entry: Drift, t: Wording) -> str:
    changes = t.listed(
        t("{} {} to {}", c.value or t("(empty)"), f"{c.before:.0%}", f"{c.now:.0%}") for c in entry.changes[:3]
    )
    chance = t("(chance {})", f"{entry.chance:.3f}")
    name = padded(t.field(entry.name), 14)
    return f"  {name} {entry.drift:6.3f} {chance}  {padded(t(entry.verdict), 6)}  {changes}".rstrip()


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
