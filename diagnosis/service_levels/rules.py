"""ServiceLevelRules: which response and restoration is promised to which incident, as the settings say it.

The first rule that fits an incident counts, as in `[service_levels]` of the configuration file:

    [service_levels]
    calendar = "24x7"
    [[service_levels.rules]]
    type = "incident"
    priority = ["1"]
    response_hours = 2
    restoration_hours = 4
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self, get_args

from diagnosis.calendars import Calendar, RoundTheClock, calendar_from
from diagnosis.errors import InputError
from diagnosis.incident import TYPES, IncidentBatch
from diagnosis.phrases import Phrase, either
from diagnosis.validation import quote_value

ClockName = Literal["response", "restoration"]
CLOCKS: tuple[ClockName, ...] = get_args(ClockName)
CONDITIONS = ("type", "priority", "service", "assignment_group")
AT_RISK = 0.5  # probability of a miss from which an incident is said to be at risk
LONGEST_HOURS = 87_600.0  # ten years
_HOURS: Mapping[ClockName, str] = {"response": "response_hours", "restoration": "restoration_hours"}
_RULE_KEYS = (*CONDITIONS, "calendar", *_HOURS.values())
_KEYS = ("calendar", "at_risk", "rules")
_RANK = re.compile(r"\d+")
_RANK_WORDS: tuple[tuple[str, ...], ...] = (
    ("critical", "blocker", "highest", "urgent", "紧急", "特急", "一级", "最高", "严重", "重大"),
    ("high", "major", "高", "二级"),
    ("moderate", "medium", "normal", "中", "三级", "一般", "普通", "正常"),
    ("low", "minor", "低", "四级"),
)
# What is "not urgent" is not of the rank of what is urgent; of which it is, that does not say.
_NEGATED = re.compile(
    r"(?:\b(?:non|not|no)[\s-]*(?:(?:so|very|that)\s+)?|非|不[太是很算够]*)"
    rf"(?:{'|'.join(word for words in _RANK_WORDS for word in words)})"
)
_RISING = {"1 low": 4, "2 normal": 3, "3 high": 2, "1 低": 4, "2 正常": 3, "3 高": 2}  # Zammad's: 3 is the most urgent


def priority_rank(priority: str) -> int | None:
    """Return the rank of a priority, 1 the most urgent; None where it says none.

    A number counts, unless its word says that numbers rise with urgency.

    Examples
    --------
    >>> [priority_rank(text) for text in ("1 - Critical", "P2", "紧急", "Medium", "VIP", "")]
    [1, 2, 1, 3, None, None]
    >>> [priority_rank(text) for text in ("1 low", "4 - High", "Non-critical", "1 - High", "3 - Low")]
    [4, 2, None, 1, 3]
    """
    words = priority.strip().casefold()
    if words in _RISING:
        return _RISING[words]
    number, words = _RANK.search(words), _NEGATED.sub(" ", words)
    by_word = next((rank for rank, terms in enumerate(_RANK_WORDS, 1) if any(term in words for term in terms)), None)
    if number is None:
        return by_word
    rank = int(number[0])
    contradicts = by_word is not None and ((rank <= 2 and by_word == 4) or (rank >= 3 and by_word <= 2))
    return by_word if contradicts else rank


@dataclass(frozen=True)
class ServiceLevelRule:
    """What is promised to the incidents that a rule fits.

    Attributes
    ----------
    conditions : mapping of str to tuple of str
        By field of `CONDITIONS`, the values it may have; a field that is not named may have any.
    hours : mapping of ClockName to float
        Business hours until each clock is missed.
    """

    conditions: Mapping[str, tuple[str, ...]]
    hours: Mapping[ClockName, float]
    calendar: Calendar = field(default_factory=RoundTheClock)

    def fits(self, incident: Mapping[str, str]) -> bool:
        """Return whether an incident, given as the fields of `CONDITIONS`, is promised this."""
        return all(_is_among(name, incident.get(name) or "", values) for name, values in self.conditions.items())

    def describe(self) -> str:
        """Return the rule in a few words, such as ``type incident, priority 1: response 2 h, restoration 4 h``."""
        of = ", ".join(f"{name} {' or '.join(values)}" for name, values in self.conditions.items()) or "everything"
        return f"{of}: {', '.join(f'{name} {hours:g} h' for name, hours in self.hours.items())}"

    def to_dict(self) -> dict[str, Any]:
        """Return the rule as settings write it."""
        hours = {_HOURS[name]: value for name, value in self.hours.items()}
        return {**{n: list(v) for n, v in self.conditions.items()}, "calendar": self.calendar.to_dict(), **hours}


@dataclass(frozen=True)
class ServiceLevelRules:
    """The rules in their order, and from which probability of a miss an incident is at risk."""

    rules: tuple[ServiceLevelRule, ...]
    at_risk: float = AT_RISK

    def places(self, incidents: IncidentBatch) -> list[int | None]:
        """Return the place of the first rule that fits each incident, None where none does."""
        columns = [incidents.column(name) for name in CONDITIONS]
        place_of: dict[tuple[str, ...], int | None] = {}
        places = []
        for values in zip(*columns, strict=True):
            if values not in place_of:
                incident = dict(zip(CONDITIONS, values, strict=True))
                place_of[values] = next((i for i, rule in enumerate(self.rules) if rule.fits(incident)), None)
            places.append(place_of[values])
        return places

    def unused(self, incidents: IncidentBatch) -> list[Phrase]:
        """Return which rules fit no incident, or only such as an earlier rule fits."""
        counts = Counter(self.places(incidents))
        batch = [dict(zip(CONDITIONS, values, strict=True)) for values in _distinct(incidents)]
        unused = []
        for place, rule in enumerate(self.rules):
            if counts[place] or not self.rules:
                continue
            fitting = [incident for incident in batch if rule.fits(incident)]
            winners = sorted({next(i for i, r in enumerate(self.rules, 1) if r.fits(incident)) for incident in fitting})
            values = {"place": place + 1, "rule": rule.describe()}
            unused.append(
                Phrase("rule_shadowed", {**values, "winners": tuple(map(str, winners))})
                if winners
                else Phrase("rule_fits_nothing", values)
            )
        return unused

    def to_dict(self) -> dict[str, Any]:
        """Return the rules as settings write them."""
        return {"at_risk": self.at_risk, "rules": [rule.to_dict() for rule in self.rules]}

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """Read the table ``[service_levels]``; without rules those of the programme.

        Raises
        ------
        InputError
            For a name, a value or a calendar that cannot be used, with the rule's number.
        """
        if not isinstance(settings, Mapping):
            raise InputError(Phrase("service_levels_not_table", {"value": quote_value(settings)}))
        _check_names(settings, _KEYS, "service_levels")
        calendar = calendar_from(settings.get("calendar", "24x7"))
        at_risk = _number(settings.get("at_risk", AT_RISK), "service_levels: at_risk", 1.0)
        rules = settings.get("rules")
        if rules is None:
            return cls(tuple(_rule(rule, calendar) for rule in PROGRAMME), at_risk)
        if not isinstance(rules, Sequence) or isinstance(rules, str):
            raise InputError(Phrase("service_levels_rules_wrong", {"value": quote_value(rules)}))
        read = []
        for place, rule in enumerate(rules, 1):
            try:
                read.append(_rule(rule, calendar))
            except InputError as error:
                raise InputError(Phrase("service_level_rule_wrong", {"place": place, "fault": error.phrase})) from error
        return cls(tuple(read), at_risk)


# What the programme promises where the settings say nothing.
PROGRAMME: tuple[Mapping[str, Any], ...] = (
    {"type": "incident", "priority": ["1"], "response_hours": 2, "restoration_hours": 4},
    {"type": "incident", "response_hours": 2},
    {"type": "request", "response_hours": 48},
    {"type": "complaint", "response_hours": 24},
)
# The same where no priority tells which faults are critical: restoration is then promised to each.
WITHOUT_CRITICAL: tuple[Mapping[str, Any], ...] = (
    {"type": "incident", "response_hours": 2, "restoration_hours": 4},
    *PROGRAMME[2:],
)


def rules_for(settings: Mapping[str, Any], priorities: Iterable[str]) -> ServiceLevelRules:
    """Return the rules of the settings; where they name none, the programme's, as the history's priorities allow.

    Parameters
    ----------
    settings : mapping
        The table ``[service_levels]``, or nothing.
    priorities : iterable of str
        Of the history. Where none is of rank 1, the programme's 4 hours of restoration are every incident's.
    """
    if settings.get("rules") is None and not any(priority_rank(text) == 1 for text in set(priorities)):
        settings = {**settings, "rules": WITHOUT_CRITICAL}
    return ServiceLevelRules.from_settings(settings)


def _distinct(incidents: IncidentBatch) -> set[tuple[str, ...]]:
    return set(zip(*(incidents.column(name) for name in CONDITIONS), strict=True))


def _is_among(name: str, value: str, values: Sequence[str]) -> bool:
    if name == "priority":
        rank = priority_rank(value)
        if rank is not None and any(priority_rank(expected) == rank for expected in values):
            return True
    return value.strip().casefold() in {expected.strip().casefold() for expected in values}


def _rule(rule: Any, calendar: Calendar) -> ServiceLevelRule:  # noqa: ANN401 - what a settings file holds
    if not isinstance(rule, Mapping):
        raise InputError(Phrase("table_value_expected", {"value": quote_value(rule)}))
    _check_names(rule, _RULE_KEYS, "rule")
    conditions = {name: _texts(rule[name], name) for name in CONDITIONS if rule.get(name) is not None}
    wrong = [value for value in conditions.get("type", ()) if value not in TYPES]
    if wrong:
        raise InputError(Phrase("rule_type_wrong", {"choices": tuple(TYPES), "value": wrong[0]}))
    hours = {name: _number(rule[key], key, LONGEST_HOURS) for name, key in _HOURS.items() if rule.get(key) is not None}
    if not hours:
        raise InputError(Phrase("rule_without_hours", {"names": either(tuple(_HOURS.values()))}))
    calendar_value = rule.get("calendar")
    return ServiceLevelRule(conditions, hours, calendar if calendar_value is None else calendar_from(calendar_value))


def _check_names(table: Mapping[str, Any], names: Sequence[str], table_name: str) -> None:
    unknown = [name for name in table if name not in names]
    if unknown:
        values = {"table": table_name, "name": unknown[0], "names": tuple(names)}
        raise InputError(Phrase("table_setting_unknown", values))


def _texts(value: Any, name: str) -> tuple[str, ...]:  # noqa: ANN401 - what a settings file holds
    values = (value,) if isinstance(value, str | int) else value
    if not isinstance(values, Sequence) or not values or isinstance(values, bool):
        raise InputError(Phrase("rule_values_expected", {"name": name, "value": quote_value(value)}))
    return tuple(str(part) for part in values)


def _number(value: Any, name: str, highest: float) -> float:  # noqa: ANN401 - what a settings file holds
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= highest or math.isnan(value):
        values = {"name": name, "most": highest, "value": quote_value(value)}
        raise InputError(Phrase("rule_number_expected", values))
    return float(value)
