"""Suggestions: resolutions and workarounds to try, ranked by relevance and by what happened after each was applied."""

from diagnosis.suggest.outcomes import SolutionOutcomes
from diagnosis.suggest.similar import Hit, similar_incidents
from diagnosis.suggest.suggester import Suggester

__all__ = ["Hit", "SolutionOutcomes", "Suggester", "similar_incidents"]
