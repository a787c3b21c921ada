"""The verb `review`: the quarter's review, as sentences, figures, a page, a document and tables."""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from tqdm import tqdm

from diagnosis.errors import InputError
from diagnosis.phrases import Language, Phrase
from diagnosis.recurrence import Signature
from diagnosis.releases import find_release
from diagnosis.review import (
    Quarter,
    ReviewFacts,
    ReviewHistory,
    ReviewSettings,
    Words,
    extras_of,
    last_complete_quarter,
    plain_gaps,
    review_quarter,
    summary,
)
from diagnosis.review.definitions import BY_NAME
from diagnosis.review.programme import programme_actions
from diagnosis.service_levels import ServiceLevelRules
from diagnosis.store import Store
from training.command_line.intake import add_sources, read_sources
from training.command_line.output import open_atomically, write_atomically
from training.command_line.verb import DONE, add_json, answer, main, warn
from training.fitting.as_of import last_moment
from training.records.action_files import actions_csv, read_actions
from training.records.hours_files import read_hours
from training.records.monitoring_files import read_alerts, read_changes
from training.records.stored import Stored
from training.records.stored_facts import facts_of_store, outages_of
from training.reports.review.document import review_document
from training.reports.review.page import review_page
from training.reports.review.tables import review_csv

if TYPE_CHECKING:
    from diagnosis.diagnoser import Diagnoser

SUMMARY = (
    "Review a quarter: each key figure with its interval, target and verdict, whether it changed since the quarter\n"
    "before and a year ago, what moved it, the voice of the users, training needs, and actions to take."
)
EXAMPLE = (
    "faultwise review --incidents data/sample/incidents.csv --zone Asia/Shanghai --quarter 2026Q3 --html review.html"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_sources(parser, knowledge=True)
    parser.add_argument("--quarter", metavar="2026Q3", help="which one (default: the last complete quarter)")
    parser.add_argument("--zone", metavar="ZONE", help="where its quarters begin, such as Asia/Shanghai (default: UTC)")
    parser.add_argument("--as-of", default="", metavar="DATE", help="when it is looked at (default: latest time)")
    parser.add_argument(
        "--signature", metavar="FIELD,FIELD", help="what the same fault is (default: what the data hold)"
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="TOML with [review] (zone, limits, targets) and [service_levels]"
    )
    parser.add_argument("--language", choices=("en", "zh"), default="en", help="of what is printed and written")
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="write it as a page that stands alone and prints on A4"
    )
    parser.add_argument(
        "--release", type=Path, metavar="DIR", help="judges which incidents an article answers, else --knowledge"
    )
    parser.add_argument(
        "--alerts", type=Path, metavar="FILE", help="alerts of monitoring systems: were outages warned of"
    )
    parser.add_argument("--changes", type=Path, metavar="FILE", help="changes: which is likely behind an outage (CSV)")
    parser.add_argument("--actions", type=Path, metavar="FILE", help="earlier actions, CSV or JSON: did they help")
    parser.add_argument(
        "--hours", type=Path, metavar="FILE", help="hours that teams have: assignment_group, hours, week (CSV)"
    )
    parser.add_argument(
        "--minutes-saved", type=_minutes, default=3.0, metavar="X", help="work that one automatic routing spares (3)"
    )
    parser.add_argument("--docx", type=Path, metavar="FILE", help="write it as a Word document")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write its figures, or the timetable, as a table")
    parser.add_argument(
        "--programme",
        metavar="2027Q1",
        help="print the programme's timetable of four quarters from this one on instead; --actions reads its CSV",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Review and print."""
    if args.programme:
        return _print_programme(args)
    settings = review_settings(args.config, args.zone)
    with tqdm(total=3, desc="reading", disable=args.quiet, file=sys.stderr) as bar:
        available = read_hours(args.hours) if args.hours else {}
        stored = read_sources(args, keep_repeated=True)  # of exports that overlap the last says how a record ended
        frame = stored.incidents
        as_of = last_moment(frame, args.as_of)
        if pd.isna(as_of):
            raise InputError(Phrase("review_needs_dates"))
        quarter = (
            Quarter.parse(args.quarter) if args.quarter else last_complete_quarter(as_of.to_pydatetime(), settings.zone)
        )
        diagnoser = _diagnoser(args.release)
        facts = _facts(args, frame, settings, as_of)
        bar.update(1)
        bar.set_description("searching" if len(stored.articles) else "counting")
        covered, gaps = _judged(args, diagnoser, stored, quarter, settings.zone, as_of)
        facts = replace(facts, by_number={**facts.by_number, **covered})
        signature = Signature(tuple(args.signature.split(","))) if args.signature else None
        rules = _rules(args.config, diagnoser)
        history = ReviewHistory.read(frame, settings, as_of=as_of, signature=signature, rules=rules, facts=facts)
        del frame, stored  # a million records are read once
        bar.update(1)
        bar.set_description("counting")
        content = review_quarter(
            history, quarter, extras_of(history, quarter, facts, gaps, args.minutes_saved, available)
        )
        bar.update(1)
    _warn_of(history, args.language)
    _write(args, content)
    words = Words(args.language)
    answer(args, content, "\n".join([f"{content['quarter']}", "", *summary(content, words)]))
    return DONE


def _print_programme(args: argparse.Namespace) -> int:
    planned = programme_actions(Quarter.parse(args.programme), args.language)
    if args.csv:
        write_atomically(args.csv, actions_csv(planned).encode("utf-8"))
    words = Words(args.language)
    lines = [f"{entry['due']}  {words('text', 'fact', name=entry['owner'], value=entry['title'])}" for entry in planned]
    answer(args, {"actions": planned}, "\n".join(lines))
    return DONE


def _warn_of(history: ReviewHistory, language: Language) -> None:
    for reason, count in history.left_out.items():
        if count:
            warn(Phrase("left_out_of_review", {"n": count, "omission": reason}), language)


def _facts(args: argparse.Namespace, frame: pd.DataFrame, settings: ReviewSettings, as_of: pd.Timestamp) -> ReviewFacts:
    """Return what the store knows besides the records, and the outages that alerts and incidents show."""
    facts = ReviewFacts(actions=tuple(read_actions(args.actions, tuple(BY_NAME)) if args.actions else ()))
    if args.from_store:
        store = Store(args.from_store)
        try:
            stored = facts_of_store(store)
            facts = replace(stored, actions=(*facts.actions, *stored.actions))
        finally:
            store.close()
    if args.alerts is None:
        return facts
    from diagnosis.surges import SurgeDetector  # noqa: PLC0415 - only with alerts are outages looked for
    from diagnosis.surges.replay import replay_surges  # noqa: PLC0415
    from diagnosis.surges.rhythm import holiday_kinds  # noqa: PLC0415

    say = partial(warn, language=args.language)
    alerts = [alert for alert in read_alerts(args.alerts, say) if alert.at <= as_of.timestamp()]
    changes = read_changes(args.changes, say) if args.changes else []
    records = frame[frame["opened_at"] <= as_of].drop_duplicates("number", keep="last")
    detector = SurgeDetector(zone=settings.zone, day_kinds=holiday_kinds(settings.holidays))
    surges = replay_surges(records, alerts, changes, detector=detector)
    started = {alert.id: alert.at for alert in alerts}
    return replace(facts, outages=outages_of(surges, records, started), watched_since=None)


def _diagnoser(release: Path | None) -> Diagnoser | None:
    if release is None:
        return None
    from diagnosis.diagnoser import Diagnoser  # noqa: PLC0415 - learned parts are heavy; most reviews need none

    return Diagnoser.load(find_release(release))


def _rules(config: Path | None, diagnoser: Diagnoser | None) -> ServiceLevelRules | Mapping[str, Any]:
    """Return the rules of the clocks, where `service-levels` has them from: the settings, else the release."""
    table = _table(config, "service_levels")
    model = diagnoser.parts.service_levels if diagnoser is not None else None
    return table if table or model is None else model.rules_


def _judged(
    args: argparse.Namespace,
    diagnoser: Diagnoser | None,
    stored: Stored,
    quarter: Quarter,
    zone: str,
    as_of: pd.Timestamp,
) -> tuple[dict[str, pd.Series], list[dict[str, Any]] | None]:
    """Return how probably articles answer the incidents, and what none answers; nothing without articles."""
    if diagnoser is None and not len(stored.articles):
        return {}, None
    # What searches is heavy; most reviews need none of it.
    from training.reports.review.coverage import coverage_of, judged_knowledge  # noqa: PLC0415

    if diagnoser is not None:
        if len(stored.articles):
            diagnoser.upsert_articles(stored.articles)
        return {"coverage": coverage_of(diagnoser, stored.incidents, quarter, zone)}, None
    with tqdm(total=100, desc="learning to search", unit="%", disable=args.quiet, file=sys.stderr, leave=False) as bar:
        judged = judged_knowledge(
            stored.incidents,
            stored.articles,
            quarter,
            zone,
            as_of,
            progress=lambda percent: bar.update(percent - bar.n),
        )
    if not len(judged.covered):
        warn(Phrase("coverage_not_calibrated"), args.language)
        return {}, None
    return {"coverage": judged.covered}, plain_gaps(judged.gaps)


def _write(args: argparse.Namespace, content: Mapping[str, Any]) -> None:
    if args.html:
        with open_atomically(args.html) as stream:
            stream.write(review_page(content, args.language))
    if args.docx:
        write_atomically(args.docx, review_document(content, args.language))
    if args.csv:
        write_atomically(args.csv, review_csv(content).encode("utf-8"))


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = -1.0
    if not 0 <= minutes <= 480:
        raise argparse.ArgumentTypeError(Phrase("minutes_of_work_expected", {"value": text}))
    return minutes


def review_settings(config: Path | None, zone: str | None) -> ReviewSettings:
    """Return the settings of a configuration file, with the zone of the command line where it is given.

    Raises
    ------
    InputError
        If the file cannot be read or a setting cannot be used.
    """
    return ReviewSettings.from_mapping({**_table(config, "review"), **({"zone": zone} if zone else {})})


def _table(config: Path | None, name: str) -> Mapping[str, Any]:
    if config is None:
        return {}
    try:
        table: Any = tomllib.loads(config.read_text(encoding="utf-8")).get(name, {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(Phrase("toml_unreadable", {"path": str(config), "fault": str(error)})) from error
    if not isinstance(table, Mapping):
        raise InputError(Phrase("toml_table_expected", {"path": str(config), "name": name, "value": repr(table)}))
    return table


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
