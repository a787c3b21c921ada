"""Problems (RFC 9457) as OpenAPI describes them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class ProblemDetails(BaseModel):
    """What went wrong, after RFC 9457."""

    type: str = Field(description="What sort of problem", examples=["urn:faultwise:problem:invalid"])
    title: str = Field(description="The sort, in words", examples=["The input cannot be used"])
    status: int = Field(description="HTTP status", examples=[422])
    detail: str = Field(description="What was expected and found", examples=["1 of the values sent cannot be used"])
    instance: str = Field(description="The request", examples=["urn:faultwise:request:01KAP5YQ7H0T9GQ4M6W3Z2X1CV"])
    errors: list[dict[str, str]] = Field(
        default_factory=list,
        description="JSON pointers into the body",
        examples=[[{"pointer": "/number", "detail": "Field required"}]],
    )


_WORDS = {
    400: "The request cannot be read",
    401: "A valid key is needed",
    403: "The key does not allow this",
    404: "There is no such thing",
    408: "The body did not arrive in time",
    409: "Another change or request stands in the way",
    413: "The body is too large",
    414: "The address is too long",
    422: "The input cannot be used",
    429: "Too many requests",
    431: "The header is too large",
    503: "The service cannot answer now; try again",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return OpenAPI's description of the problems that a route may answer with, besides those that all may."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    every = {400, 401, 403, 408, 413, 414, 422, 429, 431, 503, *statuses}
    return {status: {"description": _WORDS[status], "content": content} for status in sorted(every)}
