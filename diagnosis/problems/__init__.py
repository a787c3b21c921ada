"""Problems: chronic faults found in a history, what they will cost, and what preventing each is worth."""

from diagnosis.problems.forecast import FaultForecast
from diagnosis.problems.problem import Problem, ProblemReport, find_problems, problem_id

__all__ = ["FaultForecast", "Problem", "ProblemReport", "find_problems", "problem_id"]
