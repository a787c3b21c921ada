"""The verb `audit`: what is wrong with the data, before anything is learned from them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from training.checks import Audit, audit, in_service
from training.command_line.intake import add_sources, check_targets, read_sources
from training.command_line.output import open_atomically
from training.command_line.verb import DONE, add_json, add_language, add_models, answer, main
from training.command_line.wording import ENGLISH, Wording
from training.reports.page import findings_page
from training.settings import load_settings

SUMMARY = (
    "Look for leakage, label noise, repeats, changed classes, missing dates and personal data, before training.\n"
    "Findings name rows to look at by number. `faultwise train` makes the same checks and leaves out what is refused."
)
EXAMPLE = "faultwise audit --incidents data/sample/incidents.csv --html audit.html"
_HEADS = {"refused": "REFUSED ({}): {}", "warning": "WARNING ({}): {}", "note": "NOTE ({}): {}"}


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
        raise InputError(Phrase("audit_without_incidents"))
    check_targets(frame, settings.targets)
    audited = audit(frame, settings, in_service(args.models))
    if args.html:
        with open_atomically(args.html) as stream:
            stream.write(findings_page(audited, args.language))
    answer(args, audited.to_dict(), text(audited, Wording(args.language)))
    return DONE


def text(audited: Audit, t: Wording = ENGLISH) -> str:
    """Return the findings as lines for a person."""
    lines = [t("{} incidents audited, {} findings", f"{audited.incidents:,}", len(audited.findings))]
    for finding in audited.findings:
        lines += ["", t(_HEADS[finding.severity], t(finding.check), t(finding.title)), f"  {t(finding.why)}"]
        if finding.rows:
            numbers, remaining = ", ".join(finding.rows[:5]), finding.count - 5
            if remaining > 0:
                lines.append(f"  {t('look at {} and {} more', numbers, f'{remaining:,}')}")
            else:
                lines.append(f"  {t('look at {}', numbers)}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
