"""The service report, for the manager: key figures against their targets, decisions a day, and people's corrections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import pandas as pd

from api.alerts.schemas import MonitoringReviewOut
from api.console.release_quality import Verdict, release_quality
from api.monitoring.service import ReleaseQuality
from api.service import Service
from diagnosis.errors import InputError
from diagnosis.findings import AnswerKind, answer_kind
from diagnosis.incident import as_frame
from diagnosis.recurrence import default_signature, recurrence_rate
from diagnosis.review.definitions import BY_NAME
from diagnosis.service_levels import ServiceLevel, service_levels, share_of, with_first_responses
from diagnosis.workload import WorkloadForecast

DAYS = 30
DECISIONS: tuple[AnswerKind, ...] = ("automatic", "suggested", "decided", "not_sure")
LOWER_IS_BETTER = frozenset({"recurrence", "response"})
_VERDICTS: Mapping[str, Verdict] = {"met": "met", "missed": "missed", "no data": ""}


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """One key figure with its 95 % interval, its target where it has one, and what it was counted from.

    Attributes
    ----------
    key : str
        Names its label among the messages.
    value, lower, upper : float or None
        A share, or hours; None where the data do not hold it, or too few incidents for it (the verdict is then
        ``"not_proven"``).
    n_open : int
        Incidents of the ``n`` that are still waiting: they are censored, not left out.
    """

    key: str
    unit: Literal["share", "hours"]
    value: float | None
    lower: float | None
    upper: float | None
    n: int
    n_open: int = 0
    target: float | None = None
    verdict: Verdict = ""

    @property
    def lower_is_better(self) -> bool:
        """Whether the target is a most and not a least."""
        return self.key in LOWER_IS_BETTER


@dataclass(frozen=True, slots=True)
class ServiceReport:
    """Everything on the manager's page."""

    days: Sequence[tuple[str, Mapping[str, int]]]
    key_figures: Sequence[KeyFigure]
    overrides: Sequence[tuple[str, str, int]]
    live: ReleaseQuality | None
    monitoring: MonitoringReviewOut
    workload: WorkloadForecast | None

    @property
    def totals(self) -> Mapping[str, int]:
        """The decisions of all days, by kind."""
        return {decision: sum(counts[decision] for _, counts in self.days) for decision in DECISIONS}

    @property
    def n_decisions(self) -> int:
        """The number of decisions of all days."""
        return sum(self.totals.values())


def service_report(service: Service, moment: datetime) -> ServiceReport:
    """Return the report of the last `DAYS` days before a moment."""
    since = moment - timedelta(days=DAYS)
    feedback = service.feedback.since(since)
    # What was opened in the span before may come back, or have its time run out, in this one.
    frame = _frame(service.service_levels.incidents_of_period(moment - timedelta(days=2 * DAYS + 1), since))
    targets = {name: target for name in BY_NAME if (target := service.reviews.target(name)) is not None}
    overrides = Counter(
        (entry.target, entry.predicted or "") for entry in feedback if entry.kind in ("overridden", "reverted")
    )
    levels = service_levels(frame, as_of=pd.Timestamp(moment), days=DAYS, targets=targets)
    return ServiceReport(
        days=_by_day(service.diagnoses.predictions_since(since), moment),
        key_figures=[
            _recurrence(service, frame, moment, targets["recurrence"]),
            *(_key_figure(level) for level in levels),
            *_deflection(service, since, targets.get("deflection")),
        ],
        overrides=[(*key, times) for key, times in overrides.most_common(15)],
        live=release_quality(service),
        monitoring=service.alerts.review(),
        workload=_workload(service),
    )


def _workload(service: Service) -> WorkloadForecast | None:
    try:
        return service.workload.forecast()
    except InputError:  # no incident has a date
        return None


def _by_day(
    diagnosed: Iterable[tuple[datetime, Mapping[str, Any]]], moment: datetime
) -> list[tuple[str, Mapping[str, int]]]:
    """Return the decisions of each whole day, also of days without any, so that a chart's time axis is even."""
    days = [f"{moment - timedelta(days=back):%Y-%m-%d}" for back in reversed(range(DAYS))]
    counts: dict[str, Counter[str]] = {day: Counter() for day in days}
    for at, predictions in diagnosed:
        if (day := f"{at:%Y-%m-%d}") in counts:
            counts[day].update(map(answer_kind, predictions.values()))
    return sorted(counts.items())


def _recurrence(service: Service, frame: pd.DataFrame, moment: datetime, target: float) -> KeyFigure:
    unknown = KeyFigure("recurrence", "share", None, None, None, 0, target=target)
    try:
        signature = service.recurrence.signature() or default_signature(frame)
        end = pd.Timestamp(moment)
        since = end - pd.Timedelta(days=DAYS)
        rates = recurrence_rate(frame, signature, (DAYS,), as_of=end, target=target, since=since)
    except InputError:  # nothing in the store that could recur
        return unknown
    if rates.empty:
        return unknown
    row = rates.iloc[0]
    if pd.isna(row["rate"]):  # nobody was watched for so long
        return replace(unknown, n=int(row["incidents"]), verdict="not_proven")
    return KeyFigure(
        key="recurrence",
        unit="share",
        value=float(row["rate"]),
        lower=float(row["lower"]),
        upper=float(row["upper"]),
        n=int(row["incidents"]),
        target=target,
        verdict=_VERDICTS.get(str(row["verdict"]), "not_proven"),
    )


def _key_figure(level: ServiceLevel) -> KeyFigure:
    scope = f"_{level.scope}" if level.name.startswith("restoration") else ""
    return KeyFigure(
        key=f"{level.name}{scope}",
        unit=level.unit,
        value=level.value if level.has_support else None,
        lower=level.lower if level.has_support else None,
        upper=level.upper if level.has_support else None,
        n=level.n,
        n_open=level.n_open,
        target=level.target,
        verdict=_verdict(level),
    )


def _verdict(level: ServiceLevel) -> Verdict:
    if level.value is not None and not level.has_support:
        return "not_proven"
    return "" if level.target is None else _VERDICTS.get(level.verdict, "not_proven")


def _deflection(service: Service, since: datetime, target: float | None) -> list[KeyFigure]:
    """Return the share of self-service questions that needed no ticket; nothing where nobody has asked."""
    total = service.self_service.total(since)
    solutions = min(total.solutions, total.questions)  # one may have been said in two processes
    return [_key_figure(share_of("deflection", solutions, total.questions, target))] if total.questions else []


def _frame(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(list(records)) if records else pd.DataFrame({"number": []}, dtype="str")
    return with_first_responses(as_frame(frame))
