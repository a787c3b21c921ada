"""The verb `tune`: look for better settings of routing by time-aware cross-validation, within a time budget."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from training.command_line.intake import add_sources, check_targets, read_sources
from training.command_line.output import folder_missing, open_atomically
from training.command_line.verb import DONE, add_json, add_language, answer, main
from training.command_line.wording import Wording
from training.settings import load_settings, to_toml
from training.tuning.search import Trial, Tuned, tune

SUMMARY = (
    "Look for better settings of routing: each trial is judged on later blocks of the history, learned from what came\n"
    "before them. The later incidents that `train` evaluates on are not looked at. Writes a file for `train --config`."
)
EXAMPLE = "faultwise tune --incidents data/sample/incidents.csv --minutes 30 --out tuned.toml"

_TRIALS_SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_sources(parser)
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings to begin with, as TOML")
    parser.add_argument("--seed", type=int, metavar="N")
    parser.add_argument("--minutes", type=_positive, default=30.0, help="time budget (default: 30)")
    parser.add_argument("--trials", type=int, metavar="N", help="end after so many trials, if that is sooner")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.toml", help="the best settings")
    parser.add_argument(
        "--journal",
        type=Path,
        metavar="FILE",
        help="trials made so far; the same command goes on (default: FILE.toml.journal)",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_language(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Search, write the best, print the trials."""
    if not args.out.absolute().parent.is_dir():
        raise InputError(folder_missing(args.out))
    settings = load_settings(args.config, {} if args.seed is None else {"seed": args.seed})
    incidents = read_sources(args).incidents
    check_targets(incidents, settings.targets)
    journal = args.journal or args.out.with_name(args.out.name + ".journal")
    with tqdm(total=args.minutes * 60, unit="s", file=sys.stderr, disable=args.quiet, bar_format=_BAR) as bar:

        def show_trial(trial: Trial, seconds: float) -> None:
            bar.set_description_str(f"trial {trial.number}, best {trial.best:.4f}")
            bar.update(min(seconds, bar.total) - bar.n)

        tuned = tune(incidents, settings, journal, minutes=args.minutes, trials=args.trials, on_trial=show_trial)
    with open_atomically(args.out) as stream:
        stream.write(to_toml(tuned.settings.changed()))
    answer(args, tuned.to_dict(), _words(tuned, args.out, Wording(args.language)))
    return DONE


_BAR = "{desc:<30}{percentage:3.0f}%|{bar:30}| {elapsed}<{remaining}"


def _words(tuned: Tuned, out: Path, t: Wording) -> str:
    names = list(tuned.trials[0].chosen)
    heads = " | ".join([t("trial"), t("loss"), t("accuracy"), *names])
    lines = [f"| {heads} |", "|---:|---:|---:|" + "---:|" * len(names)]
    for trial in sorted(tuned.trials, key=lambda trial: trial.loss)[:_TRIALS_SHOWN]:
        cells = " | ".join(
            f"{value:.4g}" if isinstance(value, float) else str(value) for value in trial.chosen.values()
        )
        lines.append(f"| {trial.number} | {trial.loss:.4f} | {trial.accuracy:.4f} | {cells} |")
    counts = t("trials: {}, each on later blocks: {}", len(tuned.trials), tuned.blocks)
    lines += ["", counts, t(tuned.verdict), t("wrote {}", out)]
    return "\n".join(lines)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not value > 0:
        raise argparse.ArgumentTypeError(Phrase("minutes_expected", {"value": text}))
    return value


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
