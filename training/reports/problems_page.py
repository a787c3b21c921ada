"""The page of problems: ranked, each with its months, its interval and how its figures came about, in two languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from markupsafe import Markup

from diagnosis.problems import Problem, ProblemReport
from diagnosis.problems.measures import FollowedMeasure
from training.command_line.wording import Wording
from training.reports.page import render
from training.reports.problems_text import evidence_of, facts_of, lead_of, verdict_of, why_none

MONTHS = 18  # newest months of a problem's picture
_BAR, _GAP, _HEIGHT = 5, 2, 26  # pixels


def problems_page(
    report: ProblemReport,
    problems: Sequence[Problem],
    opened: Mapping[str, pd.Timestamp],
    measures: Sequence[FollowedMeasure] | None,
    t: Wording,
) -> str:
    """Return the problems as a page that opens anywhere.

    Parameters
    ----------
    opened : mapping of str to Timestamp
        When each incident was logged, by number.
    measures : sequence of FollowedMeasure or None
        None where none were asked about.
    """
    pictures = {problem.id: month_bars(problem, opened, report.as_of) for problem in problems}
    longest = max((p.preventable_interval[1] for p in problems if p.preventable_interval), default=0.0)
    return render(
        "problems.html",
        t.language,
        report=report,
        problems=problems,
        lead=lead_of(report, t),
        why_none=why_none(report, t),
        measures=None if measures is None else [_on_page(measure, t) for measure in measures],
        pictures=pictures,
        longest=max(longest, 1e-9),
    )


def _on_page(measure: FollowedMeasure, t: Wording) -> Mapping[str, str | Sequence[str]]:
    facts = {"title": measure.action.title, "facts": facts_of(measure, t)}
    return {**facts, "verdict": verdict_of(measure, t), "evidence": evidence_of(measure, t)}


def month_bars(problem: Problem, opened: Mapping[str, pd.Timestamp], as_of: pd.Timestamp) -> Markup:
    """Return the incidents of the newest months as a picture."""
    end = as_of.year * 12 + as_of.month
    counts = [0] * MONTHS
    for number in problem.numbers:
        place = MONTHS - 1 - (end - opened[number].year * 12 - opened[number].month)
        if place >= 0:
            counts[place] += 1
    highest = max(*counts, 1)
    width = MONTHS * (_BAR + _GAP)
    bars = Markup("").join(
        Markup('<rect x="{}" y="{}" width="{}" height="{}"/>').format(
            place * (_BAR + _GAP), _HEIGHT - round(_HEIGHT * count / highest), _BAR, round(_HEIGHT * count / highest)
        )
        for place, count in enumerate(counts)
        if count
    )
    label = ", ".join(map(str, counts))
    return Markup(
        '<svg width="{0}" height="{1}" viewBox="0 0 {0} {1}" role="img" aria-label="{2}" fill="#2868b2">{3}</svg>'
    ).format(width, _HEIGHT, label, bars)
