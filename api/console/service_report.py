"""What the service manager reads: what was decided, whether it was right, and how the service keeps its targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from api.console.release_quality import Verdict, release_quality
from api.monitoring.service import ReleaseQuality
from api.service import Service
from diagnosis.errors import InputError
from diagnosis.incident import as_frame
from diagnosis.recurrence import default_signature, recurrence_rate

DAYS = 30
MAX_RECORDS = 20_000  # newest diagnoses and incidents that are counted
TARGETS = {"recurrence": 0.05, "response": 0.9, "restoration": 0.9, "closure": 0.95, "satisfaction": 0.9}
RESPONSE, RESTORATION = timedelta(hours=2), timedelta(hours=4)
SATISFIED = 4  # of five
DECISIONS = ("automatic", "suggested", "abstained")


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """One key figure: its value, its target where it has one, and what it was counted from."""

    key: str
    value: float | None
    basis: str = ""
    n: int = 0
    verdict: Verdict = ""

    @property
    def target(self) -> float | None:
        """The target, None where there is none."""
        return TARGETS.get(self.key)


@dataclass(frozen=True, slots=True)
class ServiceReport:
    """Everything on the manager's page."""

    days: Sequence[tuple[str, Mapping[str, int]]]
    key_figures: Sequence[KeyFigure]
    overrides: Sequence[tuple[str, str, int]]
    live: ReleaseQuality | None

    @property
    def totals(self) -> Mapping[str, int]:
        """The decisions of all days, by kind."""
        return {decision: sum(counts[decision] for _, counts in self.days) for decision in DECISIONS}

    @property
    def n_decisions(self) -> int:
        """The number of decisions of all days."""
        return sum(self.totals.values())


def service_report(service: Service, moment: datetime) -> ServiceReport:
    """Return the outcome of the last `DAYS` days before a moment."""
    since = moment - timedelta(days=DAYS)
    predictions = service.diagnoses.predictions_since(since, MAX_RECORDS)
    feedback = service.feedback.since(since)
    frame = _frame([{**record.body, "number": record.number} for record in service.incidents.newest(MAX_RECORDS)])
    key_figures = [
        _recurrence(service, frame, moment),
        *_service_levels(frame[frame["opened_at"] >= since]),
        _deflected(service, since),
    ]
    overrides = Counter(
        (entry.target, entry.predicted or "") for entry in feedback if entry.kind in ("overridden", "reverted")
    )
    return ServiceReport(
        days=_by_day(predictions, moment),
        key_figures=key_figures,
        overrides=[(*key, times) for key, times in overrides.most_common(15)],
        live=release_quality(service),
    )


def _by_day(
    diagnosed: Sequence[tuple[str, datetime, Mapping[str, Any]]], moment: datetime
) -> list[tuple[str, Mapping[str, int]]]:
    """Return the decisions of each day, days without any too, so that a picture of them tells the truth of time."""
    days = [f"{moment - timedelta(days=back):%Y-%m-%d}" for back in reversed(range(DAYS))]
    counts: dict[str, Counter[str]] = {day: Counter() for day in days}
    for _, at, predictions in diagnosed:
        day = counts.setdefault(f"{at:%Y-%m-%d}", Counter())
        day.update(prediction["decision"] for prediction in predictions.values())
    return sorted(counts.items())


def _recurrence(service: Service, frame: pd.DataFrame, moment: datetime) -> KeyFigure:
    try:
        signature = service.recurrence.signature() or default_signature(frame)
        rates = recurrence_rate(frame, signature, (30,), as_of=pd.Timestamp(moment), target=TARGETS["recurrence"])
    except InputError:  # nothing in the store that could recur
        return KeyFigure("recurrence", None)
    row = rates.iloc[0]
    verdict: Verdict = {"met": "met", "missed": "missed"}.get(str(row["verdict"]), "not_proven")  # type: ignore[assignment]
    rate = None if pd.isna(row["rate"]) else float(row["rate"])
    return KeyFigure("recurrence", rate, "of_incidents", int(row["incidents"]), verdict if rate is not None else "")


def _service_levels(frame: pd.DataFrame) -> list[KeyFigure]:
    # Response and satisfaction have no field of their own in the import format: `responded_at` or
    # `sla_response_minutes`, and `satisfaction` (1 to 5), are taken where the data hold them.
    responded = pd.to_datetime(_column(frame, "responded_at"), utc=True, errors="coerce", format="ISO8601")
    minutes = pd.to_numeric(_column(frame, "sla_response_minutes"), errors="coerce")
    responded = responded.fillna(frame["opened_at"] + pd.to_timedelta(minutes, unit="min"))
    rated = pd.to_numeric(_column(frame, "satisfaction"), errors="coerce")
    closed = frame["closed_at"].notna()
    has_closure = closed | bool(closed.any())  # without a single closing time the data do not hold closure
    return [
        # A time before the opening is a mistake, and counts as none.
        _share_figure("response", responded - frame["opened_at"] <= RESPONSE, responded >= frame["opened_at"]),
        _share_figure(
            "restoration",
            frame["resolved_at"] - frame["opened_at"] <= RESTORATION,
            frame["resolved_at"] >= frame["opened_at"],
        ),
        _share_figure("closure", closed, has_closure),
        _share_figure("satisfaction", rated >= SATISFIED, rated.notna()),
    ]


def _column(frame: pd.DataFrame, name: str) -> pd.Series[Any]:
    return frame[name] if name in frame else pd.Series(None, index=frame.index, dtype="object")


def _share_figure(key: str, holds: pd.Series[bool], counts: pd.Series[bool]) -> KeyFigure:
    n = int(counts.sum())
    share = _share(int((holds & counts).sum()), n)
    verdict: Verdict = "" if share is None else "met" if share >= TARGETS[key] else "missed"
    return KeyFigure(key, share, "of_incidents", n, verdict)


def _deflected(service: Service, since: datetime) -> KeyFigure:
    questions = service.audit.objects("help.asked", since)
    solved = service.audit.objects("help.solved", since) & questions
    return KeyFigure("deflection", _share(len(solved), len(questions)), "of_questions", len(questions))


def _frame(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    return as_frame(pd.DataFrame(list(records)) if records else pd.DataFrame({"number": []}, dtype="str"))


def _share(part: int, total: int) -> float | None:
    return part / total if total else None
