"""The verb `replay`: what a past period would have looked like under another release, threshold or rule."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from diagnosis.decisions import ExclusionRule
from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.releases import Releases, find_release
from diagnosis.store import Store
from diagnosis.store.observations import Observation
from training.command_line.intake import add_sources, read_sources
from training.command_line.output import open_atomically
from training.command_line.terminal import padded
from training.command_line.verb import DONE, add_json, add_language, add_models, answer, main
from training.command_line.wording import ENGLISH, Wording
from training.evaluation.bootstrap import Interval
from training.evaluation.held_out import honest_predictions
from training.evaluation.replay import (
    QUARTER,
    ROUTING_TARGET,
    DecisionMaker,
    ReleaseDecisions,
    Replay,
    ServiceDecisions,
    TargetReplay,
    misrouting,
    replay_period,
    replayed_release,
)
from training.fitting.as_of import last_moment, moment
from training.reports.page import render

SUMMARY = (
    "What would last quarter have looked like under another release, threshold or rule: decisions that would have\n"
    "moved, errors, hours of misrouting. Held against what the service answered then (--from-store), or a release."
)
EXAMPLE = "faultwise replay --from-store --release 2026-11-22T10-15-00Z-3f2a --threshold assignment_group=0.9"

Period = tuple[pd.Timestamp, pd.Timestamp]
_ACTIONS = ("never_automatic", "never_predict")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_sources(parser)
    parser.add_argument(
        "--from", dest="first", default="", metavar="DATE", help="opened from (default: 91 days earlier)"
    )
    parser.add_argument("--to", dest="last", default="", metavar="DATE", help="opened before (default: the newest)")
    parser.add_argument("--release", metavar="RELEASE", help="what would have decided (default: the one in service)")
    parser.add_argument("--against", metavar="RELEASE", help="a release to compare with, not what the store holds")
    parser.add_argument(
        "--threshold",
        type=_threshold,
        nargs="+",
        action="extend",
        default=[],
        metavar="TARGET=P",
        help="decide automatically from this probability, in place of what is certified",
    )
    parser.add_argument("--rules", type=Path, metavar="FILE.json", help="rules in force, as POST /v1/rules takes them")
    parser.add_argument("--hours", type=float, metavar="H", help="hours that one misrouting costs (default: measured)")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write it as a page")
    add_models(parser)
    add_language(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Read, decide twice, compare."""
    if args.hours is not None and not args.hours >= 0:
        raise InputError(Phrase("hours_below_zero", {"value": str(args.hours)}))
    replay = _replay(args)
    if args.html:
        with open_atomically(args.html) as stream:
            stream.write(render("replay.html", args.language, replay=replay))
    answer(args, replay.to_dict(), text(replay, Wording(args.language)))
    return DONE


def text(replay: Replay, t: Wording = ENGLISH) -> str:
    """Return the comparison as tables for a person."""
    lines = [
        t("Opened from {} to {}", f"{replay.first:%Y-%m-%d}", f"{replay.last:%Y-%m-%d}"),
        f"  {t('before: {}', t(replay.before))}",
        f"  {t('after:  {}', t(replay.after))}",
    ]
    if replay.left_out:
        form = "{} incidents left out: unanswered, or learned from and so known to a release"
        lines.append(f"  {t(form, f'{replay.left_out:,}')}")
    for target in replay.targets:
        lines += _target_lines(target, t)
    if any(target.saved is not None for target in replay.targets):
        cost = replay.cost
        lines += ["", t("One misrouting costs {} hours: {}", f"{cost.hours_each:.1f}", t(cost.source))]
    return "\n".join(lines)


def _target_lines(target: TargetReplay, t: Wording) -> list[str]:
    head = t("{}, {} incidents", t.field(target.target), f"{target.incidents:,}")
    lines = ["", padded(head, 38) + " ".join(padded(t(name), 10, right=True) for name in ("before", "after"))]
    sides = (target.before, target.after)
    lines.append(_row(t("decided automatically"), [f"{side.automatic:,}" for side in sides]))
    lines.append(_row(t("wrong among these"), [f"{side.errors:,}" for side in sides]))
    precisions = ["-" if side.precision is None else f"{side.precision:.1%}" for side in sides]
    lines.append(_row(t("precision"), precisions))
    if target.saved is not None:
        lines.append(_row(t("hours of misrouting"), [f"{side.hours:,.0f}" for side in sides]))
    lines += [
        f"  {padded(t(move.name), 28)} {move.incidents:6,}  "
        + t("better {}, worse {}", f"{move.good:,}", f"{move.bad:,}")
        for move in target.moves
    ]
    lines.append(_per_hundred("errors more for each 100 incidents: {} (95 % interval {} to {})", target.errors, t))
    if target.saved is not None:
        lines.append(_per_hundred("hours saved for each 100 incidents: {} (95 % interval {} to {})", target.saved, t))
    return lines


def _replay(args: argparse.Namespace) -> Replay:
    releases = Releases(args.models)
    folder = releases.path(args.release) if args.release else find_release(args.models)
    diagnoser = Diagnoser.load(folder)
    routers = diagnoser.parts.routers
    rules, thresholds = _rules(args.rules), dict(args.threshold)
    unknown = sorted(thresholds.keys() - routers.keys())
    if unknown:
        values = {"name": "--threshold", "choices": tuple(routers), "value": unknown[0]}
        raise InputError(Phrase("value_not_offered", values))
    incidents, period = _period(read_sources(args).incidents, args)
    as_of = last_moment(incidents)
    predictions = honest_predictions(diagnoser, folder, incidents, as_of)
    corrected_after: list[float] = []
    baseline: tuple[Phrase, DecisionMaker] | None = None
    if args.from_store and not args.against:
        observations, corrected_after = _in_service(args.from_store)
        if observations:
            baseline = Phrase("replayed_service"), ServiceDecisions(observations, routers)
    if baseline is None:
        rival_folder = _rival_folder(args, releases, folder, changed=bool(rules or thresholds))
        rival = diagnoser if rival_folder == folder else Diagnoser.load(rival_folder)
        rival_predictions = predictions
        if rival is not diagnoser:
            rival_predictions = honest_predictions(rival, rival_folder, incidents, as_of)
        baseline = replayed_release(rival.release), ReleaseDecisions(rival.parts.routers, rival_predictions)
    alternative = _description(diagnoser, thresholds, rules), ReleaseDecisions(routers, predictions, thresholds, rules)
    cost = misrouting(incidents, corrected_after, args.hours)
    return replay_period(incidents, baseline, alternative, cost, list(routers), period)


def _period(
    incidents: pd.DataFrame, args: argparse.Namespace
) -> tuple[pd.DataFrame, tuple[pd.Timestamp, pd.Timestamp]]:
    opened = incidents["opened_at"]
    if opened.isna().all():
        raise InputError(Phrase("replay_needs_dates", {"n": len(incidents)}))
    last = moment(args.last) if args.last else opened.max() + pd.Timedelta(microseconds=1)
    first = moment(args.first) if args.first else last - QUARTER
    inside = incidents[(opened >= first) & (opened < last)].drop_duplicates("number", keep="last")
    if inside.empty:
        days = {"first": first, "last": last, "opened_first": opened.min(), "opened_last": opened.max()}
        raise InputError(Phrase("period_without_incidents", {name: f"{day:%Y-%m-%d}" for name, day in days.items()}))
    return inside.reset_index(drop=True), (first, last)


def _in_service(url: str) -> tuple[dict[str, dict[str, Observation]], list[float]]:
    """Return the first answers by target and number, and the hours until people corrected a group."""
    store = Store(url)
    try:
        store.database.check()
        by_target: dict[str, dict[str, Observation]] = {}
        for observation in store.observations.first_answers():
            by_target.setdefault(observation.target, {})[observation.incident] = observation
        groups = by_target.get(ROUTING_TARGET, {})
        hours = [
            (feedback.created_at - groups[feedback.incident].predicted_at).total_seconds() / 3600
            for feedback in store.feedback.all()
            if feedback.kind == "overridden"
            and feedback.target == ROUTING_TARGET
            and feedback.created_at is not None
            and feedback.incident in groups
        ]
    finally:
        store.close()
    return by_target, hours


def _rival_folder(args: argparse.Namespace, releases: Releases, folder: Path, *, changed: bool) -> Path:
    """Return the folder of the release to compare with: the one named, else the one in service."""
    path = releases.path(args.against) if args.against else find_release(args.models)
    if path == folder and not changed:
        raise InputError(Phrase("replay_against_itself", {"release": folder.name}))
    return path


def _description(diagnoser: Diagnoser, thresholds: Mapping[str, float], rules: list[ExclusionRule]) -> Phrase:
    phrases = [replayed_release(diagnoser.release)]
    for target, least in thresholds.items():
        phrases.append(Phrase("replayed_threshold", {"target": target, "least": least}))
    if rules:
        names = tuple(rule.name for rule in rules)
        phrases.append(Phrase("replayed_rules", {"n": len(rules), "names": names}))
    return Phrase("several", {"phrases": tuple(phrases)})


def _rules(path: Path | None) -> list[ExclusionRule]:
    if path is None:
        return []
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        entries = raw if isinstance(raw, list) else [raw]
        rules = [ExclusionRule(id="", **{name: rule[name] for name in rule if name != "confirm"}) for rule in entries]
    except (OSError, ValueError, TypeError) as error:
        raise InputError(Phrase("rules_unreadable", {"path": str(path), "fault": str(error)})) from error
    for rule in rules:
        if rule.action not in _ACTIONS or not isinstance(rule.fields, dict):
            values = {"path": str(path), "choices": tuple(_ACTIONS), "value": rule.action}
            raise InputError(Phrase("rule_of_other_action", values))
    return rules


def _threshold(value: str) -> tuple[str, float]:
    target, _, least = value.partition("=")
    try:
        share = float(least)
    except ValueError:
        share = float("nan")
    if not target or not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(Phrase("threshold_expected", {"value": value}))
    return target, share


def _row(name: str, values: list[str]) -> str:
    return f"  {padded(name, 36)}" + " ".join(f"{value:>10}" for value in values)


def _per_hundred(form: str, difference: Interval, t: Wording) -> str:
    figures = (f"{figure:+.2f}" for figure in (difference.mean, difference.lower, difference.upper))
    return f"  {t(form, *figures)}"


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
