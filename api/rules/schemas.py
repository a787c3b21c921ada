"""Exclusion rules as they come and as they are shown."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from api.http.fields import Name, Out, Strict, Word


class RuleIn(Strict):
    """What may not be decided, for which incidents."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Monitoring is triaged by people",
                    "fields": {"contact_type": "monitoring*"},
                    "target": "assignment_group",
                    "action": "never_automatic",
                }
            ]
        }
    )

    name: Name = Field(description="Shown in the answer's reason")
    fields: dict[Word, Word] = Field(
        default_factory=dict, max_length=30, description="Field to shell-style pattern; all must match, ignoring case"
    )
    text: Word = Field("", description="Words that must stand in the report; empty matches any")
    target: Annotated[Word, StringConstraints(max_length=255)] = Field("", description="Empty is every target")
    value: Word = Field("", description="Empty is every value")
    action: Literal["never_automatic", "never_predict"] = Field(
        "never_automatic", description="Leave the decision to a person, or take the value out of the answer"
    )
    confirm: bool = Field(False, description="A rule for every value of every incident is meant")

    @property
    def is_for_everything(self) -> bool:
        """Whether no pattern, no words and no value limit the rule: it stops all automation of its targets."""
        return not (self.text.strip() or self.value.strip() or any(map(_limits, self.fields.values())))


def _limits(pattern: str) -> bool:
    return pattern == "" or bool(pattern.replace("*", "").strip())  # an empty one matches what lacks the field


class RuleOut(Out):
    """A rule in force."""

    id: str = Field(description="ULID", examples=["01KAP5YQ7H0T9GQ4M6W3Z2X1CV"])
    name: str = Field(description="Shown in the answer's reason", examples=["Monitoring is triaged by people"])
    fields: dict[str, str] = Field(description="Field to pattern", examples=[{"contact_type": "monitoring*"}])
    text: str = Field(description="Words that must stand in the report", examples=[""])
    target: str = Field(description="Empty is every target", examples=["assignment_group"])
    value: str = Field(description="Empty is every value", examples=[""])
    action: Literal["never_automatic", "never_predict"] = Field(description="What it forbids")


class RuleList(Out):
    """Every rule in force, oldest first."""

    items: list[RuleOut] = Field(description="Oldest first")
