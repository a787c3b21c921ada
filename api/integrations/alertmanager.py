"""Alertmanager (webhook version 4): every fingerprint is an incident; firing opens or updates it, resolved resolves it.

Fields: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from api.integrations.payload import Moment, Number, Payload, Text, Word, Words
from api.integrations.report import ListOutcome, Report
from diagnosis.incident import Incident

SYSTEM = "alertmanager"

# The labels that Kubernetes, node and blackbox exporters use for the same thing, most telling first.
_CONFIGURATION_ITEM = ("cmdb_ci", "instance", "host", "hostname", "node", "pod", "device")
_SERVICE = ("service", "app", "application", "job", "namespace")
_LOCATION = ("location", "datacenter", "dc", "site", "region", "zone", "cluster")
_GROUP = ("assignment_group", "team", "owner")

Labels = Annotated[dict[str, Word], BeforeValidator(lambda value: value or {}), Field(default_factory=dict)]

Annotations = Annotated[dict[str, Text], BeforeValidator(lambda value: value or {}), Field(default_factory=dict)]


class _Camel(Payload):
    model_config = ConfigDict(alias_generator=to_camel)


class AlertmanagerAlert(_Camel):
    """One alert of a notification."""

    status: Literal["firing", "resolved"]
    labels: Labels
    annotations: Annotations
    starts_at: Moment
    ends_at: Moment
    generator_u_r_l: Words = Field(alias="generatorURL")
    fingerprint: Number


class Notification(_Camel):
    """One call of Alertmanager: the alerts of one group."""

    version: Literal["4"]
    truncated_alerts: int = Field(default=0, ge=0)
    group_key: Words
    alerts: list[AlertmanagerAlert]
    refused: list[dict[str, str]] = Field(default_factory=list, description="Alerts that cannot be read, and why")

    @model_validator(mode="before")
    @classmethod
    def _readable_alerts(cls, value: object) -> object:
        """Keep the alerts that can be read: one that cannot must not cost the others their incidents."""
        if not isinstance(value, dict) or not isinstance(value.get("alerts"), list):
            return value
        readable: list[AlertmanagerAlert] = []
        refused: list[dict[str, str]] = []
        for alert in value["alerts"]:
            try:
                readable.append(AlertmanagerAlert.model_validate(alert))
            except ValidationError as error:
                fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
                name = str(alert.get("fingerprint", "")) if isinstance(alert, dict) else ""
                refused.append({"fingerprint": name, "error": f"{'/'.join(map(str, fault['loc']))}: {fault['msg']}"})
        return {**value, "alerts": readable, "refused": refused} if readable else value


def incident_of(alert: AlertmanagerAlert, number: str) -> Report:
    """Return the alert as an incident that monitoring filed."""
    labels, notes = alert.labels, alert.annotations
    name = labels.get("alertname", "") or "alert"
    item = _first(labels, _CONFIGURATION_ITEM)
    described = [notes.get(k, "") for k in ("description", "message", "runbook_url")]
    incident = Incident(
        number=number,
        opened_at=alert.starts_at,
        short_description=notes.get("summary") or notes.get("title") or f"{name} {item}".strip(),
        description="\n".join(text for text in described if text),
        opened_by=SYSTEM,
        contact_type="monitoring",
        service=_first(labels, _SERVICE),
        cmdb_ci=item,
        location=_first(labels, _LOCATION),
        symptom=name,
        urgency=labels.get("severity", ""),
        assignment_group=_first(labels, _GROUP),
        resolved_at=alert.ends_at if alert.status == "resolved" else None,
    )
    return Report(replace(incident, extra={"source": SYSTEM, "record": alert.fingerprint}), alert.fingerprint)


def reply(notification: Notification, reports: Sequence[Report], outcome: ListOutcome) -> dict[str, Any]:
    """Return what Alertmanager gets; it reads the status alone, people and tests read the rest."""
    warnings = []
    if notification.truncated_alerts:
        warnings.append(
            f"Alertmanager left {notification.truncated_alerts} alerts out of this notification (truncatedAlerts); "
            "raise max_alerts in its webhook_config"
        )
    entries = [
        (place, alert, report)
        for place, (alert, report) in enumerate(zip(notification.alerts, reports, strict=True))
        if place not in outcome.refused
    ]
    refused = [
        {"fingerprint": notification.alerts[place].fingerprint, "error": error}
        for place, error in outcome.refused.items()
    ]
    return {
        "incidents": [
            {
                "fingerprint": alert.fingerprint,
                "incident": report.incident.number,
                "status": alert.status,
                "diagnosis": outcome.diagnoses.get(place),
            }
            for place, alert, report in entries
        ],
        "accepted": [reports[place].incident.number for place in outcome.owed],
        "refused": [*notification.refused, *refused],
        "warnings": warnings,
    }


def _first(labels: dict[str, str], names: tuple[str, ...]) -> str:
    return next((labels[name] for name in names if labels.get(name)), "")
