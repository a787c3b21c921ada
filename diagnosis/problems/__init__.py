"""Problems: chronic faults found in a history, what they will cost, and what preventing each is worth."""

from diagnosis.problems.finding import ProblemContext, find_problems, problem_id
from diagnosis.problems.forecast import FaultForecast
from diagnosis.problems.identity import ProblemDecision
from diagnosis.problems.prevention import MeasureEffect, PreventedShares
from diagnosis.problems.problem import Problem, ProblemReport

__all__ = [
    "FaultForecast",
    "MeasureEffect",
    "PreventedShares",
    "Problem",
    "ProblemContext",
    "ProblemDecision",
    "ProblemReport",
    "find_problems",
    "problem_id",
]
