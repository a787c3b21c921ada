"""Releases as they are shown."""

from __future__ import annotations

from pydantic import Field

from api.http.fields import Out


class ReleaseOut(Out):
    """One release."""

    release: str = Field(description="Its name", examples=["2026-11-22T10-15-00Z-3f2a"])
    created_at: str = Field(description="When it was trained", examples=["2026-11-22T10:15:00Z"])
    published: bool = Field(description="Whether the pointer names it", examples=[True])
    in_service: bool = Field(description="Whether this replica answers with it", examples=[True])


class ReleaseList(Out):
    """Every release, newest first."""

    items: list[ReleaseOut] = Field(description="Newest first")


class PublishedOut(Out):
    """What is in service from now on."""

    release: str = Field(description="The release in service", examples=["2026-11-22T10-15-00Z-3f2a"])
