"""Releases: what is in service, what was, and the change from one to another without a failed request."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.dependencies import Served
from api.errors import NothingPublishedError
from api.http.problems import problems
from api.http.security import MayAdminister
from api.releases.schemas import PublishedOut, ReleaseList, ReleaseOut
from api.service import Service
from diagnosis.store.database import RecordNotFoundError

Force = Annotated[str, Query(description="Why to publish it although the gate refuses; kept with the change")]

router = APIRouter(prefix="/v1/releases", tags=["releases"])


@router.get("", response_model=ReleaseList, responses=problems(409))
def list_releases(_who: MayAdminister, service: Served) -> ReleaseList:
    """Return every release, newest first."""
    now = _in_service(service)
    items = [
        ReleaseOut(
            release=one.release, created_at=one.created_at, published=one.published, in_service=one.release == now
        )
        for one in service.serving.releases.summaries()
    ]
    return ReleaseList(items=items)


@router.post("/rollback", response_model=PublishedOut, responses=problems(409))
def rollback(who: MayAdminister, service: Served) -> PublishedOut:
    """Put the release that was in service before this one back."""
    release = service.serving.rollback()
    service.note(who.id, "release.rollback", release)
    return PublishedOut(release=release)


@router.post("/{release}/publish", response_model=PublishedOut, responses=problems(404, 409))
def publish(release: str, who: MayAdminister, service: Served, force: Force = "") -> PublishedOut:
    """Ask the gate, load the release beside the one in service and swap; a worse or broken one is refused."""
    if release not in [one.release for one in service.serving.releases.summaries()]:
        raise RecordNotFoundError(f"no release {release!r}")
    service.serving.publish(release, force or None)
    service.note(who.id, "release.publish", release, **({"force": force} if force else {}))
    return PublishedOut(release=release)


def _in_service(service: Service) -> str | None:
    try:
        return service.serving.current.release
    except NothingPublishedError:
        return None
