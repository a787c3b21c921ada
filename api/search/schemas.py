"""What a search returns."""

from __future__ import annotations

from pydantic import Field

from api.http.fields import Out


class HitOut(Out):
    """One record found."""

    number: str = Field(description="Of the record", examples=["KB0000042"])
    score: float = Field(description="Only ranks", examples=[0.83])
    expired: bool = Field(description="Whether it is an article whose validity is over", examples=[False])


class SearchOut(Out):
    """What was found, best first."""

    query: str = Field(description="As asked", examples=["VPN certificate expired"])
    hits: list[HitOut] = Field(description="Best first; articles whose validity is over below the others")
    covered: float | None = Field(
        description="Probability that an article answers the question, or that a past incident was solved as it will "
        "be; below a half the hits are guesses. Null where the release has too few questions with known answers",
        examples=[0.91],
    )
