"""Addresses of the console at which nothing is: a person gets a page, not a problem for programs."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from api.console.pages import page
from api.console.session import whoever_is_signed_in

router = APIRouter()


@router.get("/console/{_address:path}")
def not_found(request: Request) -> Response:
    """Say that there is no such page, signed in or not. Asked last: whatever exists has answered by then."""
    return page(request, "message.html", 404, notice="no_page", agent=whoever_is_signed_in(request))
