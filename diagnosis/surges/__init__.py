"""Surges: more incidents than usual in one scope, announced while they happen, with a stated number of false alarms."""

from diagnosis.surges.detector import Arrival, SurgeDetector
from diagnosis.surges.surge import Surge

__all__ = ["Arrival", "Surge", "SurgeDetector"]
