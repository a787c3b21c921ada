"""Surges: more incidents than usual in one scope, announced while they happen, with a stated number of false alarms."""

from diagnosis.surges.detector import SurgeDetector
from diagnosis.surges.maintenance import MaintenanceWindow
from diagnosis.surges.recent import Arrival
from diagnosis.surges.surge import Surge

__all__ = ["Arrival", "MaintenanceWindow", "Surge", "SurgeDetector"]
