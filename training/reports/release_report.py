"""The report of a release: everything measured of it, as one HTML file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import InputError
from diagnosis.release import Manifest
from diagnosis.releases import Releases
from training.checks import AUDIT
from training.evaluation.comparison import Comparison, compare_answers
from training.evaluation.held_out import HeldOut, answers_in
from training.evaluation.replayed import Replay, replay_releases
from training.output import written
from training.reports.content import overview, recurrence_section, search_section, target_sections
from training.reports.page import render


def write_report(
    path: Path, folder: Path, diagnoser: Diagnoser, held: HeldOut | None, *, own_slice: bool = True
) -> None:
    """Write the report of a release.

    Parameters
    ----------
    path : Path
        The HTML file.
    folder : Path
        Where the release lies; the release in service is looked for beside it.
    held : HeldOut or None
        Incidents with answers; None where there are none, which the report says.
    own_slice : bool
        Whether these are the release's own later incidents, answered before it learned from them.
    """
    content = report_content(folder, diagnoser, held, own_slice=own_slice)
    with written(path) as stream:
        stream.write(render("report.html", **content))


def report_content(folder: Path, diagnoser: Diagnoser, held: HeldOut | None, *, own_slice: bool) -> dict[str, Any]:
    """Return what the report shows."""
    audit = folder / AUDIT
    comparison, replay = _against_published(folder, diagnoser, held)
    return {
        "release": diagnoser.release,
        "overview": overview(diagnoser, asdict(Manifest.read(folder))),
        "own_slice": own_slice,
        "incidents": 0 if held is None else len(held.answers),
        "first": None if held is None else held.incidents["opened_at"].min(),
        "last": None if held is None else held.incidents["opened_at"].max(),
        "targets": [] if held is None else target_sections(diagnoser, held),
        "recurrence": recurrence_section(diagnoser, held),
        "search": [] if held is None else search_section(held),
        "comparison": comparison,
        "replay": replay,
        "audit": json.loads(audit.read_text(encoding="utf-8")) if audit.is_file() else None,
        "left_out": [str(reason) for reason in diagnoser.parts.left_out.values()],
    }


@dataclass(frozen=True)
class ReplaySection:
    """The last quarter under this release in place of the one in service, or why that is not told."""

    found: Replay | None
    why_not: str = ""


def _against_published(
    folder: Path, diagnoser: Diagnoser, held: HeldOut | None
) -> tuple[Comparison | None, ReplaySection]:
    """Compare with the release in service and replay the last quarter; the comparison is None if there is none."""
    if held is None:
        return None, ReplaySection(None, "no incidents were held out")
    releases = Releases(folder.parent)
    published = releases.published()
    if published is None:
        return None, ReplaySection(None, "no release is in service to hold it against")
    if published == folder.name:
        return None, ReplaySection(None, "this is the release in service")
    path = releases.path(published)
    other = Diagnoser.load(path)
    answers = answers_in(other, path, held.incidents, held.as_of)
    comparison = compare_answers(other, answers, folder.name, held)
    try:
        return comparison, ReplaySection(replay_releases(other, answers, diagnoser, held))
    except InputError as error:
        return comparison, ReplaySection(None, str(error))
