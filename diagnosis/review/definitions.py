"""What a review measures: each measure's unit, target, the records that it is of, and the columns that it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from diagnosis.recurrence.rates import TARGET as RECURRENCE
from diagnosis.service_levels import TARGETS

Unit = Literal["share", "hours"]
Source = Literal["records", "knowledge", "decisions", "self_service", "warnings"]


@dataclass(frozen=True, slots=True)
class Definition:
    """What one measure is.

    Attributes
    ----------
    target : float or None
        In the measure's unit, unless the settings say otherwise; None where the programme sets none.
    lower_is_better : bool
        Whether the target is a most and not a least.
    type : str
        Of the records that it is of; empty for all.
    columns : tuple of str
        Without a value in any of them the measure is not recorded.
    source : str
        Where it is taken from; all but ``"records"`` need more than incidents.
    """

    name: str
    unit: Unit
    target: float | None
    lower_is_better: bool = False
    type: str = ""
    columns: tuple[str, ...] = ()
    source: Source = "records"


_RESPONSE = ("responded_at",)
DEFINITIONS = (
    Definition("recurrence", "share", RECURRENCE, lower_is_better=True, type="incident", columns=("opened_at",)),
    Definition("response", "hours", TARGETS["response"], lower_is_better=True, type="incident", columns=_RESPONSE),
    Definition("response_in_time", "share", None, type="incident", columns=_RESPONSE),
    Definition("restoration", "share", TARGETS["restoration"], type="incident", columns=("resolved_at", "closed_at")),
    Definition("requests", "share", 0.95, type="request", columns=_RESPONSE),
    Definition("complaints", "share", 0.95, type="complaint", columns=_RESPONSE),
    Definition("closure", "share", TARGETS["closure"], columns=("closed_at",)),
    Definition("satisfaction", "share", TARGETS["satisfaction"], columns=("satisfaction",)),
    Definition("deflection", "share", None, source="self_service"),
    Definition("automatic", "share", None, source="decisions"),
    Definition("automatic_right", "share", 0.95, source="decisions"),
    Definition("coverage", "share", None, type="incident", source="knowledge"),
    Definition("warnings", "share", None, source="warnings"),
)
BY_NAME: Mapping[str, Definition] = {definition.name: definition for definition in DEFINITIONS}
# By what each measure is looked at; the month is the one of opening, in the organisation's zone.
DIMENSIONS = ("service", "assignment_group", "type", "priority", "contact_type", "month")
