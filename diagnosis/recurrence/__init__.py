"""Recurrence: what it is, how likely it is for one incident, how often it happens, and whether a fix has held."""

from diagnosis.recurrence.history import HistoryState
from diagnosis.recurrence.risk import RecurrenceModel
from diagnosis.recurrence.signature import Signature, default_signature

__all__ = ["HistoryState", "RecurrenceModel", "Signature", "default_signature"]
