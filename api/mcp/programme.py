"""Results of the tools about the programme: chronic faults, and the knowledge base's state."""

from __future__ import annotations

from api.knowledge.board import KnowledgeSnapshot
from api.mcp.schemas import GapResult, KnowledgeHealthResult, ProblemResult, StaleResult
from api.problems.service import ListedProblem
from diagnosis.times import format_utc

FEW = 5  # incidents that are named


def problem_result(listed: ListedProblem) -> ProblemResult:
    """Return a listed problem."""
    names = ("id", "title", "incidents", "episodes", "trend", "expected_incidents", "interval", "preventable_hours")
    values = {name: getattr(listed.problem, name) for name in (*names, "known_fix")}
    return ProblemResult(**values, status=listed.status, numbers=list(listed.problem.numbers[:FEW]))


def health_result(snapshot: KnowledgeSnapshot, k: int, language: str) -> KnowledgeHealthResult:
    """Return the first so many gaps and stale articles of a knowledge base."""
    health, names = snapshot.health, ("title", "incidents", "hours_lost", "covered", "nearest", "problem")
    return KnowledgeHealthResult(
        as_of=format_utc(health.as_of),
        articles=health.articles,
        incidents=health.incidents,
        covered=health.answered,
        gaps=[
            GapResult(**{name: getattr(gap, name) for name in names}, numbers=list(gap.numbers[:FEW]))
            for gap in health.gaps[:k]
        ],
        stale=[
            StaleResult(number=stale.number, title=snapshot.titles.get(stale.number, ""), why=stale.why(language))
            for stale in health.stale[:k]
        ],
    )
