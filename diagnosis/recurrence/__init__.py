"""Recurrence: what it is, how likely it is for one incident, how often it happens, and whether a fix has held."""

from diagnosis.recurrence.rates import recurrence_rate
from diagnosis.recurrence.risk import RecurrenceModel
from diagnosis.recurrence.scores import RecurrenceScores
from diagnosis.recurrence.signature import Signature, default_signature
from diagnosis.recurrence.state import HistoryState
from diagnosis.recurrence.verdict import FixVerdict, fix_verdict

__all__ = [
    "FixVerdict",
    "HistoryState",
    "RecurrenceModel",
    "RecurrenceScores",
    "Signature",
    "default_signature",
    "fix_verdict",
    "recurrence_rate",
]
