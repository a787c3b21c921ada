"""Request and response bodies of live quality and the shadow release."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.http.fields import Out, Strict

_RELEASE = "2026-11-22T10-15-00Z-3f2a"


class ShareOut(Out):
    """A share with its exact 95 % interval."""

    share: float | None = Field(description="Null where nothing was counted", examples=[0.97])
    lower: float = Field(description="Lower end of the interval", examples=[0.93])
    upper: float = Field(description="Upper end of the interval", examples=[0.99])
    n: int = Field(description="Of how many", examples=[180])


class ClassQualityOut(Out):
    """One class in service; the empty value is all of them."""

    value: str = Field(description="The class or parent", examples=["Network Operations"])
    answers: int = Field(description="First answers of this class", examples=[240])
    settled: int = Field(description="Those of which it is known whether they were right", examples=[200])
    automatic: ShareOut = Field(description="Automatic among the answers")
    precision: ShareOut = Field(description="Right among the automatic ones of which that is known")
    suggested: ShareOut = Field(description="Right among those that people decided on")
    recall: ShareOut = Field(description="Answered so, among the incidents that truly were of this class")
    certified: bool = Field(description="Whether its answers may be automatic now", examples=[True])
    revoked: bool = Field(description="Whether live data took its certificate back", examples=[False])


class TargetQualityOut(Out):
    """One target in service."""

    target: str = Field(description="What is answered", examples=["assignment_group"])
    promised: float = Field(description="Certified precision of what is automatic", examples=[0.95])
    all: ClassQualityOut = Field(description="All classes together")
    classes: list[ClassQualityOut] = Field(description="The most frequent first")


class ShareChangeOut(Out):
    """A value or word whose share changed."""

    value: str = Field(description="Value or word", examples=["crm"])
    before: float = Field(description="Its share when the release learned", examples=[0.0])
    now: float = Field(description="Its share now", examples=[0.12])


class DriftOut(Out):
    """How far one field, the language or the text has moved."""

    name: str = Field(description="Field, language or text", examples=["category"])
    measure: str = Field(description="psi (population stability index) or jensen-shannon (bits)", examples=["psi"])
    drift: float = Field(description="The figure", examples=[0.31])
    chance: float = Field(description="What it stays below in 99 of 100 cases where nothing changed", examples=[0.05])
    verdict: Literal["none", "some", "strong"] = Field(description="strong: worth a new release")
    changes: list[ShareChangeOut] = Field(description="What moved most")


class DisprovedOut(Out):
    """What disproved a promise."""

    promised: float = Field(description="Precision that was promised", examples=[0.95])
    of_all: bool = Field(description="Of all automatic answers together, not of this class alone", examples=[False])
    answered: int = Field(description="Automatic answers until the evidence was strongest", examples=[40])
    wrong: int = Field(description="Those of them that were wrong", examples=[15])
    evidence: float = Field(description="How many to one against the promise", examples=[5200.0])


class RevocationOut(Out):
    """A certificate that live data took back; another release brings its own."""

    id: str = Field(description="ULID", examples=["01KAP5YQ7H0T9GQ4M6W3Z2X1CV"])
    release: str = Field(description="Whose certificate", examples=[_RELEASE])
    target: str = Field(description="What is answered", examples=["assignment_group"])
    value: str = Field(description="Class or parent that goes to people again", examples=["Network Operations"])
    at: str = Field(description="When", examples=["2026-11-22T10:20:00Z"])
    detail: DisprovedOut = Field(description="What disproved it")


class QualityOut(Out):
    """How the release in service fares."""

    release: str = Field(description="The release in service", examples=[_RELEASE])
    since: str | None = Field(description="First answer that is counted", examples=["2026-11-01T08:00:00Z"])
    until: str | None = Field(description="Last one", examples=["2026-11-22T10:20:00Z"])
    incidents: int = Field(description="Incidents that it was the first to answer", examples=[1200])
    targets: list[TargetQualityOut] = Field(description="By target")
    drift: list[DriftOut] = Field(description="Of the newest incidents; empty where there are fewer than 100")
    revocations: list[RevocationOut] = Field(description="Certificates taken back, oldest first")


class ShadowIn(Strict):
    """Which release is to answer unseen."""

    release: str = Field(max_length=255, description="A release that is not in service", examples=[_RELEASE])


class SideOut(Out):
    """One of the two releases on the same incidents."""

    automatic: ShareOut = Field(description="Automatic among all answers")
    precision: ShareOut = Field(description="Right among the automatic ones of which that is known")
    accuracy: ShareOut = Field(description="Right among all of which that is known")
    milliseconds: float | None = Field(description="Median of one diagnosis", examples=[9.5])


class ShadowTargetOut(Out):
    """Both releases on one target."""

    target: str = Field(description="What is answered", examples=["assignment_group"])
    in_service: SideOut = Field(description="What was answered")
    shadow: SideOut = Field(description="What the shadow would have answered")
    agreement: ShareOut = Field(description="Incidents to which both gave the same value")
    only_in_service: int = Field(description="Incidents of which only what was answered was right", examples=[4])
    only_shadow: int = Field(description="Incidents of which only the shadow was right", examples=[11])
    p_value: float | None = Field(description="Exact McNemar test that neither is better", examples=[0.12])


class ShadowOut(Out):
    """The shadow and how it compares so far."""

    release: str | None = Field(description="The release in shadow; null for none", examples=[_RELEASE])
    answering: bool = Field(description="Whether this replica has loaded it", examples=[True])
    error: str = Field(description="Why it does not answer, if it does not", examples=[""])
    incidents: int = Field(description="Incidents that both answered", examples=[420])
    targets: list[ShadowTargetOut] = Field(description="By target")
