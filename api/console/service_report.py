"""What the service manager reads: what was decided, whether it was right, and how the service keeps its targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from api.console.release_quality import ReleaseQuality, Verdict, release_quality
from api.errors import NothingPublishedError
from api.service import Service
from diagnosis.errors import InputError
from diagnosis.incident import as_frame
from diagnosis.recurrence import default_signature, recurrence_rate

DAYS = 30
MOST = 20_000  # newest diagnoses and incidents that are looked at: a page is no report
TARGETS = {"recurrence": 0.05, "response": 0.9, "restoration": 0.9, "closure": 0.95, "satisfaction": 0.9}
RESPONSE, RESTORATION = timedelta(hours=2), timedelta(hours=4)
SATISFIED = 4  # of five
DECISIONS = ("automatic", "suggested", "abstained")


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure: what was found, its target where it has one, and what it was counted from."""

    key: str
    found: float | None
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
    measures: Sequence[Measure]
    overrides: Sequence[tuple[str, str, int]]
    live: ReleaseQuality | None


def service_report(service: Service, moment: datetime) -> ServiceReport:
    """Return the outcome of the last `DAYS` days before a moment."""
    since = moment - timedelta(days=DAYS)
    given = service.store.diagnoses.predictions_since(since, MOST)
    said = service.store.feedback.since(since)
    frame = _frame([{**one.body, "number": one.number} for one in service.store.incidents.newest(MOST)])
    measures = [
        _recurrence(service, frame, moment),
        *_kept(frame[frame["opened_at"] >= since]),
        _deflected(service, since),
    ]
    overrides = Counter((one.target, one.predicted or "") for one in said if one.kind in ("overridden", "reverted"))
    return ServiceReport(
        days=_by_day(given, moment),
        measures=measures,
        overrides=[(*key, times) for key, times in overrides.most_common(15)],
        live=release_quality(service),
    )


def _by_day(
    given: Sequence[tuple[str, datetime, Mapping[str, Any]]], moment: datetime
) -> list[tuple[str, Mapping[str, int]]]:
    """Return the decisions of each day, days without any too, so that a picture of them tells the truth of time."""
    days = [f"{moment - timedelta(days=back):%Y-%m-%d}" for back in reversed(range(DAYS))]
    counted: dict[str, Counter[str]] = {day: Counter() for day in days}
    for _, at, predictions in given:
        counted.setdefault(f"{at:%Y-%m-%d}", Counter()).update(one["decision"] for one in predictions.values())
    return sorted(counted.items())


def _recurrence(service: Service, frame: pd.DataFrame, moment: datetime) -> Measure:
    try:
        model = service.serving.current.diagnoser.parts.recurrence
    except NothingPublishedError:
        model = None
    try:
        signature = model.signature_ if model is not None else default_signature(frame)
        rates = recurrence_rate(frame, signature, (30,), as_of=pd.Timestamp(moment), target=TARGETS["recurrence"])
    except InputError:  # nothing in the store that could recur
        return Measure("recurrence", None)
    row = rates.iloc[0]
    verdict: Verdict = {"met": "met", "missed": "missed"}.get(str(row["verdict"]), "not_proven")  # type: ignore[assignment]
    found = None if pd.isna(row["rate"]) else float(row["rate"])
    return Measure("recurrence", found, "of_incidents", int(row["incidents"]), verdict if found is not None else "")


def _kept(frame: pd.DataFrame) -> list[Measure]:
    # Response and satisfaction have no field of their own in the import format: `responded_at` or
    # `sla_response_minutes`, and `satisfaction` (1 to 5), are taken where the data hold them.
    responded = pd.to_datetime(_column(frame, "responded_at"), utc=True, errors="coerce", format="ISO8601")
    minutes = pd.to_numeric(_column(frame, "sla_response_minutes"), errors="coerce")
    responded = responded.fillna(frame["opened_at"] + pd.to_timedelta(minutes, unit="min"))
    rated = pd.to_numeric(_column(frame, "satisfaction"), errors="coerce")
    closed = frame["closed_at"].notna()
    known = closed | bool(closed.any())  # who never says that one was closed has no closure to speak of
    return [
        # A time before the opening is a mistake, and counts as none.
        _measure("response", responded - frame["opened_at"] <= RESPONSE, responded >= frame["opened_at"]),
        _measure(
            "restoration",
            frame["resolved_at"] - frame["opened_at"] <= RESTORATION,
            frame["resolved_at"] >= frame["opened_at"],
        ),
        _measure("closure", closed, known),
        _measure("satisfaction", rated >= SATISFIED, rated.notna()),
    ]


def _column(frame: pd.DataFrame, name: str) -> pd.Series[Any]:
    return frame[name] if name in frame else pd.Series(None, index=frame.index, dtype="object")


def _measure(key: str, holds: pd.Series[bool], counts: pd.Series[bool]) -> Measure:
    n = int(counts.sum())
    found = _share(int((holds & counts).sum()), n)
    verdict: Verdict = "" if found is None else "met" if found >= TARGETS[key] else "missed"
    return Measure(key, found, "of_incidents", n, verdict)


def _deflected(service: Service, since: datetime) -> Measure:
    asked = service.store.audit.objects("help.asked", since)
    solved = service.store.audit.objects("help.solved", since) & asked
    return Measure("deflection", _share(len(solved), len(asked)), "of_asked", len(asked))


def _frame(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    return as_frame(pd.DataFrame(list(records)) if records else pd.DataFrame({"number": []}, dtype="str"))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
