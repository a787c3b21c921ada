"""The verb `workload`: what each group will get and close in the coming weeks, and what becomes of its backlog."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from diagnosis.errors import InputError
from diagnosis.incident import IncidentBatch
from diagnosis.workload import Amount, GroupWorkload, WorkloadForecast, forecast_workload
from diagnosis.workload.arrivals import TRUST
from diagnosis.workload.report import HORIZON, LONGEST
from training.command import DONE, add_json, answer, main, warn
from training.fitting.as_of import last_moment
from training.intake import add_sources, read_sources
from training.output import open_atomically
from training.reports.workload_page import workload_page

SUMMARY = (
    "Forecast how many incidents each group will get and close in the coming weeks, by the rhythm of the week,\n"
    "holidays and trend, and what becomes of its backlog; each number with its 80 % interval. It needs no release."
)
EXAMPLE = "faultwise workload --incidents incidents.csv --zone Asia/Shanghai --holidays CN --html workload.html"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_sources(parser)
    parser.add_argument("--zone", default="UTC", help="time zone of the days, such as Asia/Shanghai (default: UTC)")
    parser.add_argument("--holidays", default="", metavar="COUNTRY", help="whose public holidays, such as CN or DE-BY")
    parser.add_argument(
        "--horizon", type=_horizon, default=HORIZON, metavar="DAYS", help=f"days that are forecast (default: {HORIZON})"
    )
    parser.add_argument("--as-of", default="", metavar="DATE", help="the present moment (default: latest time)")
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn (default: 0)")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write it as a page to look at")
    parser.add_argument("--language", choices=("en", "zh"), default="en", help="of the page (default: en)")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Forecast and print."""
    frame = read_sources(args).incidents
    as_of = last_moment(frame, args.as_of)
    if pd.isna(as_of):
        raise InputError("a workload needs opened_at; no incident has a date")
    batch = IncidentBatch.from_frame(frame)
    forecast = forecast_workload(
        batch, as_of.to_pydatetime(), args.horizon, holidays=args.holidays, zone=args.zone, seed=args.seed
    )
    if forecast.without_date:
        warn(f"left out for want of opened_at: {forecast.without_date:,} of {len(batch):,} incidents")
    if forecast.origins < TRUST:
        warn(
            f"the history has {forecast.history_days} whole days: too few to compare forecasts with what came; the "
            "intervals are mostly assumed"
        )
    if args.html:
        with open_atomically(args.html) as stream:
            stream.write(workload_page(forecast, args.language))
    answer(args, forecast.to_dict(), _text(forecast))
    return DONE


def _text(forecast: WorkloadForecast) -> str:
    desk = forecast.desk
    lines = [
        f"Workload after {forecast.as_of:%Y-%m-%d %H:%M} UTC, days of {forecast.zone}: {desk.open_now:,} open, "
        f"{desk.logged_last_28_days:,} logged and {desk.closed_last_28_days:,} closed in the last 28 days"
    ]
    if desk.weeks:
        lines += [
            "",
            f"{'week':24} {'logged':>8} {'80 %':>14} {'closed':>8} {'80 %':>14} {'open then':>9} {'80 %':>14}",
        ]
    for week in desk.weeks:
        span = f"{week.first} to {week.last:%m-%d}"
        lines.append(
            f"{span:24} {_number(week.logged)} {_interval(week.logged)} {_number(week.closed)} "
            f"{_interval(week.closed)} {_number(week.backlog, 9)} {_interval(week.backlog)}"
        )
    if forecast.groups:
        lines += [
            "",
            f"{'group':30} {'open':>6} {'a day':>6} {'days':>6} {'logged':>8} {'closed':>8} {'open then':>9} "
            f"{'80 %':>14}  backlog",
        ]
        lines += [_line(group) for group in forecast.groups]
        lines += [
            "",
            "a day: share of the open that is closed on a working day; days: working days that the open ones are "
            f"worth; logged, closed, open then: in {forecast.horizon_days} days",
        ]
    return "\n".join(lines)


def _line(group: GroupWorkload) -> str:
    rate = "" if group.closing_rate is None else f"{group.closing_rate:.0%}"
    days = "" if group.working_days_of_backlog is None else f"{group.working_days_of_backlog:.1f}"
    logged, closed = (sum(getattr(day, name).expected for day in group.days) for name in ("logged", "closed"))
    return (
        f"{group.assignment_group or '(none)':30.30} {group.open_now:6,} {rate:>6} {days:>6} {logged:8,.0f} "
        f"{closed:8,.0f} {_number(group.backlog_at_end, 9)} {_interval(group.backlog_at_end)}  {group.trend}"
    )


def _number(amount: Amount, width: int = 8) -> str:
    return f"{amount.expected:{width},.0f}"


def _interval(amount: Amount) -> str:
    return f"{f'{amount.lower:,} to {amount.upper:,}':>14}"


def _horizon(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= LONGEST:
        raise argparse.ArgumentTypeError(f"a whole number from 1 to {LONGEST} was expected, {text!r} found")
    return int(text)


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
