"""Serving: the release that this replica answers with, kept in step with the store and the published pointer."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from api.errors import NothingPublishedError
from api.joined_copies import JoinedCopies
from api.joining import LoadedRelease, join_next, load_release
from api.metrics import Metrics
from api.turns import Turns
from diagnosis.background import BackgroundLoop
from diagnosis.errors import FaultwiseError, GateRefusedError, ReleaseError
from diagnosis.incident import as_frame
from diagnosis.memory import give_freed_memory_back
from diagnosis.phrases import Phrase
from diagnosis.processes import InterruptedComputationError, in_own_process
from diagnosis.releases import Releases
from diagnosis.store import Store
from training.publish import ask_gate, put_into_service

if TYPE_CHECKING:
    from diagnosis.diagnoser import Diagnoser

log = logging.getLogger(__name__)

# What fails is not tried again in a busy loop.
_RELEASE_POLL_SECONDS = 1.0
# Changes that follow one another this closely are taken in together: one takes nearly as long as twenty, and each would
# keep a diagnosis waiting. A change is searchable well within the second that is promised.
_GATHER_SECONDS = 0.5
_GIVE_BACK_SECONDS = 60.0  # between two times that freed memory is given back while changes come
_COPY_SECONDS = 60.0  # between two looks whether a copy with what is stored is due, or to be removed
_MOST_STORED = 50_000  # incidents that are the history where no release is published


class Serving:
    """Holds one release, follows the store's changes and swaps releases without a failed request.

    A request takes `current` once and keeps it, so that a swap in its midst changes nothing for it.

    Parameters
    ----------
    store : Store
    releases : Releases
    load : callable
        Loads a release folder; raises `ReleaseError`.
    metrics : Metrics
    poll_seconds : float
        How often the store is asked for changes of other replicas.
    copies : JoinedCopies, optional
        Of releases with what is stored, for a start that need not join it again.
    """

    def __init__(
        self,
        store: Store,
        releases: Releases,
        load: Callable[[Path], Diagnoser],
        metrics: Metrics,
        poll_seconds: float,
        copies: JoinedCopies | None = None,
    ) -> None:
        self.store = store
        self.releases = releases
        self.load = load
        self.metrics = metrics
        self.poll_seconds = poll_seconds
        self.copies = copies
        # Called with what was loaded before it answers: what the settings of the service change of it.
        self.prepare_release: Callable[[Diagnoser], None] = lambda _diagnoser: None
        self.swapped: Callable[[], None] = lambda: None  # called when another release has come into service
        self._current: LoadedRelease | None = None
        self._refused: str | None = None
        self._swapping = threading.Lock()
        self._gate_turns = Turns()
        self._applied_at = self._given_back_at = float("-inf")
        self._store_loop = BackgroundLoop("follow the store", self._follow_store, poll_seconds)
        self._release_loop = BackgroundLoop("follow releases", self._look_for_release, _RELEASE_POLL_SECONDS)
        self._copy_loop = BackgroundLoop("keep what is stored joined", self._renew_copy, _COPY_SECONDS)

    @property
    def current(self) -> LoadedRelease:
        """What answers now.

        Raises
        ------
        NothingPublishedError
            If no release is in service.
        """
        if self._current is None:
            raise NothingPublishedError(Phrase("nothing_published", {"folder": str(self.releases.folder)}))
        return self._current

    def incidents(self, columns: Sequence[str] | None = None, numbers: Collection[str] | None = None) -> pd.DataFrame:
        """Return the history of the release in service; where none is, the newest incidents of the store.

        Parameters
        ----------
        columns : sequence of str, optional
            What is needed, ``number`` among it: the texts of a large history are some hundred megabytes.
        numbers : collection of str, optional
            Of the incidents that are needed.
        """
        try:
            return self.current.diagnoser.parts.history.frame(columns, numbers)
        except NothingPublishedError:
            rows = [{**record.body, "number": record.number} for record in self.store.incidents.newest(_MOST_STORED)]
            return as_frame(pd.DataFrame(rows if rows else {"number": pd.Series(dtype="str")}))

    def start(self) -> None:
        """Load what is published, if it can be loaded, and follow from now on."""
        self._look_for_release()
        self._store_loop.start()
        self._release_loop.start()
        if self.copies is not None:
            self._copy_loop.start()

    def stop(self) -> None:
        """End the following threads."""
        self._copy_loop.stop()
        self._store_loop.stop()
        self._release_loop.stop()

    def store_changed(self) -> None:
        """Look at the store's changes now: something was written here."""
        self._store_loop.wake()

    def publish(self, release: str, force: str | None = None) -> str:
        """Ask the gate, load the release beside the one in service, let it answer, then point to it.

        Raises
        ------
        GateRefusedError
            If it is worse than the one in service and no reason was given to publish it all the same.
        ReleaseError
            If it cannot be loaded; the one in service stays.
        ComputingError
            If too many wait for the gate already.
        """
        with self._gate_turns.take(), self._counting_refusals(release):
            # The gate loads both releases and lets a plain model learn: in this process that would hold requests up for
            # as long as it takes, and leave hundreds of megabytes behind.
            decision = in_own_process(
                ask_gate, self.releases, release, force, is_stopping=lambda: self._release_loop.is_stopping, niceness=0
            )
        with self._swapping:
            candidate = self._loaded(release)
            put_into_service(self.releases, decision, force)
            self._swap(candidate)
        return release

    def rollback(self) -> str:
        """Put the release that was in service before back, and return its name.

        Raises
        ------
        ReleaseError
            If there is none, or it cannot be loaded; the one in service stays.
        """
        with self._swapping:
            candidate = self._loaded(self.releases.previous())
            release = self.releases.rollback(Phrase("rolled_back_over_http"))
            self._swap(candidate)
        return release

    @contextmanager
    def _counting_refusals(self, release: str) -> Iterator[None]:
        """Count a release that cannot be loaded, and say so whatever it breaks: it is data from outside."""
        try:
            yield
        except (GateRefusedError, InterruptedComputationError):
            raise
        except FaultwiseError:
            self.metrics.refused.inc()
            raise
        except Exception as error:
            self.metrics.refused.inc()
            raise ReleaseError(
                Phrase("release_not_loaded", {"release": release, "fault": type(error).__name__})
            ) from error

    def _loaded(self, release: str) -> LoadedRelease:
        with self._counting_refusals(release):
            copy = None if self.copies is None else self.copies.load(release)
            candidate = copy or load_release(self.releases.path(release), self.load, self.store)
        # What was loaded is not walked at every collection while the stored changes join it: a third of that time.
        gc.freeze()
        while not self._apply_next(candidate):
            pass
        self.prepare_release(candidate.diagnoser)
        return candidate

    def _swap(self, candidate: LoadedRelease) -> None:
        self.metrics.in_service(candidate.release)  # first: whoever sees the release answer finds it in the metrics
        self._current = candidate
        # What stays is not walked at every collection, which took tenths of a second; a release that goes is let go of
        # by its last reference, because there are no cycles in it. Cycles of other things that were kept from the
        # collector since the last swap go now.
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        self._give_memory_back()
        self._refused = None
        self._store_loop.wake()
        self.swapped()
        log.info("release in service", extra={"fields": {"release": candidate.release}})

    def _follow_store(self) -> None:
        self._store_loop.pause(self._applied_at + _GATHER_SECONDS - time.monotonic())
        applied = 0 if self._current is None else self._current.applied
        try:
            while self._current is not None and not self._store_loop.is_stopping:
                if self._apply_next(self._current):
                    break
        finally:
            self._applied_at = time.monotonic()
        is_changed = self._current is not None and self._current.applied != applied
        if is_changed and self._applied_at - self._given_back_at > _GIVE_BACK_SECONDS:
            self._give_memory_back()

    def _renew_copy(self) -> None:
        if self._current is not None and self.copies is not None:
            self.copies.renew(self._current.release, is_stopping=lambda: self._copy_loop.is_stopping)

    def _give_memory_back(self) -> None:
        give_freed_memory_back()
        self._given_back_at = time.monotonic()

    def _look_for_release(self) -> None:
        published: str | None = None
        try:
            with self._swapping:
                published = self.releases.published()
                serving = self._current.release if self._current else None
                if published is not None and published not in (serving, self._refused):
                    self._swap(self._loaded(published))
        except ReleaseError as error:
            self._refused = published
            log.error("release refused: %s", error)  # noqa: TRY400 - the message says it all
        except FaultwiseError as error:
            log.warning("release not loaded yet: %s", type(error).__name__)

    def _apply_next(self, release: LoadedRelease) -> bool:
        """Apply one page of changes; return whether that was the last."""
        changes = join_next(release, self.store)
        self.metrics.lag.set(0 if changes.complete else self.store.changes.last() - changes.upto)
        return changes.complete
