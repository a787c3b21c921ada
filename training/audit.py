"""The verb `audit`: what is wrong with the data, before anything is learned from them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from diagnosis.errors import InputError
from diagnosis.phrases import with_count
from training.checks import Audit, audit, in_service
from training.command import DONE, add_json, add_language, add_models, answer, main
from training.intake import add_sources, check_targets, read_sources
from training.output import open_atomically
from training.reports.page import findings_page
from training.settings import load_settings
from training.translation import Translation

SUMMARY = (
    "Look for leakage, label noise, repeats, changed classes, missing dates and personal data, before training.\n"
    "Findings name rows to look at by number. `faultwise train` makes the same checks and leaves out what is refused."
)
EXAMPLE = "faultwise audit --incidents data/sample/incidents.csv --html audit.html"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_sources(parser)
    parser.add_argument(
        "--target", nargs="+", action="extend", help="field to predict (default: category assignment_group)"
    )
    parser.add_argument("--as-of", metavar="DATE", help="use the data as they were known then (ISO 8601)")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings as TOML; see docs/settings.md")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the findings as a page")
    add_models(parser)
    add_language(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Read, look, print."""
    overrides = {"targets": args.target, "as_of": args.as_of}
    settings = load_settings(args.config, {name: value for name, value in overrides.items() if value is not None})
    frame = read_sources(args).incidents
    if frame.empty:
        raise InputError("at least one incident is needed for an audit; found none")
    check_targets(frame, settings.targets)
    audited = audit(frame, settings, in_service(args.models))
    if args.html:
        with open_atomically(args.html) as stream:
            stream.write(findings_page(audited, args.language))
    answer(args, audited.to_dict(), Translation(args.language).lines(text(audited)))
    return DONE


def text(audited: Audit) -> str:
    """Return the findings as lines for a person."""
    counts = f"{with_count(audited.incidents, 'incidents')} audited, {with_count(len(audited.findings), 'findings')}"
    lines = [counts]
    for finding in audited.findings:
        lines += ["", f"{finding.severity.upper()} ({finding.check}): {finding.title}", f"  {finding.why}"]
        if finding.rows:
            remaining = f" and {finding.count - 5:,} more" if finding.count > 5 else ""
            lines.append(f"  look at {', '.join(finding.rows[:5])}{remaining}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
