"""Subscriptions and calls as they come and as they are shown."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, SecretStr

from api.http.fields import Out, Strict
from api.webhooks.events import EventType
from api.webhooks.formats import Format, Language

_EXAMPLE = "https://example.com/faultwise"


class SubscriptionIn(Strict):
    """Who wants to be told of what."""

    url: str = Field(
        max_length=2000, description="Where events are posted; of mail mailto:desk@example.com", examples=[_EXAMPLE]
    )
    events: list[EventType] = Field(
        min_length=1, max_length=20, description="Which events", examples=[["diagnosis.created"]]
    )
    format: Format = Field(
        default="webhook",
        description="webhook: signed JSON for a program; wecom, dingtalk, feishu: a message to a group robot; email",
    )
    language: Language = Field(default="en", description="Language of a message to people")
    secret: SecretStr = Field(
        default=SecretStr(""),
        max_length=200,
        description="What a DingTalk or Feishu robot shows where it asks for signatures; a webhook's secret is ours",
    )
    enabled: bool = Field(default=True, description="False pauses it; switching on again ends a 410")


class SubscriptionOut(Out):
    """A subscription, without its secret."""

    id: str = Field(description="ULID", examples=["01KAP5YQ7H0T9GQ4M6W3Z2X1CV"])
    url: str = Field(description="Where events are posted", examples=[_EXAMPLE])
    events: list[str] = Field(description="Which events", examples=[["diagnosis.created"]])
    format: Format = Field(description="webhook, the chat of the group robot, or email", examples=["webhook"])
    language: Language = Field(description="Language of a message to people", examples=["en"])
    enabled: bool = Field(description="Whether it is told anything", examples=[True])
    reason: str = Field(description="Why it is off, if it is", examples=[""])
    created_at: str = Field(description="When it was made", examples=["2026-11-22T10:20:00Z"])
    created_by: str = Field(description="Who made it", examples=["key:01KAP5YQ7H0T9GQ4M6W3Z2X1CV"])


class NewSubscriptionOut(SubscriptionOut):
    """A subscription with the secret that signs its events, shown this once."""

    secret: str = Field(
        description="Verifies webhook-signature; empty where messages go to people",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )


class SubscriptionList(Out):
    """Every subscription, oldest first."""

    items: list[SubscriptionOut] = Field(description="The subscriptions")


class CallOut(Out):
    """One call to another system that is owed, was made or was given up."""

    id: str = Field(description="ULID", examples=["01KAP5YQ7H0T9GQ4M6W3Z2X1CV"])
    kind: str = Field(description="webhook, or the system that is written to", examples=["webhook"])
    destination: str = Field(description="A subscription's id, or the system", examples=["01KAP5YQ7H0T9GQ4M6W3Z2X1CV"])
    state: Literal["waiting", "done", "dead"] = Field(description="dead: given up, and shown here until it is repeated")
    attempts: int = Field(description="How often it was tried", examples=[1])
    error: str = Field(description="What the last attempt met", examples=["answered 503 Service Unavailable"])
    created_at: str = Field(description="Since when it is owed", examples=["2026-11-22T10:20:00Z"])
    due_at: str = Field(description="When it is tried next, or was last", examples=["2026-11-22T10:20:05Z"])
    body: dict[str, Any] = Field(description="What is sent", examples=[{"type": "diagnosis.created"}])


class CallPage(Out):
    """One page of calls, newest first."""

    items: list[CallOut] = Field(description="The calls")
    next: str | None = Field(description="Cursor of the page that follows; null at the end", examples=[None])
