"""The state of the knowledge base, as `/v1/knowledge/health` answers."""

from __future__ import annotations

from pydantic import Field

from api.http.fields import Out


class DraftOut(Out):
    """What an article for a gap could say, from its best resolved incidents, for a person to finish."""

    title: str = Field(description="One line", examples=["Badge does not open the door"])
    symptoms: str = Field(description="What different callers said", examples=["badge reader stays red"])
    cause: str = Field(description="As a resolution names it; empty if none does", examples=["The badge had expired"])
    resolution: str = Field(description="Steps", examples=["1. Renew the badge in the portal"])
    service: str = Field(description="The service that it is about", examples=["Building Access"])
    audience: str = Field(description="Who may read it", examples=["internal"])
    language: str = Field(description="That most of the incidents are written in", examples=["en"])


class GapOut(Out):
    """Incidents that say the same and that no article answers."""

    id: str = Field(description="Stays as incidents come", examples=["G5c1b0e2f9a41"])
    title: str = Field(description="In the words of its incidents", examples=["Badge does not open the door"])
    incidents: int = Field(description="How many", examples=[17])
    hours_lost: float | None = Field(description="Hours to restore; null without resolutions", examples=[40.1])
    covered: float = Field(description="Mean probability that an article answers them after all", examples=[0.08])
    nearest: str = Field(description="The article that comes nearest; empty if none does", examples=["KB0000042"])
    problem: str | None = Field(description="The problem that most of them belong to", examples=["P62490386118b"])
    numbers: list[str] = Field(description="The newest 100 of them", examples=[["INC0010023"]])
    draft: DraftOut | None = Field(description="For the ten that cost most, where a resolution says something")


class StaleOut(Out):
    """An article that is out of date."""

    number: str = Field(description="Of the article", examples=["KB0000056"])
    why: str = Field(description="In words", examples=["it ran out on 2026-05-01"])
    reasons: list[str] = Field(
        description="Codes: stale_success_fell, stale_item_gone, stale_unused, stale_expired, stale_expires, "
        "stale_review_due",
        examples=[["stale_expired"]],
    )
    numbers: list[str] = Field(description="Incidents that show it", examples=[["INC0010023"]])


class FormOut(Out):
    """What an article lacks."""

    number: str = Field(description="Of the article", examples=["KB0000126"])
    lacks: list[str] = Field(
        description="Of title, symptoms, cause, resolution, steps, audience, owner, review_at", examples=[["cause"]]
    )


class KnowledgeHealthOut(Out):
    """Everything that is wrong with the knowledge base, with evidence."""

    as_of: str = Field(description="When it was looked at", examples=["2026-11-01T00:00:00Z"])
    judged_at: str = Field(description="When this was computed", examples=["2026-11-22T10:20:00Z"])
    is_current: bool = Field(
        description="False if records have changed since: it is being judged anew", examples=[True]
    )
    articles: int = Field(description="Articles", examples=[132])
    incidents: int = Field(description="Incidents of the history", examples=[4396])
    searched: int = Field(description="The newest of them, for which an article was looked for", examples=[2000])
    answered: float | None = Field(
        description="Share of these that an article answers; null where too few questions calibrate it", examples=[0.83]
    )
    gaps: list[GapOut] = Field(description="Those that cost the most hours first")
    stale: list[StaleOut] = Field(description="What misleads first, what is only due for a look last")
    duplicates: list[tuple[str, str]] = Field(description="Two articles with the same steps")
    contradictions: list[tuple[str, str]] = Field(description="Two articles that answer one question differently")
    form: list[FormOut] = Field(description="What articles lack")
    untranslated: list[str] = Field(description="Those asked for most in the language that lacks them first")
