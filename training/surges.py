"""The verb `surges`: when each wave of incidents in a history would have been announced."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd
from tqdm import tqdm

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.surges import SurgeDetector
from diagnosis.surges.monitoring_data import ServiceMap
from diagnosis.surges.replay import replay_surges
from diagnosis.surges.rhythm import holiday_kinds
from training.command_line.intake import add_sources, read_sources
from training.command_line.output import open_atomically
from training.command_line.verb import DONE, add_json, add_language, answer, main, warn
from training.command_line.wording import Wording
from training.records.monitoring_files import read_alerts, read_changes, read_maintenance, read_service_map
from training.reports.surges_page import in_zone, surges_page, usual_text

SUMMARY = (
    "Replay a history of incidents, with alerts where there are some, and say when a surge or a major incident would "
    "have been announced: its scope, the incidents that it joins, the likely item and change, and when it was over."
)
EXAMPLE = "faultwise surges --incidents incidents.csv --changes changes.csv --zone Asia/Shanghai --html surges.html"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_sources(parser)
    parser.add_argument("--alerts", type=Path, metavar="FILE", help="alerts of monitoring systems (CSV)")
    parser.add_argument("--changes", type=Path, metavar="FILE", help="changes, to name the likely one (CSV or .jsonl)")
    parser.add_argument("--service-map", type=Path, metavar="FILE", help="which item needs which: from, to (CSV)")
    parser.add_argument(
        "--false-alarms-per-month",
        type=_rate,
        default=1.0,
        metavar="X",
        help="how many announcements without a surge are accepted, on average (default: 1)",
    )
    parser.add_argument("--zone", type=_zone, default="UTC", help="time zone of the desk's hours (default: UTC)")
    parser.add_argument(
        "--holidays", default="", metavar="COUNTRY", help="public holidays of a country, such as CN or DE-BY"
    )
    parser.add_argument(
        "--maintenance",
        type=Path,
        metavar="FILE",
        help="planned work that is no surge: starts_at, ends_at (CSV)",
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="write them as a page to look at")
    add_language(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Replay and print."""
    t = Wording(args.language)
    frame = read_sources(args).incidents
    dated = int(frame["opened_at"].notna().sum())
    if not dated:
        raise InputError(Phrase("surges_need_dates"))
    if dated < len(frame):
        warn(Phrase("left_out_undated", {"n": len(frame) - dated, "of": len(frame)}), args.language)
    alerts = read_alerts(args.alerts, partial(warn, language=args.language)) if args.alerts else []
    changes = read_changes(args.changes, partial(warn, language=args.language)) if args.changes else []
    service_map = read_service_map(args.service_map) if args.service_map else ServiceMap()
    detector = SurgeDetector(args.false_alarms_per_month, args.zone, holiday_kinds(args.holidays))
    detector.maintenance = read_maintenance(args.maintenance) if args.maintenance else ()
    with tqdm(total=dated + len(alerts), desc="replaying", disable=args.quiet, file=sys.stderr) as bar:
        surges = replay_surges(
            frame,
            alerts,
            changes,
            service_map,
            detector=detector,
            progress=bar.update,
        )
    if args.html:
        with open_atomically(args.html) as stream:
            stream.write(surges_page(surges, frame, args.zone, args.false_alarms_per_month, args.language))
    plain = [{name: value for name, value in surge.items() if name != "course"} for surge in surges]
    content = {"false_alarms_per_month": args.false_alarms_per_month, "surges": plain}
    answer(args, content, _text(surges, frame, args.zone, t))
    return DONE


def _text(surges: list[dict[str, Any]], frame: pd.DataFrame, zone: str, t: Wording) -> str:
    first, last = (f"{moment:%Y-%m-%d}" for moment in (frame["opened_at"].min(), frame["opened_at"].max()))
    head = t("{} announced between {} and {}, the first two weeks only learned from", len(surges), first, last)
    return "\n".join([head, *(line for surge in surges for line in ("", *_lines(surge, zone, t)))])


def _lines(surge: dict[str, Any], zone: str, t: Wording) -> list[str]:
    scope = ", ".join(f"{t.field(name)} {value}" for name, value in surge["scope"].items()) or t("all incidents")
    at, since = in_zone(surge["at"], zone), in_zone(surge["since"], zone)
    over = t("over {}", in_zone(surge["over_at"], zone)) if surge["over_at"] else t("not over at the end")
    usual = usual_text(surge["expected"])
    if surge["kind"] == "silence":
        return [t("{}  silence: no incident since {}, {} are usual; {}", at, since, usual, over)]
    kind = t("likely major incident") if surge["kind"] == "major_incident" else t("surge")
    counts = surge["found"], since, usual, len(surge["numbers"]), len(surge["alerts"])
    form = "{}  {}: {}, {} since {} where {} are usual; {} incidents and {} alerts in the end, {}"
    lines = [t(form, at, kind, scope, *counts, over)]
    services = t.listed(surge["services"]) if len(surge["services"]) > 1 else ""
    hints = {
        "services: {}": services,
        "likely item: {}": surge["likely_item"],
        "likely change: {}": surge["likely_change"],
    }
    lines += ["    " + t(form, value) for form, value in hints.items() if value]
    lines.append(f"    {', '.join(surge['numbers'][:8])}{' …' if len(surge['numbers']) > 8 else ''}")
    return lines


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < 1000:
        raise argparse.ArgumentTypeError(Phrase("rate_expected", {"value": text}))
    return rate


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise argparse.ArgumentTypeError(Phrase("option_zone_expected", {"value": text})) from error
    return text


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
