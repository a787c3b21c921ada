"""The report of a release: everything measured of it, as one HTML file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from diagnosis.errors import InputError
from diagnosis.phrases import Language, Phrase
from diagnosis.release import Manifest
from training.checks import AUDIT, Audit
from training.command_line.output import open_atomically
from training.command_line.wording import Wording
from training.evaluation.candidate import Candidate
from training.evaluation.replay import Replay, replay_last_quarter
from training.reports.content import clock_section, overview, recurrence_section, search_section, target_sections
from training.reports.page import render

REPORTS = "reports"  # folder of reports, among the releases


@dataclass(frozen=True)
class ReplaySection:
    """The last quarter under this release in place of the one in service, or why there is no such replay."""

    replay: Replay | None
    why_not: Phrase | None = None


def report_beside(candidate: Candidate, reports: Path, language: Language = "en") -> Path:
    """Write the report of a release into a folder, which is made if missing, and return its path."""
    reports.mkdir(parents=True, exist_ok=True)
    path = reports / f"{candidate.name}.html"
    write_report(path, candidate, language)
    return path


def write_report(path: Path, candidate: Candidate, language: Language = "en") -> None:
    """Write the report of a release as one HTML file; without held-out incidents it says so."""
    content = report_content(candidate, language)
    with open_atomically(path) as stream:
        stream.write(render("report.html", language, **content))


def report_content(candidate: Candidate, language: Language = "en") -> dict[str, Any]:
    """Return what the report shows."""
    diagnoser, held_out, t = candidate.diagnoser, candidate.held_out, Wording(language)
    audit = candidate.folder / AUDIT
    opened = None if held_out is None else held_out.incidents["opened_at"]
    return {
        "release": diagnoser.release,
        "overview": overview(diagnoser, asdict(Manifest.read(candidate.folder)), t),
        "own_slice": candidate.keeps_held_out,
        "incidents": 0 if held_out is None else len(held_out),
        "first": None if opened is None else opened.min(),
        "last": None if opened is None else opened.max(),
        "targets": [] if held_out is None else target_sections(diagnoser, held_out, t),
        "recurrence": recurrence_section(diagnoser, held_out, t),
        "clocks": clock_section(diagnoser, held_out, t),
        "search": [] if held_out is None else search_section(held_out),
        "comparison": candidate.comparison,
        "replay": _replay_section(candidate),
        "audit": Audit.from_dict(json.loads(audit.read_text(encoding="utf-8"))) if audit.is_file() else None,
        "left_out": list(diagnoser.parts.left_out.values()),
    }


def _replay_section(candidate: Candidate) -> ReplaySection:
    """Replay the last quarter of the held-out incidents."""
    if candidate.held_out is None:
        return ReplaySection(None, Phrase("none_held_out"))
    if candidate.is_published:
        return ReplaySection(None, Phrase("release_is_in_service"))
    if candidate.rival_problem:
        return ReplaySection(None, Phrase("release_in_service_not_loaded", {"reason": candidate.rival_problem}))
    if (rival := candidate.rival) is None:
        return ReplaySection(None, Phrase("no_rival_in_service"))
    try:
        replay = replay_last_quarter(rival.diagnoser, rival.predictions, candidate.diagnoser, candidate.held_out)
        return ReplaySection(replay)
    except InputError as error:
        return ReplaySection(None, error.phrase)
