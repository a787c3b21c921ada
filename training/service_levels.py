"""The verb `service-levels`: what is late, what is at risk, and what is gained by taking it first."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import InputError
from diagnosis.incident import IncidentBatch
from diagnosis.phrases import Phrase, percent
from diagnosis.releases import Releases
from diagnosis.service_levels import ServiceLevelModel, ServiceLevelRules, rules_for
from diagnosis.service_levels.clocks import counts
from diagnosis.service_levels.queue import OpenClock, describe_first, open_clocks, take_first
from diagnosis.times import format_utc
from training.command_line.intake import add_sources, read_sources
from training.command_line.terminal import padded
from training.command_line.verb import DONE, MODELS, add_json, add_language, answer, main, warn
from training.command_line.wording import ENGLISH, Wording
from training.fitting.as_of import as_known_at, last_moment
from training.settings import load_settings

SUMMARY = (
    "Say which response and restoration of the open incidents is late or at risk, when each is due, how likely it is\n"
    "missed, and which gains most by being taken first. Without a release there are due times alone."
)
EXAMPLE = "faultwise service-levels --incidents incidents.csv --release models --as-of 2026-10-31"
SHOWN = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_sources(parser)
    parser.add_argument(
        "--release",
        type=Path,
        metavar="DIR",
        help=f"a release, or a folder of releases (default: {MODELS}, if there is one)",
    )
    parser.add_argument("--as-of", default="", metavar="DATE", help="the present moment (default: latest time)")
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="TOML with [service_levels] in place of the release's"
    )
    add_language(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Read the clocks and print."""
    t = Wording(args.language)
    frame = read_sources(args).incidents
    as_of = last_moment(frame, args.as_of)
    if pd.isna(as_of):
        raise InputError(Phrase("service_levels_need_dates"))
    known = as_known_at(frame, format_utc(as_of))
    batch = IncidentBatch.from_frame(known)
    _warn_of_dates(batch, t)
    model = _model(args.release, batch, as_of, t)
    rules = _rules(args.config, model, known)
    for unused in rules.unused(batch):
        warn(unused, t.language)
    rows = open_clocks(batch, as_of.to_pydatetime(), rules, model)
    answer(args, content(rows, as_of, rules), _text(rows, as_of, t))
    return DONE


def content(rows: list[OpenClock], as_of: pd.Timestamp, rules: ServiceLevelRules) -> dict[str, Any]:
    """Return what ``--json`` prints."""
    first, standing = take_first(rows), Counter(row.standing for row in rows)
    return {
        "as_of": format_utc(as_of.to_pydatetime(), timespec="seconds"),
        "rules": [rule.describe() for rule in rules.rules],
        "counts": {name: standing[name] for name in ("at_risk", "missed", "running", "paused")},
        **describe_first(first),
        "service_levels": [row.to_dict() for row in rows],
    }


def _warn_of_dates(batch: IncidentBatch, t: Wording) -> None:
    undatable = counts(batch)
    for name, code in {"without_date": "clocks_undated", "ended_before_opened": "clocks_end_too_early"}.items():
        if undatable[name]:
            warn(Phrase(code, {"n": undatable[name], "of": len(batch)}), t.language)


def _model(release: Path | None, batch: IncidentBatch, as_of: pd.Timestamp, t: Wording) -> ServiceLevelModel | None:
    """Return the release's model, its history brought up to these incidents; what it knows of later is warned of."""
    if release is None and not Releases(MODELS).summaries():
        return None
    diagnoser = Diagnoser.load(release or MODELS)
    model = diagnoser.parts.service_levels
    if reason := diagnoser.parts.left_out.get("service_levels"):
        warn(reason, t.language)
    if model is None:
        return None
    if (until := model.known_until) is not None and until > as_of:
        days = {"until": f"{until:%Y-%m-%d %H:%M}", "as_of": f"{as_of:%Y-%m-%d %H:%M}"}
        warn(Phrase("service_levels_look_ahead", days), t.language)
    numbers = batch.column("number")
    new = [row for row, number in enumerate(numbers) if number not in diagnoser.parts.history]
    if new:
        prepared = diagnoser.prepare(batch.take(new))
        model.upsert(prepared.reported, range(len(new)), prepared.vectors)
    model.upsert(batch, [])
    return model


def _rules(config: Path | None, model: ServiceLevelModel | None, frame: pd.DataFrame) -> ServiceLevelRules:
    if config is not None or model is None:
        return rules_for(load_settings(config).service_levels, frame["priority"].tolist())
    return model.rules_


def _text(rows: list[OpenClock], as_of: pd.Timestamp, t: Wording = ENGLISH) -> str:
    standing = Counter(row.standing for row in rows)
    states = (standing[name] for name in ("at_risk", "missed", "running", "paused"))
    lines = [t("Service levels at {} UTC: {} at risk, {} missed, {} running, {} on hold", _minute(as_of), *states)]
    if first := take_first(rows):
        gain = percent(first.gain or 0.0)
        clock = t(first.clock)
        lines.append(t("take first: {} ({}): its risk to be late falls by {} if it is next", first.number, clock, gain))
    if rows:
        names = ("clock", "standing", "due (UTC)", "hours left", "p50 h", "p80 h", "late", "gain")
        lines += ["", _columns("", *(t(name) for name in names))]
    lines += [_line(row, t) for row in rows[:SHOWN]]
    if len(rows) > SHOWN:
        lines.append(t("… and {} more (--json has all)", f"{len(rows) - SHOWN:,}"))
    if any(row.hours for row in rows[:SHOWN]):
        lines += ["", t("p50 h, p80 h: hours from now within which half, and four of five, that waited as long end")]
    return "\n".join(lines)


def _line(row: OpenClock, t: Wording) -> str:
    late = "" if row.probability_missed is None else percent(row.probability_missed)
    gain = percent(row.gain) if row.gain else ""
    standing = t(row.standing.replace("_", " "))
    hours = (None, None) if row.hours is None else (row.hours.p50, row.hours.p80)
    half, most = ("" if value is None else f"{value:.1f}" for value in hours)
    texts = (row.number[:14], t(row.clock), standing, _minute(row.due_at))
    return f"{_columns(*texts, f'{row.hours_left:.1f}', half, most, late, gain)}  {row.short_description:.40}"


def _columns(*values: str) -> str:
    texts = (padded(text, width) for text, width in zip(values[:4], (14, 12, 9, 16), strict=True))
    figures = (padded(text, width, right=True) for text, width in zip(values[4:], (10, 6, 6, 5, 5), strict=True))
    return " ".join((*texts, *figures))


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
