"""Suggestions: resolutions and workarounds to try, ranked by relevance and by what happened after each was applied."""

from diagnosis.suggest.outcomes import SolutionOutcomes
from diagnosis.suggest.similar import RankedRecord, similar_incidents
from diagnosis.suggest.suggester import Suggester

__all__ = ["RankedRecord", "SolutionOutcomes", "Suggester", "similar_incidents"]
