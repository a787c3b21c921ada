"""MonitoringService: how the published release fares, and the shadow release beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from api.audit.service import AuditService
from api.errors import NothingPublishedError
from api.metrics import Metrics
from api.monitoring.metrics import MonitoringMetrics
from api.monitoring.schemas import ShadowOut, ShadowTargetOut
from api.monitoring.shadow import ShadowRunner
from api.monitoring.watch import QualityWatch
from api.serving import Serving
from api.webhooks.events import Events
from diagnosis.monitoring.quality import TargetQuality, live_quality
from diagnosis.monitoring.report import LiveReport, revoked_values
from diagnosis.monitoring.shadow import compare_shadow
from diagnosis.phrases import Phrase
from diagnosis.store import Store
from diagnosis.store.database import RecordNotFoundError
from diagnosis.store.revocations import Revocation


@dataclass(frozen=True, slots=True)
class ReleaseQuality:
    """Live precision and coverage of a release, and its certificates that were revoked, newest first."""

    release: str
    targets: Sequence[TargetQuality]
    revocations: Sequence[Revocation]


class MonitoringService:
    """Use cases of monitoring; `start` begins what runs in the background of one process.

    Parameters
    ----------
    store : Store
    serving : Serving
    metrics : Metrics
    events : Events
    audit : AuditService
    risk, seconds : float
        Of the `QualityWatch`.
    """

    def __init__(
        self,
        store: Store,
        serving: Serving,
        metrics: Metrics,
        events: Events,
        audit: AuditService,
        risk: float,
        seconds: float,
    ) -> None:
        self._store = store
        self._serving = serving
        self._audit = audit
        instruments = MonitoringMetrics(metrics.registry)
        self.watch = QualityWatch(store, serving, events, instruments, risk, seconds)
        self.shadow = ShadowRunner(store, serving.releases, serving.load, instruments)

    def start(self) -> None:
        """Begin to watch the answers and to run the shadow release."""
        self.watch.start()
        self.shadow.start()

    def stop(self) -> None:
        """End what `start` began."""
        self.watch.stop()
        self.shadow.stop()

    def report(self) -> LiveReport:
        """Return quality, drift and revocations of the published release.

        Raises
        ------
        NothingPublishedError
            If none is.
        """
        return self.watch.report()

    def release_quality(self) -> ReleaseQuality | None:
        """Return live precision and coverage as of now; None where no release is published."""
        try:
            diagnoser = self._serving.current.diagnoser
        except NothingPublishedError:
            return None
        answers = self._store.observations.rows(diagnoser.release)
        revoked = self._store.revocations.of(diagnoser.release)
        targets = live_quality(answers, diagnoser.parts.routers, revoked_values(revoked))
        return ReleaseQuality(diagnoser.release, targets, revoked[::-1])

    def change_marker(self) -> tuple[int, str | None]:
        """Return a value that differs after an incident, article, feedback or diagnosis was stored."""
        newest = self._store.diagnoses.page(1)
        return self._store.changes.last(), str(newest[0]["id"]) if newest else None

    def quality_marker(self) -> tuple[object, ...]:
        """Return a value that differs whenever the quality of the published release may."""
        try:
            release = self._serving.current.release
        except NothingPublishedError:
            release = ""
        return release, self._store.observations.settled_upto(), len(self._store.revocations.of(release))

    def set_shadow(self, actor: str, release: str) -> ShadowOut:
        """Let a release answer unseen beside the published one; every replica follows within seconds.

        Raises
        ------
        RecordNotFoundError
            If there is no such release.
        """
        releases = self._serving.releases
        if release not in [summary.release for summary in releases.summaries()]:
            raise RecordNotFoundError(Phrase("no_release", {"id": release}))
        releases.set_shadow(release)
        self._audit.note(actor, "shadow.set", release)
        return self.compare_shadow()

    def end_shadow(self, actor: str) -> ShadowOut:
        """End the shadow; what it answered stays in the store."""
        releases = self._serving.releases
        previous = releases.shadow()
        releases.set_shadow(None)
        self._audit.note(actor, "shadow.end", previous or "")
        return self.compare_shadow()

    def compare_shadow(self) -> ShadowOut:
        """Return how the release in shadow compares with the published one on the same incidents, so far."""
        release = self._serving.releases.shadow()
        loaded = self.shadow.diagnoser
        answering = loaded is not None and loaded.release == release
        pairs = self._store.observations.pairs(release) if release is not None else []
        published = self._serving.current.diagnoser.parts.routers
        shadow = loaded.parts.routers if loaded is not None and answering else {}
        comparisons = compare_shadow(pairs, published, shadow)
        return ShadowOut(
            release=release,
            answering=answering,
            error=self.shadow.error if release is not None else "",
            incidents=len({answer.incident for answer, _ in pairs}),
            targets=[ShadowTargetOut.model_validate(asdict(comparison)) for comparison in comparisons],
        )
