"""What the health routes answer."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.http.fields import Out


class LiveOut(Out):
    """The process answers."""

    status: Literal["live"] = Field(description="Always live, if it answers at all")


class ReadyOut(Out):
    """The service can do its work."""

    status: Literal["ready"] = Field(description="Always ready; what is not is answered 503")
    release: str = Field(description="The release in service", examples=["2026-11-22T10-15-00Z-3f2a"])
