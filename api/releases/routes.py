"""`/v1/releases`: what is in service, what was, and the change from one to another without a failed request."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.dependencies import Served
from api.http.problems import problems
from api.http.security import MayAdminister
from api.releases.schemas import PublishedOut, ReleaseList

Force = Annotated[str, Query(description="Why to publish it although the gate refuses; kept with the change")]

router = APIRouter(prefix="/v1/releases", tags=["releases"])


@router.get("", response_model=ReleaseList, responses=problems(409))
def list_releases(_principal: MayAdminister, service: Served) -> ReleaseList:
    """Return every release, newest first."""
    return ReleaseList(items=service.releases.all())


@router.post("/rollback", response_model=PublishedOut, responses=problems(409))
def rollback(principal: MayAdminister, service: Served) -> PublishedOut:
    """Put the release that was in service before this one back."""
    return PublishedOut(release=service.releases.rollback(principal.id))


@router.post("/{release}/publish", response_model=PublishedOut, responses=problems(404, 409))
def publish(release: str, principal: MayAdminister, service: Served, force: Force = "") -> PublishedOut:
    """Ask the gate, load the release beside the one in service and swap; a worse or broken one is refused."""
    return PublishedOut(release=service.releases.publish(principal.id, release, force))
