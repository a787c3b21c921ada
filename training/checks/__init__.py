"""The audit's checks: what in the data would make a release look better than it is, or be worse than it could be."""

from training.checks.finding import AUDIT, Audit, Finding
from training.checks.run import audit, in_service

__all__ = ["AUDIT", "Audit", "Finding", "audit", "in_service"]
