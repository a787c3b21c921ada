"""The verb `problems`: the chronic faults of a history, those worth most to prevent first."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from diagnosis.calendars import holidays_of
from diagnosis.errors import InputError
from diagnosis.phrases import Language, Phrase
from diagnosis.problems import MeasureEffect, Problem, ProblemContext, ProblemReport, find_problems
from diagnosis.problems.fault_signature import problem_signature
from diagnosis.problems.finding import STAGES, Stage
from diagnosis.problems.history import ProblemHistory
from diagnosis.problems.measures import FollowedMeasure, follow_measures
from diagnosis.problems.problem import ALL, CHRONIC
from diagnosis.recurrence import RecurrenceModel, Signature
from diagnosis.release import check_release
from diagnosis.review.definitions import BY_NAME
from diagnosis.times import format_utc
from training.command_line.intake import add_sources, read_sources
from training.command_line.output import open_atomically
from training.command_line.verb import DONE, add_json, add_language, answer, main, warn, whole_number
from training.command_line.wording import Wording
from training.fitting.as_of import as_known_at, last_moment
from training.records.action_files import read_actions
from training.reports.problems_page import problems_page
from training.reports.problems_text import problems_text

SUMMARY = (
    "Find the chronic faults of a history and rank them by what preventing them is worth: expected incidents within "
    "the horizon with their 80 % interval, the hours that they will cost, and those that a fix would spare."
)
EXAMPLE = "faultwise problems --incidents incidents.csv --signature cmdb_ci,category --horizon 90 --html problems.html"
TOP = 20
_BAR = "{desc} {bar} {n_fmt} of {total_fmt}, {elapsed}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_sources(parser)
    parser.add_argument("--release", type=Path, metavar="DIR", help="take the signature of this release")
    parser.add_argument(
        "--signature",
        metavar="FIELD,FIELD",
        help="what the same fault is, these fields alone; 'text' is likeness of texts on the same values of the others "
        "(default: the release's, or what the data hold, and likeness of texts where fields do not say it)",
    )
    parser.add_argument(
        "--holidays", default="", metavar="COUNTRY", help="whose holidays to come are quiet, such as CN or DE-BY"
    )
    parser.add_argument("--as-of", default="", metavar="DATE", help="when it is looked at (default: latest time)")
    parser.add_argument(
        "--horizon", type=whole_number, default=90, metavar="DAYS", help="days that are forecast (default: 90)"
    )
    listed = parser.add_mutually_exclusive_group()
    listed.add_argument(
        "--top", type=whole_number, default=TOP, metavar="N", help=f"how many are listed (default: {TOP})"
    )
    listed.add_argument("--all", action="store_true", help="list every fault, those that occurred once too")
    parser.add_argument(
        "--actions",
        type=Path,
        metavar="FILE",
        help="actions, CSV or JSON: did they hold; columns: title, problem (its id, title or signature) or numbers "
        "(of its incidents), kind, owner, due, done_at (from when it works)",
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the problems as a page")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_language(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Find and print."""
    t = Wording(args.language)
    actions = read_actions(args.actions, tuple(BY_NAME)) if args.actions else None
    frame = read_sources(args).incidents
    if frame.empty:
        raise InputError(Phrase("problems_without_incidents"))
    if frame["opened_at"].isna().all():
        raise InputError(Phrase("problems_need_dates"))
    as_of = last_moment(frame, args.as_of)
    frame = as_known_at(frame, args.as_of)
    signature = _signature(args, frame)
    report = _find(args, frame, signature, as_of)
    measures = None
    if actions is not None:
        measures = follow_measures(actions, report, ProblemHistory(frame, report))
        if effects := [measure.effect for measure in measures if measure.effect is not None]:
            report = _find(args, frame, signature, as_of, effects)
    _warn(report, args.language)
    problems = report.problems if args.all else report.problems[: args.top]
    if args.html:
        with open_atomically(args.html) as stream:
            opened = dict(zip(frame["number"], frame["opened_at"], strict=True))
            stream.write(problems_page(report, problems, opened, measures, t))
    answer(args, _content(report, problems, measures), problems_text(report, problems, measures, t))
    return DONE


def _warn(report: ProblemReport, language: Language) -> None:
    for reason, count in report.left_out.items():
        if count and reason != "number repeated":
            warn(Phrase("left_out_of_problems", {"n": count, "omission": reason}), language)
    if not report.origins:
        warn(Phrase("history_too_short_for_problems"), language)


def _find(
    args: argparse.Namespace,
    frame: pd.DataFrame,
    signature: Signature,
    as_of: pd.Timestamp,
    effects: Sequence[MeasureEffect] = (),
) -> ProblemReport:
    with tqdm(total=len(STAGES) + 1, file=sys.stderr, leave=False, disable=args.quiet, bar_format=_BAR) as bar:

        def begin(stage: Stage) -> None:
            bar.set_description(stage)
            bar.update()

        return find_problems(
            frame,
            signature,
            as_of=as_of,
            horizon=args.horizon,
            fewest=ALL if args.all else CHRONIC,
            texts=not args.signature,
            context=ProblemContext(holidays_of(args.holidays) if args.holidays else None, effects),
            on_stage=begin,
        )


def _signature(args: argparse.Namespace, frame: pd.DataFrame) -> Signature:
    if args.signature:
        return Signature(tuple(args.signature.split(",")))
    if args.release is None:
        return problem_signature(frame)
    check_release(args.release)
    if not (args.release / "recurrence").is_dir():
        return problem_signature(frame)
    return problem_signature(frame, RecurrenceModel.load(args.release / "recurrence").signature_)


def _content(
    report: ProblemReport, problems: tuple[Problem, ...], measures: Sequence[FollowedMeasure] | None
) -> dict[str, Any]:
    of_file = {} if measures is None else {"actions": [measure.to_dict() for measure in measures]}
    return {
        "as_of": format_utc(report.as_of),
        "horizon_days": report.horizon_days,
        "signature": list(report.signature.fields),
        "incidents": report.incidents,
        "without_signature": report.without_signature,
        "problems": [problem.to_dict() for problem in problems],
        **of_file,
    }


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
