"""Service levels: the programme's figures of a period, the clocks of open incidents, and what will be late."""

from diagnosis.service_levels.clocks import Clock, clocks
from diagnosis.service_levels.figures import (
    LONGEST,
    TARGETS,
    ServiceLevel,
    Waits,
    is_critical,
    mean_wait,
    service_levels,
    share_in_time,
    share_of,
    with_first_responses,
)
from diagnosis.service_levels.model import ServiceLevelModel
from diagnosis.service_levels.rules import ServiceLevelRule, ServiceLevelRules, priority_rank, rules_for

__all__ = [
    "LONGEST",
    "TARGETS",
    "Clock",
    "ServiceLevel",
    "ServiceLevelModel",
    "ServiceLevelRule",
    "ServiceLevelRules",
    "Waits",
    "clocks",
    "is_critical",
    "mean_wait",
    "priority_rank",
    "rules_for",
    "service_levels",
    "share_in_time",
    "share_of",
    "with_first_responses",
]
