"""Monitored faults: which incident stands for an alert's fingerprint, through repetition, resolution and return."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from api.integrations.alertmanager import AlertmanagerAlert, incident_of
from api.integrations.report import Report
from diagnosis.store.inbox import Inbox
from diagnosis.times import utc_now


class Faults:
    """Names the incident of each alert.

    Parameters
    ----------
    inbox : Inbox
    reopened_within : timedelta
        A fault that fires again within it after its resolution reopens its incident, as flapping does; later it is a
        new incident, so that recurrence is counted.
    """

    def __init__(self, inbox: Inbox, reopened_within: timedelta) -> None:
        self.inbox = inbox
        self.reopened_within = reopened_within

    def report(self, alert: AlertmanagerAlert) -> Report:
        """Return the alert as a report on its incident, and remember which one that is."""
        starts = alert.starts_at or utc_now()
        entry = self.inbox.fault(alert.fingerprint)
        number, resolved_at = entry or (alert.fingerprint, None)
        report = incident_of(alert, number)
        if alert.status == "firing" and resolved_at is not None:
            if starts - resolved_at > self.reopened_within:
                number = f"{alert.fingerprint}-{starts:%Y%m%dT%H%M%S}"
                report = incident_of(alert, number)
            elif starts > resolved_at:
                report = Report(replace(report.incident, reopened_at=starts), report.record)
            else:  # a firing notification that was overtaken by the resolved one
                return Report(replace(report.incident, resolved_at=resolved_at), report.record)
        resolution = report.incident.resolved_at or (utc_now() if alert.status == "resolved" else None)
        self.inbox.set_fault(alert.fingerprint, number, resolution)
        return Report(replace(report.incident, resolved_at=resolution), report.record)
