"""How often the organisation's faults come back, and whether a fix has held."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from api.dependencies import Served
from api.http.fields import Time
from api.http.problems import problems
from api.http.security import MayDiagnose
from api.recurrence.schemas import FixIn, FixOut, RecurrenceRatesOut
from diagnosis.recurrence.rates import TARGET

router = APIRouter(prefix="/v1/recurrence", tags=["recurrence"])

# A caller or a location would single out people.
By = Literal[
    "month",
    "service",
    "category",
    "subcategory",
    "assignment_group",
    "workaround",
    "priority",
    "contact_type",
    "cmdb_ci",
]


@router.get("", response_model=RecurrenceRatesOut, responses=problems())
def rates(
    _principal: MayDiagnose,
    service: Served,
    signature: Annotated[
        str,
        Query(max_length=500, description="Fields, with commas; by default the release's", examples=["cmdb_ci,text"]),
    ] = "",
    horizons: Annotated[
        str, Query(pattern=r"^[1-9]\d{0,3}(,[1-9]\d{0,3}){0,9}$", description="Days, with commas", examples=["7,30,90"])
    ] = "7,30,90",
    by: Annotated[list[By], Query(max_length=9, description="Also by these; repeatable")] = [],  # noqa: B006 - FastAPI copies
    origin: Annotated[Literal["opened", "resolved"], Query(description="Where the time starts")] = "opened",
    target: Annotated[float, Query(gt=0, lt=1, description="Share to stay below")] = TARGET,
    as_of: Annotated[
        Time, Query(description="When the outcomes were known; by default the latest time there is")
    ] = None,
) -> RecurrenceRatesOut:
    """Return how often faults came back: Kaplan-Meier corrected with its 95 % band, beside the naive share."""
    fields = [name.strip() for name in signature.split(",")] if signature else []
    days = sorted({int(part) for part in horizons.split(",")})
    return service.recurrence.rates(fields, days, by, origin, target, as_of)


@router.post("/fixes", response_model=FixOut, responses=problems())
def fix(_principal: MayDiagnose, service: Served, body: FixIn) -> FixOut:
    """Say whether a fault comes back less since a date: held, did not hold, or cannot tell yet and how long until."""
    return service.recurrence.fix(body)
