"""The verb `recurrence`: how often faults come back, corrected for those that have not had time to."""

from __future__ import annotations

import argparse
import sys
from typing import Any, get_args

import pandas as pd

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.recurrence import FixVerdict, Signature, default_signature, fix_verdict, recurrence_rate
from diagnosis.recurrence.outcomes import Origin
from diagnosis.recurrence.rates import TARGET
from diagnosis.times import format_utc
from training.command_line.intake import add_sources, read_sources
from training.command_line.terminal import padded
from training.command_line.verb import DONE, UsageError, add_json, add_language, answer, main
from training.command_line.wording import Wording
from training.fitting.as_of import last_moment, moment

SUMMARY = (
    "Measure how often faults come back within each horizon: Kaplan-Meier corrected, with its 95 % band, beside the "
    "naive figure. With --fix and --since, say whether a fix has held."
)
EXAMPLE = "faultwise recurrence --incidents incidents.csv --signature cmdb_ci,category --by month --by service"
_GROUPINGS = ("month", "workaround")  # what is no field


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_sources(parser)
    parser.add_argument(
        "--signature",
        metavar="FIELD,FIELD",
        help="what the same fault is; 'text' is likeness of texts on the same values of the others (default: what the "
        "data hold)",
    )
    parser.add_argument("--horizons", type=_days, default=(7, 30, 90), metavar="DAYS,DAYS", help="default: 7,30,90")
    parser.add_argument("--origin", choices=get_args(Origin), default="opened", help="where the time starts")
    parser.add_argument(
        "--as-of", default="", metavar="DATE", help="when the outcomes were known (default: latest time)"
    )
    parser.add_argument(
        "--by", action="append", default=[], metavar="FIELD", help="also by month, workaround or a field; repeatable"
    )
    parser.add_argument("--target", type=_share, default=TARGET, help=f"share to stay below (default: {TARGET})")
    parser.add_argument("--fix", type=_pair, nargs="+", metavar="FIELD=VALUE", help="the signature that was fixed")
    parser.add_argument("--since", metavar="DATE", help="when it was fixed")
    add_language(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Measure and print."""
    if (args.fix is None) != (args.since is None):
        raise UsageError(Phrase("fix_without_since"))
    frame = read_sources(args).incidents
    as_of = last_moment(frame, args.as_of)
    if pd.isna(as_of):
        raise InputError(Phrase("recurrence_needs_dates"))
    signature = Signature(tuple(args.signature.split(","))) if args.signature else default_signature(frame)
    tables = {
        by or "all": recurrence_rate(
            frame, signature, args.horizons, as_of=as_of, by=by, origin=args.origin, target=args.target
        )
        for by in (None, *args.by)
    }
    verdict = None
    if args.fix:
        fixed = dict(args.fix)
        if fixed.keys() != set(signature.fields):
            expected, actual = (" ".join(f"{name}=…" for name in names) for names in (signature.fields, fixed))
            raise InputError(Phrase("fix_of_other_fields", {"expected": expected, "found": actual}))
        verdict = fix_verdict(frame, signature, signature.key(fixed), moment(args.since), as_of=as_of)
    text = _text(signature, as_of, tables, verdict, Wording(args.language))
    answer(args, _content(args, signature, as_of, tables, verdict), text)
    return DONE


def _content(
    args: argparse.Namespace,
    signature: Signature,
    as_of: pd.Timestamp,
    tables: dict[str, pd.DataFrame],
    verdict: FixVerdict | None,
) -> dict[str, Any]:
    return {
        "signature": list(signature.fields),
        "origin": args.origin,
        "as_of": format_utc(as_of),
        "target": args.target,
        "rates": {by: [_record(row) for row in table.to_dict("records")] for by, table in tables.items()},
        "fix": verdict.to_dict() if verdict else None,
    }


def _record(row: dict[Any, Any]) -> dict[Any, Any]:
    return {name: None if isinstance(value, float) and pd.isna(value) else value for name, value in row.items()}


def _text(
    signature: Signature,
    as_of: pd.Timestamp,
    tables: dict[str, pd.DataFrame],
    verdict: FixVerdict | None,
    t: Wording,
) -> str:
    fields = t.listed(map(t.field, signature.fields))
    lines = [t("Recurrence of {}, as known on {}", fields, f"{as_of:%Y-%m-%d}")]
    for by, table in tables.items():
        head = t("all incidents:") if by == "all" else t("by {}:", t(by) if by in _GROUPINGS else t.field(by))
        lines += ["", head, _table(table, t, by)]
    if verdict:
        lines += ["", _sentence(verdict, t)]
    return "\n".join(lines)


def _table(table: pd.DataFrame, t: Wording, by: str) -> str:
    heads = [t(name) for name in ("days", "incidents", "rate", "95 % band", "naive", "followed", "verdict")]
    lines = [_columns("", *heads)]
    for row, has_rate in zip(table.itertuples(index=False), table["rate"].notna(), strict=True):
        rate, band = (f"{row.rate:.1%}", f"{row.lower:.1%} - {row.upper:.1%}") if has_rate else (t("not yet"), "")
        group = t("all") if by == "all" else str(row.group)[:24] or t("(none)")
        figures = f"{row.days}", f"{row.incidents:,}", rate, band, f"{row.naive:.1%}", f"{row.followed:.0%}"
        lines.append(_columns(group, *figures, _verdict(str(row.verdict), t)))
    return "\n".join(lines)


def _verdict(verdict: str, t: Wording) -> str:
    return t("target met") if verdict == "met" else t("target missed") if verdict == "missed" else t(verdict)


def _columns(group: str, *cells: str) -> str:
    figures = (padded(text, width, right=True) for text, width in zip(cells, (5, 10, 7, 17, 7, 9), strict=False))
    return " ".join([padded(group, 24), *figures, f" {cells[-1]}"])


def _sentence(verdict: FixVerdict, t: Wording) -> str:
    fields = ", ".join(f"{t.field(name)} {value}" for name, value in verdict.signature.items())
    days_before, days_after = f"{verdict.days_before:.0f}", f"{verdict.days_after:.0f}"
    episodes = verdict.episodes_before, days_before, verdict.episodes_after, days_after
    sentences = [
        t("The fix of {} on {}: {}", fields, verdict.date[:10], t(verdict.verdict)),
        t("Episodes: {} in {} days before, {} in {} days after", *episodes),
    ]
    if verdict.ratio is not None and verdict.upper is not None:
        figures = (f"{figure:.2f}" for figure in (verdict.ratio, verdict.lower, verdict.upper))
        sentences.append(t("hazard ratio {} (95 % interval {} to {})", *figures))
    if verdict.days_until_told is not None:
        sentences.append(t("A fix that works would be told after about {} more days", verdict.days_until_told))
    return "\n".join(sentences)


def _days(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if not all(part.strip().isdigit() and int(part) for part in parts):
        raise argparse.ArgumentTypeError(Phrase("days_expected", {"value": text}))
    return tuple(sorted({int(part) for part in parts}))


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(Phrase("share_expected", {"value": text}))
    return share


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name or not value:
        raise argparse.ArgumentTypeError(Phrase("pair_of_field_expected", {"value": text}))
    return name, value


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
