"""How often the organisation's faults come back, and whether a fix has held."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pandas as pd
from fastapi import APIRouter, Query

from api.dependencies import Served
from api.http.fields import Time
from api.http.problems import problems
from api.http.security import MayDiagnose
from api.recurrence.schemas import FixIn, FixOut, RateOut, RecurrenceRatesOut
from api.service import Service
from diagnosis.errors import InputError
from diagnosis.recurrence import Signature, default_signature, fix_verdict, recurrence_rate
from diagnosis.recurrence.outcomes import definition
from diagnosis.recurrence.rates import TARGET
from training.fitting.as_of import last_moment

router = APIRouter(prefix="/v1/recurrence", tags=["recurrence"])

MOST_GROUPS = 100  # the largest, or the latest months
# A caller or a location would single out people.
By = Literal[
    "month", "service", "category", "subcategory", "assignment_group", "workaround", "priority", "contact_type",
    "cmdb_ci",
]  # fmt: skip


@router.get("", response_model=RecurrenceRatesOut, responses=problems())
def rates(
    _who: MayDiagnose,
    service: Served,
    signature: Annotated[
        str,
        Query(max_length=500, description="Fields, with commas; by default the release's", examples=["cmdb_ci,text"]),
    ] = "",
    horizons: Annotated[
        str, Query(pattern=r"^\d{1,4}(,\d{1,4}){0,9}$", description="Days, with commas", examples=["7,30,90"])
    ] = "7,30,90",
    by: Annotated[list[By], Query(max_length=9, description="Also by these; repeatable")] = [],  # noqa: B006 - FastAPI copies
    origin: Annotated[Literal["opened", "resolved"], Query(description="Where the time starts")] = "opened",
    target: Annotated[float, Query(gt=0, lt=1, description="Share to stay below")] = TARGET,
    as_of: Annotated[
        Time, Query(description="When the outcomes were known; by default the latest time there is")
    ] = None,
) -> RecurrenceRatesOut:
    """Return how often faults came back: Kaplan-Meier corrected with its 95 % band, beside the naive share."""
    frame = _history(service)
    asked, moment = _signature(service, frame, signature), _moment(frame, as_of)
    days = sorted({int(part) for part in horizons.split(",")} - {0})
    found = [
        RateOut(by=part or "all", **row)
        for part in (None, *dict.fromkeys(by))
        for row in _rows(recurrence_rate(frame, asked, days, as_of=moment, by=part, origin=origin, target=target), part)
    ]
    return RecurrenceRatesOut(
        definition=str(definition(asked.fields, origin)),
        signature=list(asked.fields),
        origin=origin,
        as_of=moment.isoformat().replace("+00:00", "Z"),
        rates=found,
    )


@router.post("/fixes", response_model=FixOut, responses=problems())
def fix(_who: MayDiagnose, service: Served, asked: FixIn) -> FixOut:
    """Say whether a fault comes back less since a date: held, did not hold, or cannot tell yet and how long until."""
    if asked.since is None:
        raise InputError("expected 'since', the date of the fix; found none")
    frame = _history(service)
    signature = Signature(tuple(asked.signature))
    moment = _moment(frame, asked.as_of)
    told = fix_verdict(frame, signature, signature.key(asked.signature), pd.Timestamp(asked.since), as_of=moment)
    return FixOut(**told.to_dict())


def _history(service: Service) -> pd.DataFrame:
    """Return every incident that the release knows, with what became of it since."""
    return service.serving.current.diagnoser.parts.history.frame()


def _signature(service: Service, frame: pd.DataFrame, asked: str) -> Signature:
    if asked:
        return Signature(tuple(name.strip() for name in asked.split(",")))
    model = service.serving.current.diagnoser.parts.recurrence
    return model.signature_ if model is not None else default_signature(frame)


def _moment(frame: pd.DataFrame, asked: Any) -> pd.Timestamp:  # noqa: ANN401 - a datetime or None
    if asked is not None:
        return pd.Timestamp(asked)
    latest = last_moment(frame)
    if pd.isna(latest):
        raise InputError("recurrence needs opened_at; no incident has a date")
    return latest


def _rows(table: pd.DataFrame, by: str | None) -> list[dict[str, Any]]:
    groups = table["group"].drop_duplicates()
    kept = groups.tail(MOST_GROUPS) if by == "month" else groups.head(MOST_GROUPS)
    rows = table[table["group"].isin(kept)].to_dict("records")
    return [{str(k): None if isinstance(v, float) and pd.isna(v) else v for k, v in row.items()} for row in rows]
