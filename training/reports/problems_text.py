"""Problems and what became of actions on them, as a person reads them on a terminal, in two languages."""

from __future__ import annotations

from collections.abc import Sequence

from diagnosis.problems import Problem, ProblemReport
from diagnosis.problems.measures import FollowedMeasure
from training.command_line.terminal import cut, padded
from training.command_line.wording import Wording

TITLE, MEASURE = 48, 40  # places on a terminal
WIDTHS = (9, 8, 8, 9, 14, 12)
LINE = 100
VERDICTS = {"held": "it held", "did not hold": "it did not hold", "cannot tell yet": "cannot tell yet"}
UNJUDGED = {"no such problem": "there is no such problem", "not done": "not done yet", "outside": "cannot be judged"}


def problems_text(
    report: ProblemReport, problems: Sequence[Problem], measures: Sequence[FollowedMeasure] | None, t: Wording
) -> str:
    """Return problems as a table, with the actions that were asked about; None where none were."""
    lines = [lead_of(report, t), ""]
    lines += _table(problems, report.horizon_days, t) if problems else [why_none(report, t)]
    if measures is not None:
        lines += ["", t("Actions"), *(line for measure in measures for line in _measure(measure, t))]
        lines += [] if measures else [f"  {t('No action of the file is about a problem.')}"]
    return "\n".join(lines)


def lead_of(report: ProblemReport, t: Wording) -> str:
    """Return how many problems there are, by what, and of how many incidents."""
    return t(
        "Problems by {}, as known on {}: {} from {}, {} of them in none.",
        t.listed(map(t.field, report.signature.fields)),
        f"{report.as_of:%Y-%m-%d}",
        t("{} problems", f"{len(report.problems):,}"),
        t("{} incidents", f"{report.incidents:,}"),
        f"{report.without_signature:,}",
    )


def why_none(report: ProblemReport, t: Wording) -> str:
    """Return why there is no problem."""
    if report.incidents == 1:
        return t("No problem: one incident alone is none. --all lists it.")
    return t("No problem: no two incidents are of the same fault. --all lists each by itself.")


def _table(problems: Sequence[Problem], horizon: int, t: Wording) -> list[str]:
    names = ("incidents", "episodes", "trend", "expected", "80 %", "preventable")
    lines = [_row(t("problem"), [t(name) for name in names])]
    for problem in problems:
        hours = "" if problem.preventable_hours is None else t("{} h", f"{problem.preventable_hours:,.1f}")
        values = [
            f"{problem.incidents:,}",
            f"{problem.episodes:,}",
            t(problem.trend),
            f"{problem.expected_incidents:,.1f}",
            t("{} to {}", f"{problem.interval[0]:,}", f"{problem.interval[1]:,}"),
            hours,
        ]
        lines.append(_row(problem.title, values))
        fields = [f"{t.field(name)} {value}" for name, value in problem.signature.items() if value != problem.title]
        signature = cut(t.listed(fields), LINE)
        lines.append(f"  {problem.id}  {signature}".rstrip())
        if problem.may_be_one_with:
            lines.append(f"  {t('may be one fault with {}', t.listed(problem.may_be_one_with))}")
    lines += ["", t("expected: incidents within {} with their 80 % interval", _days(horizon, t))]
    if problems[0].preventable_hours is None:
        lines.append(t("No incident says when it was resolved: hours are not known, and expected incidents rank."))
    else:
        lines.append(_preventable(problems[0], t))
    return lines


def _row(name: str, values: Sequence[str]) -> str:
    columns = (padded(value, width, right=True) for value, width in zip(values, WIDTHS, strict=True))
    return " ".join([padded(cut(name, TITLE), TITLE), *columns]).rstrip()


def _preventable(problem: Problem, t: Wording) -> str:
    share = problem.basis["share"]
    assumed = t("assumed with caution, as nothing in this history says what fixes achieve")
    source = assumed if share["assumed"] else t("learned from what fixes achieved in this history")
    shares = [f"{share[name]:.0%}" for name in ("share", "lower", "upper")]
    return t("preventable: the hours that a fix would spare, {} of them ({} to {}: {})", *shares, source)


def _measure(measure: FollowedMeasure, t: Wording) -> list[str]:
    heading = f"  {padded(cut(measure.action.title, TITLE), TITLE)} {verdict_of(measure, t)}"
    return [heading, *(f"    {line}" for line in (facts_of(measure, t), *evidence_of(measure, t)))]


def verdict_of(measure: FollowedMeasure, t: Wording) -> str:
    """Return whether a measure held, or why that is not known."""
    if measure.result is None:
        return t(UNJUDGED[measure.unjudged or "outside"])
    if measure.until is not None:
        return t("cannot tell yet; if it works, that will show by {}", f"{measure.until}")
    return t(VERDICTS[measure.result["verdict"]])


def facts_of(measure: FollowedMeasure, t: Wording) -> str:
    """Return what a measure is about, of which kind it is, whose, until when, and when it was done."""
    action, problem = measure.action, measure.problem
    about = action.source if problem is None else f"{problem.id}  {cut(problem.title, TITLE)}"
    due_day = t("due {}", f"{action.due}") if action.due else ""
    done_day = t("done {}", f"{action.done_at:%Y-%m-%d}") if action.done_at else ""
    return f"{about} ({t.listed(filter(None, (t(action.kind), action.owner, due_day, done_day)))})"


def evidence_of(measure: FollowedMeasure, t: Wording) -> list[str]:
    """Return what a verdict rests on, in sentences."""
    result, problem = measure.result, measure.problem
    if result is None:
        if measure.unjudged != "outside" or problem is None:
            return []
        place = "its date has to lie after the first day of the problem, {}, and before the end of the records"
        return [t(place, problem.first[:10])]
    rates = t(
        "{} in {} since, {} in {} before",
        t("{} episodes", f"{result['episodes_after']:,}"),
        _days(result["days_after"], t),
        t("{} episodes", f"{result['episodes_before']:,}"),
        _days(result["days_before"], t),
    )
    if result["upper"] is not None:
        rates = t("{}: {} to {} times as often", rates, f"{result['lower']:.2f}", f"{result['upper']:.2f}")
    if not (hours := result["hours"]):
        return [rates]
    figures = (hours["saved"], *hours["interval"], hours["expected"], hours["lost"])
    words = [f"{value:,.1f}" for value in figures]
    return [rates, t("{} h saved ({} to {}): {} h were expected since, {} h were lost", *words)]


def _days(days: float, t: Wording) -> str:
    return t("{} days", f"{round(days):,}")
