"""The report of a release: everything measured of it, as one HTML file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from diagnosis.errors import InputError
from diagnosis.release import Manifest
from training.checks import AUDIT
from training.evaluation.candidate import Candidate
from training.evaluation.replay import Replay, replay_last_quarter
from training.output import open_atomically
from training.reports.content import clock_section, overview, recurrence_section, search_section, target_sections
from training.reports.page import render
from training.translation import Language, Translation

REPORTS = "reports"  # folder of reports, among the releases


@dataclass(frozen=True)
class ReplaySection:
    """The last quarter under this release in place of the one in service, or why there is no such replay."""

    replay: Replay | None
    why_not: str = ""


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
    diagnoser, held_out, t = candidate.diagnoser, candidate.held_out, Translation(language)
    audit = candidate.folder / AUDIT
    opened = None if held_out is None else held_out.incidents["opened_at"]
    return {
        "release": diagnoser.release,
        "overview": overview(diagnoser, asdict(Manifest.read(candidate.folder))),
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
        "audit": json.loads(audit.read_text(encoding="utf-8")) if audit.is_file() else None,
        "left_out": [str(reason) for reason in diagnoser.parts.left_out.values()],
    }


def _replay_section(candidate: Candidate) -> ReplaySection:
    """Replay the last quarter of the held-out incidents."""
    if candidate.held_out is None:
        return ReplaySection(None, "no incidents were held out")
    if candidate.is_published:
        return ReplaySection(None, "this is the release in service")
    if candidate.rival_problem:
        return ReplaySection(None, f"the release in service could not be loaded: {candidate.rival_problem}")
    if (rival := candidate.rival) is None:
        return ReplaySection(None, "no release is in service to hold it against")
    try:
        replay = replay_last_quarter(rival.diagnoser, rival.predictions, candidate.diagnoser, candidate.held_out)
        return ReplaySection(replay)
    except InputError as error:
        return ReplaySection(None, str(error))
