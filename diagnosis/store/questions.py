"""Questions put to self-service: nobody signs in there, so that they are counted by hour and none is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ulid import ULID

from diagnosis.store.audit import AuditLog
from diagnosis.times import format_utc, parse_utc

ACTION = "help.counted"  # one act for all questions that a process counted since its last
_QUESTION, _SOLUTION = "help.asked", "help.solved"  # one act a question, as earlier versions wrote them
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class QuestionCount:
    """How many questions were asked in an hour, and how many of them needed no ticket."""

    questions: int = 0
    solutions: int = 0

    def plus(self, count: QuestionCount) -> QuestionCount:
        """Return both together."""
        return QuestionCount(self.questions + count.questions, self.solutions + count.solutions)


def hour_of(moment: datetime) -> datetime:
    """Return the beginning of the hour that a moment is in."""
    return moment.replace(minute=0, second=0, microsecond=0)


def counts_as_detail(counts: Mapping[datetime, QuestionCount]) -> dict[str, Any]:
    """Return counts by hour as the detail of an act."""
    return {format_utc(hour): {"asked": count.questions, "solved": count.solutions} for hour, count in counts.items()}


class Questions:
    """What was counted, by the hour in which it was asked; read from the audit log, where it is kept.

    Parameters
    ----------
    audit : AuditLog
    """

    def __init__(self, audit: AuditLog) -> None:
        self.audit = audit

    def by_hour(self, since: datetime) -> dict[datetime, QuestionCount]:
        """Return the questions of each hour that begins at a moment or later, of all processes together."""
        counts = self._single(since)
        for detail in self.audit.details(ACTION, since):
            for name, count in detail["hours"].items():
                hour, count_of_process = parse_utc(name), QuestionCount(count["asked"], count["solved"])
                if hour >= since:
                    counts[hour] = counts.get(hour, QuestionCount()).plus(count_of_process)
        return counts

    def marker(self) -> int:
        """Return a value that differs after more was counted."""
        return self.audit.count((ACTION, _QUESTION, _SOLUTION))

    def _single(self, since: datetime) -> dict[datetime, QuestionCount]:
        questions = self.audit.objects(_QUESTION, since)
        solutions = Counter(map(_hour_of_id, self.audit.objects(_SOLUTION, since) & questions))
        by_hour = Counter(map(_hour_of_id, questions))
        return {hour: QuestionCount(count, solutions[hour]) for hour, count in by_hour.items()}


def _hour_of_id(question: str) -> datetime:
    return hour_of(ULID.from_str(question).datetime)
