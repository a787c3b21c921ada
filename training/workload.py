"""The verb `workload`: what each group will get and close in the coming weeks, and what becomes of its backlog."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from diagnosis.errors import InputError
from diagnosis.incident import IncidentBatch
from diagnosis.phrases import Phrase
from diagnosis.workload import Amount, GroupWorkload, WorkloadForecast, forecast_workload
from diagnosis.workload.arrivals import TRUST
from diagnosis.workload.report import HORIZON, LONGEST
from training.command_line.intake import add_sources, read_sources
from training.command_line.output import open_atomically
from training.command_line.terminal import padded
from training.command_line.verb import DONE, add_json, add_language, answer, main, warn
from training.command_line.wording import Wording
from training.fitting.as_of import last_moment
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
    add_language(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Forecast and print."""
    frame = read_sources(args).incidents
    as_of = last_moment(frame, args.as_of)
    if pd.isna(as_of):
        raise InputError(Phrase("workload_needs_dates"))
    batch = IncidentBatch.from_frame(frame)
    forecast = forecast_workload(
        batch, as_of.to_pydatetime(), args.horizon, holidays=args.holidays, zone=args.zone, seed=args.seed
    )
    if forecast.without_date:
        warn(Phrase("left_out_undated", {"n": forecast.without_date, "of": len(batch)}), args.language)
    if forecast.origins < TRUST:
        warn(Phrase("history_too_short_for_workload", {"n": forecast.history_days}), args.language)
    if args.html:
        with open_atomically(args.html) as stream:
            stream.write(workload_page(forecast, args.language))
    answer(args, forecast.to_dict(), _text(forecast, Wording(args.language)))
    return DONE


def _text(forecast: WorkloadForecast, t: Wording) -> str:
    desk = forecast.desk
    counts = (f"{count:,}" for count in (desk.open_now, desk.logged_last_28_days, desk.closed_last_28_days))
    lines = [
        t(
            "Workload after {} UTC, days of {}: {} open, {} logged and {} closed in the last 28 days",
            f"{forecast.as_of:%Y-%m-%d %H:%M}",
            forecast.zone,
            *counts,
        )
    ]
    if desk.weeks:
        heads = ("week", "logged", "80 %", "closed", "80 %", "open then", "80 %")
        lines += ["", _columns(*(t(name) for name in heads))]
    for week in desk.weeks:
        span = t("{} to {}", week.first, f"{week.last:%m-%d}")
        cells = (text for part in (week.logged, week.closed, week.backlog) for text in _amount(part, t))
        lines.append(_columns(span, *cells))
    if forecast.groups:
        columns = ("group", "open", "a day", "work days", "logged", "closed", "open then", "80 %", "backlog")
        lines += ["", _group_columns(*(t(name) for name in columns))]
        lines += [_line(group, t) for group in forecast.groups]
        lines += [
            "",
            t("a day: share of the open closed on a working day; work days: how many the open ones are worth"),
            t("logged, closed, open then: in {} days", forecast.horizon_days),
        ]
    return "\n".join(lines)


def _line(group: GroupWorkload, t: Wording) -> str:
    rate = "" if group.closing_rate is None else f"{group.closing_rate:.0%}"
    days = "" if group.working_days_of_backlog is None else f"{group.working_days_of_backlog:.1f}"
    logged, closed = (f"{sum(getattr(day, name).expected for day in group.days):,.0f}" for name in ("logged", "closed"))
    name = group.assignment_group[:30] or t("(none)")
    end = _amount(group.backlog_at_end, t)
    return _group_columns(name, f"{group.open_now:,}", rate, days, logged, closed, *end, t(group.trend))


def _columns(week: str, *cells: str) -> str:
    widths = (8, 14, 8, 14, 9, 14)
    figures = (padded(cell, width, right=True) for cell, width in zip(cells, widths, strict=True))
    return " ".join([padded(week, 24), *figures])


def _group_columns(group: str, *cells: str) -> str:
    widths = (6, 6, 9, 8, 8, 9, 14)
    figures = (padded(cell, width, right=True) for cell, width in zip(cells[:-1], widths, strict=True))
    return " ".join([padded(group, 30), *figures, f" {cells[-1]}"])


def _amount(amount: Amount, t: Wording) -> tuple[str, str]:
    return f"{amount.expected:,.0f}", t("{} to {}", f"{amount.lower:,}", f"{amount.upper:,}")


def _horizon(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= LONGEST:
        raise argparse.ArgumentTypeError(Phrase("whole_number_up_to_expected", {"value": text, "most": LONGEST}))
    return int(text)


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
