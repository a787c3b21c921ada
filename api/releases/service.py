"""ReleaseService: what is in service and what was, and the change from one release to another."""

from __future__ import annotations

from collections.abc import Sequence

from api.audit.service import AuditService
from api.errors import NothingPublishedError
from api.releases.schemas import ReleaseOut
from api.serving import Serving
from diagnosis.phrases import Phrase
from diagnosis.store.database import RecordNotFoundError


class ReleaseService:
    """Lists, publishes and rolls back releases.

    Parameters
    ----------
    serving : Serving
    audit : AuditService
    """

    def __init__(self, serving: Serving, audit: AuditService) -> None:
        self._serving = serving
        self._audit = audit

    def all(self) -> list[ReleaseOut]:
        """Return every release, newest first."""
        current = self.in_service()
        return [
            ReleaseOut(
                release=summary.release,
                created_at=summary.created_at,
                published=summary.published,
                in_service=summary.release == current,
            )
            for summary in self._serving.releases.summaries()
        ]

    def in_service(self) -> str | None:
        """Return the release that this replica answers with, None where nothing is published."""
        try:
            return self._serving.current.release
        except NothingPublishedError:
            return None

    def targets(self) -> list[str]:
        """Return what the release in service predicts; nothing where none is."""
        try:
            return list(self._serving.current.diagnoser.parts.routers)
        except NothingPublishedError:
            return []

    def threshold(self, target: str, value: str) -> float | None:
        """Return the probability from which on a value of a target is automatic; None where nothing is certified.

        Raises
        ------
        NothingPublishedError
            If no release is in service.
        """
        certificates = self._serving.current.diagnoser.parts.routers[target].certificates_
        certificate = certificates.classes.get(value) if certificates else None
        if certificates is None or certificate is None:
            return None
        overall, own = certificates.overall.threshold, certificate.threshold
        return None if overall is None or own is None else max(overall, own)

    def classes(self, target: str) -> Sequence[str]:
        """Return the values that the release in service may predict for a target.

        Raises
        ------
        NothingPublishedError
            If no release is in service.
        RecordNotFoundError
            If the release does not predict the target.
        """
        routers = self._serving.current.diagnoser.parts.routers
        if target not in routers:
            raise RecordNotFoundError(Phrase("target_not_predicted", {"name": target}))
        return [str(value) for value in routers[target].classes_]

    def publish(self, actor: str, release: str, force: str = "") -> str:
        """Ask the gate, load the release beside the one in service and swap.

        Raises
        ------
        RecordNotFoundError
            If there is no such release.
        GateRefusedError
            If it is worse than the one in service and `force` gives no reason to publish it all the same.
        ReleaseError
            If it cannot be loaded; the one in service stays.
        """
        if release not in [summary.release for summary in self._serving.releases.summaries()]:
            raise RecordNotFoundError(Phrase("no_release", {"id": release}))
        self._serving.publish(release, force or None)
        self._audit.note(actor, "release.publish", release, **({"force": force} if force else {}))
        return release

    def rollback(self, actor: str) -> str:
        """Put the release that was in service before back, and return its name.

        Raises
        ------
        ReleaseError
            If there is none, or it cannot be loaded; the one in service stays.
        """
        release = self._serving.rollback()
        self._audit.note(actor, "release.rollback", release)
        return release
