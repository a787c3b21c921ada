"""A diagnosis, its feedback and search results, as the contract shows them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from api.http.fields import Out
from api.http.rows import RowError


class AlternativeOut(Out):
    """A class that the incident may belong to."""

    value: str = Field(description="Name of the class", examples=["Network Operations"])
    probability: float = Field(description="Calibrated", examples=[0.97])


class PredictionOut(Out):
    """What one target should be, and whether that may happen without a person."""

    decision: Literal["automatic", "suggested", "abstained"] = Field(
        description="automatic only where precision is certified", examples=["automatic"]
    )
    value: str | None = Field(description="The class", examples=["Network Operations"])
    probability: float | None = Field(description="Calibrated", examples=[0.97])
    certified_precision: float | None = Field(description="Proven lower bound for automatic decisions", examples=[0.95])
    reason: str | None = Field(description="Why it is not automatic", examples=[None])
    alternatives: list[AlternativeOut] = Field(description="The most probable classes")
    evidence: list[dict[str, Any]] = Field(
        description="Terms, fields and incidents that spoke for it",
        examples=[[{"kind": "term", "text": "VPN", "weight": 1.8}]],
    )
    reason_code: str | None = Field(description="Code of the reason in the catalogue of phrases", examples=[None])
    reason_values: dict[str, Any] = Field(description="What stands in the reason", examples=[{}])


class HorizonOut(Out):
    """Risk within some days."""

    days: int = Field(description="Days from now", examples=[30])
    probability: float = Field(description="Calibrated", examples=[0.29])


class FactorOut(Out):
    """Something that raised or lowered the risk."""

    name: str = Field(description="In words", examples=["same signature in the last 30 days"])
    value: float | str = Field(description="As found", examples=[3])
    effect: float = Field(description="On the probability", examples=[0.12])
    code: str = Field(description="Its code in the catalogue of phrases", examples=["factor_signature"])


class RecurrenceOut(Out):
    """How likely the fault is to come back."""

    signature: dict[str, str] = Field(description="What 'the same fault' means", examples=[{"cmdb_ci": "vpn-gw-2"}])
    horizons: list[HorizonOut] = Field(description="Risk by horizon")
    base_rate: float = Field(description="How often faults come back in general", examples=[0.15])
    factors: list[FactorOut] = Field(description="Why")
    definition: str = Field(
        description="What coming back means, in the report's language",
        examples=["the same signature (cmdb_ci) logged again within the horizon after the incident was opened"],
    )
    origin: str = Field(description="Where the time starts: opened or resolved", examples=["opened"])


class OutcomeOut(Out):
    """What happened afterwards, as far as it was seen."""

    reopened: bool | None = Field(description="Whether it was reopened", examples=[False])
    recurred_within_days: int | None = Field(description="Days until it came back", examples=[None])
    hours_to_restore: float | None = Field(description="Hours to restore the service", examples=[1.5])


class SimilarOut(Out):
    """A past incident like this one."""

    number: str = Field(description="Its number", examples=["INC0009120"])
    similarity: float = Field(description="Cosine", examples=[0.91])
    short_description: str = Field(description="One line", examples=["VPN drops every hour"])
    resolution: str = Field(description="How it was resolved", examples=["Renewed the gateway's certificate"])
    opened_at: str | None = Field(description="When it was logged", examples=["2026-01-31T08:15:00Z"])
    outcome: OutcomeOut = Field(description="What happened afterwards")


class UseCountsOut(Out):
    """How often a suggestion was applied, by what became of it."""

    held: int = Field(description="No return within 30 days, or an agent said that it worked", examples=[40])
    failed: int = Field(description="Reopened, back within 30 days, or an agent said that it did not", examples=[2])
    open: int = Field(description="Too early to say", examples=[1])


class SuggestionOut(Out):
    """Something to try."""

    id: str = Field(description="For feedback", examples=["knowledge:KB0000042"])
    source: Literal["knowledge", "incident"] = Field(description="Where it comes from", examples=["knowledge"])
    number: str = Field(description="Of the article or incident", examples=["KB0000042"])
    title: str = Field(description="One line", examples=["VPN certificate expired"])
    resolution: str = Field(description="What to do", examples=["Renew the certificate and restart the service."])
    score: float = Field(description="Only ranks", examples=[0.83])
    evidence: list[dict[str, Any]] = Field(
        description="Incidents on which it was used", examples=[[{"kind": "incident", "number": "INC0009120"}]]
    )
    uses: UseCountsOut | None = Field(description="Of all uses; null in diagnoses stored before they were counted")


class ProblemMatchOut(Out):
    """The chronic fault that an incident belongs to."""

    id: str = Field(description="As under /v1/problems", examples=["P62490386118b"])
    title: str = Field(description="In the words of its incidents", examples=["VPN 809 after certificate renewal"])


class SurgeMarkOut(Out):
    """The surge that the incident is part of."""

    id: str = Field(description="For /v1/surges", examples=["9f2c51d6a7b0e834"])
    scope: dict[str, str] = Field(description="What its incidents share", examples=[{"service": "Remote Access"}])
    since: str = Field(description="When its first incident came", examples=["2026-03-02T08:02:00Z"])


class WaitHoursOut(Out):
    """How long such incidents take."""

    p50: float | None = Field(description="Hours within which half of them end; null beyond 90 days", examples=[3.1])
    p80: float | None = Field(description="Hours within which four of five end", examples=[11.0])


class ClockRiskOut(Out):
    """One clock of the incident, as it was logged."""

    due_at: str | None = Field(description="When it is due; null: no rule", examples=["2026-11-22T14:20:00Z"])
    probability_missed: float | None = Field(description="Calibrated; null where nothing is promised", examples=[0.31])
    hours: WaitHoursOut | None = Field(description="Null where the history cannot tell")


class ServiceLevelRiskOut(Out):
    """The clocks of the incident and how likely each is missed."""

    response: ClockRiskOut | None = Field(description="First response of substance")
    restoration: ClockRiskOut | None = Field(description="The service works again")


class DiagnosisOut(Out):
    """Everything said of one incident by one release."""

    id: str = Field(description="ULID", examples=["01KAP5YQ7H0T9GQ4M6W3Z2X1CV"])
    incident: str = Field(description="Number of the incident", examples=["INC0010023"])
    release: str = Field(description="Who said it", examples=["2026-11-22T10-15-00Z-3f2a"])
    created_at: str = Field(description="When", examples=["2026-11-22T10:20:00Z"])
    language: str = Field(description="Language of the report", examples=["zh"])
    predictions: dict[str, PredictionOut] = Field(description="By target, such as assignment_group")
    recurrence: RecurrenceOut | None = Field(description="Null only with a warning that says why")
    similar_incidents: list[SimilarOut] = Field(description="Most similar first")
    suggestions: list[SuggestionOut] = Field(description="Best first")
    warnings: list[str] = Field(description="What the reader should know, in English", examples=[[]])
    at_resolution: RecurrenceOut | None = Field(
        description="Risk from the moment of resolution on, with what is known by then; null before", examples=[None]
    )
    warning_phrases: list[dict[str, Any]] = Field(
        description="The warnings as codes with values", examples=[[{"code": "no_text", "values": {}}]]
    )
    problem: ProblemMatchOut | None = Field(
        description="The chronic fault that it belongs to; null where there is none"
    )
    surge: SurgeMarkOut | None = Field(
        description="The surge, likely a major incident, that it was part of when it was diagnosed; else null",
        examples=[None],
    )
    service_levels: ServiceLevelRiskOut | None = Field(
        description="Due times and risks; null without dates, and in diagnoses stored before there were any",
    )


class BatchRowOut(Out):
    """What became of one row of a batch."""

    index: int = Field(description="Position in what was sent", examples=[0])
    diagnosis: DiagnosisOut | None = Field(description="Null if the row could not be diagnosed")
    error: RowError | None = Field(description="Null if it was")


class DiagnosisResults(Out):
    """One result for each row, in order."""

    results: list[BatchRowOut] = Field(description="One for each row, in order")


class DiagnosisPage(Out):
    """One page of diagnoses, newest first."""

    items: list[DiagnosisOut] = Field(description="The diagnoses")
    next: str | None = Field(description="Cursor of the page that follows; null at the end", examples=[None])
