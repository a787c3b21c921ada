"""Settings of a review: zone, thresholds and targets, read from the table ``[review]`` of a configuration file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from diagnosis.calendars import holidays_of
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.review.definitions import BY_NAME
from diagnosis.review.quarters import zone_of


@dataclass(frozen=True)
class ReviewSettings:
    """What a review counts as in time, and what it should reach.

    Attributes
    ----------
    zone : str
        Of the organisation: where its quarters and months begin.
    recurrence_days, closure_days : float
        Days within which a fault counts as come back, and a record should be closed.
    restoration_hours, request_hours, complaint_hours : float or None
        Within which an incident should be restored, a request and a complaint answered, in place of what the service
        levels' rules promise; None for what they promise.
    satisfied : int
        From which rating of 1 to 5 on a caller counts as satisfied.
    fewest : int
        Records below which a breakdown's row is not judged, and two quarters are not compared.
    targets : mapping of str to float
        By measure, in place of the programme's.
    holidays : str
        Country whose public holidays the expected workload knows, such as ``CN``.
    hours_per_record : float, mapping of str to float, or None
        Hours of work that one record takes, of every group or by group; None where nobody has said.
    hours_available : mapping of str to float
        By group, the hours of work that it has in a week.
    """

    zone: str = "UTC"
    recurrence_days: float = 30.0
    restoration_hours: float | None = None
    request_hours: float | None = None
    complaint_hours: float | None = None
    closure_days: float = 30.0
    satisfied: int = 4
    fewest: int = 10
    targets: Mapping[str, float] = field(default_factory=dict)
    holidays: str = ""
    hours_per_record: float | Mapping[str, float] | None = None
    hours_available: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        zone_of(self.zone)
        for name in ("recurrence_days", "closure_days"):
            _check(name, getattr(self, name), 0.0, 3650.0)
        for name in ("restoration_hours", "request_hours", "complaint_hours"):
            if getattr(self, name) is not None:
                _check(name, getattr(self, name), 0.0, 3650.0)
        _check("satisfied", self.satisfied, 0.5, 5.0)
        _check("fewest", self.fewest, 1.0, 1e9)
        holidays_of(self.holidays)
        if isinstance(self.hours_per_record, Mapping):
            _check_hours("hours_per_record", self.hours_per_record, 1_000.0)
        elif self.hours_per_record is not None:
            _check("hours_per_record", self.hours_per_record, 0.0, 1_000.0)
        _check_hours("hours_available", self.hours_available, 1e6)
        if unknown := [name for name in self.targets if name not in BY_NAME]:
            values = {"name": "review.targets", "choices": tuple(BY_NAME), "value": unknown[0]}
            raise InputError(Phrase("value_not_offered", values))
        for name, target in self.targets.items():
            _check(f"targets.{name}", target, 0.0, 1.0 if BY_NAME[name].unit == "share" else 24.0 * 30)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Return the settings that a table holds; what it leaves out is the default.

        Raises
        ------
        InputError
            If a name or value is not one of a setting's.
        """
        names = [entry.name for entry in fields(cls)]
        if unknown := [name for name in values if name not in names]:
            raise InputError(
                Phrase("value_not_offered", {"name": "[review]", "choices": tuple(names), "value": unknown[0]})
            )
        for name in ("targets", "hours_available"):
            if not isinstance(values.get(name, {}), Mapping):
                raise InputError(Phrase("review_table_expected", {"name": name, "value": repr(values[name])}))
        if not isinstance(values.get("holidays", ""), str):
            raise InputError(Phrase("review_country_expected", {"value": repr(values["holidays"])}))
        return cls(**values)

    def target(self, measure: str) -> float | None:
        """Return a measure's target: as set, or the programme's; None where there is none."""
        return self.targets.get(measure, BY_NAME[measure].target)

    def fewest_of(self, measure: str) -> int:
        """Return how many records of a measure are compared at the fewest."""
        return self.fewest * (2 if BY_NAME[measure].unit == "hours" else 1)  # a mean of long tails needs more


def _check_hours(name: str, hours: Mapping[str, float], most: float) -> None:
    for group, value in hours.items():
        if value != 0:
            _check(f"{name}.{group}", value, 0.0, most)


def _check(name: str, value: object, above: float, most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not above < value <= most:
        limits = {"above": above, "most": most, "value": repr(value)}
        raise InputError(Phrase("review_number_expected", {"name": name, **limits}))
