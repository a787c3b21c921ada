"""Feedback as it comes and as it is shown."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from api.http.fields import Out, Strict, Text, Word
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase


class FeedbackIn(Strict):
    """What a person says of a diagnosis."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "overridden", "target": "assignment_group", "value": "Service Desk"},
                {"kind": "suggestion_worked", "suggestion": "knowledge:KB0000042"},
            ]
        }
    )

    kind: Literal["accepted", "overridden", "reverted", "suggestion_worked", "suggestion_failed"] = Field(
        description="accepted, overridden and reverted speak of a prediction; the others of a suggestion"
    )
    target: Word = Field("", description="Which prediction; required with the first three kinds")
    value: Word = Field("", description="What is right; required with overridden")
    suggestion: Word = Field("", description="Which suggestion; required with the last two kinds")
    comment: Text = Field("", description="In the person's words; personal data is masked")
    replaces: Word = Field("", description="Id of the feedback that stands, of somebody else, that this replaces")
    confirm: bool = Field(False, description="The value is meant although nothing here knows it")

    @model_validator(mode="after")
    def _complete(self) -> FeedbackIn:
        about_prediction = not self.kind.startswith("suggestion_")
        if about_prediction and not self.target:
            raise InputError(Phrase("feedback_without_target", {"kind": self.kind}))
        if self.kind == "overridden" and not self.value.strip():
            raise InputError(Phrase("feedback_without_value"))
        if not about_prediction and not self.suggestion:
            raise InputError(Phrase("feedback_without_suggestion", {"kind": self.kind}))
        return self


class FeedbackOut(Out):
    """Feedback as it is stored."""

    id: str = Field(description="For undoing it", examples=["01KAP5YQ7H0T9GQ4M6W3Z2X1CV"])
    diagnosis: str = Field(description="Id of the diagnosis", examples=["01KAP5YQ7H0T9GQ4M6W3Z2X1CV"])
    incident: str = Field(description="Number of the incident", examples=["INC0010023"])
    kind: str = Field(description="What was said", examples=["overridden"])
    target: str = Field(description="Of which prediction", examples=["assignment_group"])
    predicted: str | None = Field(description="What had been predicted", examples=["Network Operations"])
    value: str | None = Field(description="What is right", examples=["Service Desk"])
    suggestion: str | None = Field(description="Of which suggestion", examples=[None])
    comment: str = Field(description="In the person's words", examples=[""])
    actor: str = Field(description="Who said it", examples=["key:01KAP5YQ7H0T9GQ4M6W3Z2X1CV"])
    created_at: str = Field(description="When", examples=["2026-11-22T10:25:00Z"])
    undone_at: str | None = Field(description="When it was taken back", examples=[None])


class FeedbackList(Out):
    """All feedback on one diagnosis, oldest first."""

    items: list[FeedbackOut] = Field(description="Undone entries too")
