"""Alerts, the service map and the monthly review of monitoring as they come and as they are shown."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import ConfigDict, Field, JsonValue, model_validator

from api.http.fields import In, Moment, Number, Out, Strict, Text, Time, Word, check_extra

EXAMPLE: dict[str, JsonValue] = {
    "id": "ALT000001",
    "started_at": "2026-03-02T08:00:00Z",
    "name": "CertificateExpired",
    "severity": "critical",
    "cmdb_ci": "vpn-gw-2",
    "service": "Remote Access",
    "description": "The certificate of vpn-gw-2 expired",
}
_REASONS = Literal["taught", "same_item", "related_item", "same_service", "words", "judged_alike", "same_group"]


class AlertIn(In):
    """One alert; ``id`` and ``started_at`` are required, and any label that is not named here is kept as it is."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [EXAMPLE]})

    id: Number
    started_at: Moment = Field(description="When it began")
    ended_at: Time = Field(None, description="When it ended; sent again under the same id, it ends the alert")
    name: Word = Field("", max_length=255, description="What is alerted; with item and service, what makes it the same")
    severity: Word = Field("", description="As its system names it")
    cmdb_ci: Word = Field("", max_length=255, description="The configuration item")
    service: Word = Field("", max_length=255, description="The service")
    description: Text = Field("", description="In words")
    group: Word = Field("", description="What its system sends together, such as Alertmanager's groupKey")

    @model_validator(mode="after")
    def _extra(self) -> Self:
        check_extra(self.model_extra)
        return self


class AlertResult(Out):
    """What became of one alert."""

    index: int = Field(description="Position in what was sent", examples=[0])
    alert: str | None = Field(description="Id it is kept under: another's, whose repetition it is", examples=["A1"])
    error: str | None = Field(description="Why it could not be read; null if it was stored", examples=[None])


class AlertResults(Out):
    """What became of each alert."""

    stored: int = Field(description="Alerts stored, repetitions included", examples=[1])
    results: list[AlertResult] = Field(description="One for each alert, in order")


class AlertOut(Out):
    """An alert, its repetitions counted."""

    id: str = Field(description="Its id", examples=["ALT000001"])
    started_at: str = Field(description="When it began", examples=[EXAMPLE["started_at"]])
    latest_at: str = Field(description="When it came last", examples=[EXAMPLE["started_at"]])
    ended_at: str | None = Field(description="When it ended; null while it lasts", examples=[None])
    repeats: int = Field(description="How often it came", examples=[1])
    name: str = Field(description="What is alerted", examples=["CertificateExpired"])
    severity: str = Field(description="As its system names it", examples=["critical"])
    cmdb_ci: str = Field(description="Configuration item", examples=["vpn-gw-2"])
    service: str = Field(description="Service", examples=["Remote Access"])
    description: str = Field(description="In words", examples=["The certificate of vpn-gw-2 expired"])
    incident: str = Field(description="Incident that it was made into; else empty", examples=[""])


class AlertPage(Out):
    """One page of alerts, the latest first."""

    items: list[AlertOut] = Field(description="The alerts")
    next: str | None = Field(description="Cursor of the page that follows; null at the end", examples=[None])


class AlertVerdictIn(Strict):
    """Whether an alert belongs to an incident."""

    alert: Number = Field(description="Id of the alert", examples=["ALT000001"])
    incident: Number = Field(description="Number of the incident", examples=["INC0010023"])
    belongs: bool = Field(True, description="Whether it belongs to it", examples=[True])


class AlertVerdictOut(Out):
    """What a person said of an alert and an incident."""

    alert: str = Field(description="Id of the alert", examples=["ALT000001"])
    incident: str = Field(description="Number of the incident", examples=["INC0010023"])
    belongs: bool = Field(description="Whether it belongs to it", examples=[True])
    at: str = Field(description="When that was said", examples=["2026-03-02T08:20:00Z"])
    by: str = Field(description="By whom", examples=["key:01J"])


class AlertVerdictPage(Out):
    """One page of what people said, the latest first."""

    items: list[AlertVerdictOut] = Field(description="What was said")
    next: str | None = Field(description="Cursor of the page that follows; null at the end", examples=[None])


class AlertLinkOut(Out):
    """An alert that may explain an incident."""

    alert: AlertOut = Field(description="The alert")
    score: float = Field(description="Only ranks", examples=[3.2])
    reasons: list[_REASONS] = Field(description="What speaks for it", examples=[["same_item"]])
    words: list[str] = Field(description="Words that both hold", examples=[["certificate"]])
    minutes: float = Field(description="From the alert to the incident", examples=[4.0])
    verdict: AlertVerdictOut | None = Field(description="What a person said of the two; null for nothing")


class AlertLinks(Out):
    """The alerts that may explain an incident, the likeliest first."""

    items: list[AlertLinkOut] = Field(description="At most ten")


class LinkIn(Strict):
    """One item needs another."""

    model_config = ConfigDict(populate_by_name=True)

    item: Number = Field(alias="from", description="The item", examples=["web-1"])
    needs: Number = Field(alias="to", description="What it needs; cycles are no error", examples=["db-1"])
    kind: Word = Field("", max_length=255, description="Kind of link", examples=["runs on"])


class ServiceMapIn(Strict):
    """A whole service map."""

    links: list[LinkIn] = Field(max_length=100_000, description="Every link; they replace those that there are")


class ServiceMapOut(Out):
    """The service map."""

    links: list[dict[str, str]] = Field(
        description="from, to and kind", examples=[[{"from": "web-1", "to": "db-1", "kind": "runs on"}]]
    )


class AlertRowOut(Out):
    """Alerts of one name in a month."""

    name: str = Field(description="What is alerted", examples=["DiskFull"])
    alerts: int = Field(description="How many, each once while it lasts", examples=[24])
    before: int = Field(description="How many an incident on the same item, else service, followed", examples=[9])
    share: float = Field(description="Their share", examples=[0.375])
    interval: list[float] = Field(description="Its exact 95 % interval", examples=[[0.19, 0.59]])
    by_chance: float = Field(description="Share of the same alerts moved by one to three weeks", examples=[0.04])
    lead_minutes: float | None = Field(description="Median time to the first incident", examples=[12.0])
    verdict: str = Field(description="announces, never, no better than chance or too few", examples=["announces"])


class MonitoringReviewOut(Out):
    """The month's risk review of monitoring."""

    month: str = Field(description="The month", examples=["2026-10"])
    alerts: list[AlertRowOut] = Field(description="Alerts by name, those that came before most incidents first")
    incidents: int = Field(description="Incidents of the month", examples=[212])
    announced: int = Field(description="Those that an alert came before", examples=[61])
    announced_share: float | None = Field(description="Their share", examples=[0.29])
    interval: list[float] = Field(description="Its exact 95 % interval", examples=[[0.23, 0.35]])
    unannounced: list[dict[str, str | int]] = Field(
        description="Services by incidents that no alert came before", examples=[[{"service": "Mail", "incidents": 31}]]
    )
    numbers: list[str] = Field(description="Those incidents, at most 1,000", examples=[["INC0010023"]])
