"""The verb `compare`: two releases on the same later incidents."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import pandas as pd

from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.releases import Releases, find_release
from training.command_line.intake import add_sources, read_sources
from training.command_line.terminal import padded
from training.command_line.verb import DONE, add_json, add_language, add_models, answer, main
from training.command_line.wording import ENGLISH, Wording
from training.evaluation.comparison import Comparison, Figure, compare
from training.evaluation.held_out import HeldOut, honest_predictions

SUMMARY = (
    "Compare two releases on the same incidents: each figure with the paired difference and its 95 % interval.\n"
    "Without any given, on the later incidents that B keeps; rows that A was trained on are left out."
)
EXAMPLE = "faultwise compare 2026-10-01T06-00-00Z-91aa 2026-11-22T10-15-00Z-3f2a"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("a", metavar="A", help="name of a release, or its folder")
    parser.add_argument("b", metavar="B", help="name of the release that would replace it, or its folder")
    add_models(parser)
    add_sources(parser)
    parser.add_argument("--as-of", default="", metavar="DATE", help="up to when the outcomes are known (ISO 8601)")
    add_language(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Compare and print."""
    folders = [_folder(args.models, name) for name in (args.a, args.b)]
    a = Diagnoser.load(folders[0])
    if args.incidents or args.from_store:
        b = Diagnoser.load(folders[1])
        held_out = HeldOut.of(b, _unseen(read_sources(args).incidents, b), args.as_of)
    else:
        recorded = HeldOut.load(folders[1])
        if recorded is None:
            raise InputError(Phrase("nothing_kept_to_compare", {"release": folders[1].name}))
        held_out = recorded
    predictions = honest_predictions(a, folders[0], held_out.incidents, held_out.as_of)
    comparison = compare(a, predictions, folders[1].name, held_out)
    if not comparison.rows:
        raise InputError(Phrase("compared_with_nothing", {"release": a.release, "n": len(held_out)}))
    answer(args, comparison.to_dict(), text(comparison, Wording(args.language)))
    return DONE


def text(comparison: Comparison, t: Wording = ENGLISH) -> str:
    """Return the comparison as a table for a person."""
    head = f"{'':44} {'n':>6} {'A':>7} {'B':>7} {'B - A':>8}   {t('95 % interval')}"
    return "\n".join(
        [t("A {}", comparison.a), t("B {}", comparison.b), t("on {}", t(comparison.basis)), "", head]
        + [_line(figure, t) for figure in comparison.figures]
        + [f"  {t(note)}" for note in comparison.notes]
    )


def _line(figure: Figure, t: Wording) -> str:
    label = padded(t(figure.label)[:44], 44)
    line = f"{label} {figure.n:6,} {figure.a:7.3f} {figure.b:7.3f} {figure.difference:+8.3f}"
    if math.isnan(figure.lower):
        return line
    up, down = (t("better"), t("worse")) if figure.higher_is_better else (t("worse"), t("better"))
    verdict = up if figure.lower > 0 else down if figure.upper < 0 else ""
    interval = t("{} to {}", f"{figure.lower:+.3f}", f"{figure.upper:+.3f}")
    return f"{line}   {interval}  {verdict}".rstrip()


def _unseen(incidents: pd.DataFrame, b: Diagnoser) -> pd.DataFrame:
    in_history = incidents["number"].isin(b.parts.history.frame()["number"]).to_numpy()
    if in_history.all():
        raise InputError(Phrase("compared_with_nothing", {"release": b.release, "n": len(incidents)}))
    return incidents[~in_history].reset_index(drop=True)


def _folder(models: Path, name: str) -> Path:
    return find_release(Path(name)) if Path(name).is_dir() else Releases(models).path(name)


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
