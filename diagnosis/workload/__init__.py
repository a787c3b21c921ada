"""Workload: how many incidents each group will get, how fast it closes them, and what becomes of its backlog."""

from diagnosis.workload.forecast import Amount, GroupWorkload, WorkloadDay, WorkloadForecast, WorkloadWeek
from diagnosis.workload.report import forecast_workload

__all__ = ["Amount", "GroupWorkload", "WorkloadDay", "WorkloadForecast", "WorkloadWeek", "forecast_workload"]
