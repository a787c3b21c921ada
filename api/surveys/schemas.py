"""Surveys as they come and as they are shown."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from api.http.fields import Number, Out, Strict


class SurveyIn(Strict):
    """Whom to ask: the caller of one incident."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"incident": "INC0010023"}]})

    incident: Number


class SurveyOut(Out):
    """A link to send to the caller."""

    incident: str = Field(description="Its number", examples=["INC0010023"])
    path: str = Field(description="Address of the page on this service", examples=["/survey/eyJhbGciOiJIUzI1NiJ9…"])
    expires_at: str = Field(description="Until when it can be answered", examples=["2026-12-22T10:15:00Z"])


class SurveyAnswerOut(Out):
    """What a caller answered."""

    incident: str = Field(description="Its number", examples=["INC0010023"])
    rating: int = Field(description="1 to 5", examples=[4])
    comment: str = Field(description="In the caller's words, personal data masked", examples=["Quick and clear"])
    language: str = Field(description="Of the page that was answered", examples=["en"])
    answered_at: str = Field(description="When", examples=["2026-11-22T10:15:00Z"])


class SurveyAnswersOut(Out):
    """Callers' answers, the newest first."""

    items: list[SurveyAnswerOut] = Field(description="The newest first")
