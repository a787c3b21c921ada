"""What the watch for surges learns from a history: in a process of its own where that takes seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from api.surges.settings import SurgeSettings
from diagnosis.processes import in_own_process
from diagnosis.surges import Arrival, Surge, SurgeDetector
from diagnosis.surges.rhythm import holiday_kinds
from diagnosis.times import format_utc, from_seconds

LARGE = 2_000  # incidents from which a process of its own pays: it takes two seconds to start, 15,000 take seven

Course = Sequence[Sequence[Any]]


@dataclass(frozen=True)
class LearnedHistory:
    """The state of a detector that has seen a history, the surges that it had, and the course of each."""

    state: dict[str, Any]
    surges: dict[str, Surge]
    courses: dict[str, Course]


def new_detector(settings: SurgeSettings, holidays: str) -> SurgeDetector:
    """Return a detector that knows nothing yet."""
    return SurgeDetector(settings.false_alarms_per_month, settings.zone, holiday_kinds(holidays))


def learn_history(
    arrivals: Sequence[Arrival], settings: SurgeSettings, holidays: str, is_stopping: Callable[[], bool]
) -> LearnedHistory:
    """Return what a history teaches.

    Raises
    ------
    InterruptedComputationError
        If it was stopped, or its process was killed.
    """
    if len(arrivals) < LARGE:
        return _learn(arrivals, settings, holidays)
    return in_own_process(_learn, arrivals, settings, holidays, is_stopping=is_stopping)


def _learn(arrivals: Sequence[Arrival], settings: SurgeSettings, holidays: str) -> LearnedHistory:
    detector, surges, courses = new_detector(settings, holidays), dict[str, Surge](), dict[str, Course]()
    for arrival in arrivals:
        surges.update((surge.id, surge) for surge in detector.add(arrival))
        for surge in detector.open:
            if surge.latest == arrival.at and surge.kind != "silence":  # later it is no longer remembered
                courses[surge.id] = longer(courses.get(surge.id, ()), steps(detector, surge, arrival.at))
    return LearnedHistory(detector.to_state(), surges, courses)


def steps(detector: SurgeDetector, surge: Surge, until: float) -> list[tuple[str, int, float]]:
    """Return the course of a surge as the detector remembers it: moment, incidents, and how many were usual."""
    return [(format_utc(from_seconds(at)), count, usual) for at, count, usual in detector.course(surge, until)]


def longer(course: Course, new_steps: Sequence[tuple[str, int, float]]) -> list[Sequence[Any]]:
    """Return a course with later steps; what is no longer remembered stays as it was."""
    first = new_steps[0][0] if new_steps else ""
    return [*(step for step in course if step[0] < first), *new_steps] if new_steps else list(course)
