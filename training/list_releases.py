"""The verb `releases`: what there is, and what is in service."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from diagnosis.releases import ROLLED_BACK, Publication, Releases
from training.command_line.verb import DONE, add_json, add_language, add_models, answer, main
from training.command_line.wording import Wording

SUMMARY = "List the releases, newest first, the one in service, and what was in service since when and why."
EXAMPLE = "faultwise releases --models models"
_WITHOUT_CODE = "rolled back"  # what histories say that were written before reasons had a code


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_models(parser)
    add_language(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the list, and what was in service since when and why."""
    releases, t = Releases(args.models), Wording(args.language)
    summaries, history = releases.summaries(), releases.history()
    lines = [f"{'*' if s.published else ' '} {s.release}  {_rows(s.data, t)}" for s in summaries]
    if history:
        lines += ["", t("in service since"), *[f"  {_publication(entry, t)}" for entry in history]]
    text = "\n".join(lines) or t("no release in {}; `faultwise train` makes one", args.models)
    content = {"releases": [asdict(s) for s in summaries], "history": [asdict(entry) for entry in history]}
    answer(args, content, text)
    return DONE


def _publication(entry: Publication, t: Wording) -> str:
    reason = t(entry.phrase)
    if entry.rolled_back:
        undone = t("in place of {}, rolled back", entry.rolled_back)
        reason = undone if _has_no_reason(entry) else t("{}: {}", undone, reason)
    return f"{entry.at}  {entry.release}  {reason}".rstrip()


def _has_no_reason(entry: Publication) -> bool:
    """Return whether nobody gave a reason of a rollback; histories of earlier versions have its sentence alone."""
    if entry.reason_phrase:
        return entry.phrase.code == ROLLED_BACK.code
    return entry.reason == _WITHOUT_CODE


def _rows(data: object, t: Wording) -> str:
    kinds = data if isinstance(data, dict) else {}
    counts = {kind: part["rows"] for kind, part in kinds.items() if part.get("rows")}
    return t.listed(t("rows of {}: {}", t.name_of("records", kind), f"{rows:,}") for kind, rows in counts.items())


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
