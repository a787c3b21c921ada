"""Joined copies: a release with what is stored in it, kept on disk, so that a start need not join it again.

To clean, encode and index 20,000 incidents takes some ten seconds, to load them indexed less than one. A copy is a
release like any other, checked file by file, in a folder of its own beside the releases. It is made in a process of its
own, and only used where nothing has changed but that more was stored: any doubt, and what is stored joins the release
itself. It may be deleted at any time.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from api.joining import LoadedRelease, join_next, joined_upto, load_release
from diagnosis.locks import LockedError, locked
from diagnosis.processes import in_own_process
from diagnosis.release import STORE, Manifest, check_release, write_release
from diagnosis.releases import Releases
from diagnosis.store import Store
from diagnosis.store.changes import ChangeCursor
from diagnosis.store.erasure import ERASED

log = logging.getLogger(__name__)

_WORTHWHILE = 2_000  # changes since the last copy, which join in a second
_LOCK = ".lock"


class JoinedCopies:
    """The copies of one store, at most one at a time: that of the release in service.

    Parameters
    ----------
    store : Store
    releases : Releases
    worthwhile : int
        Changes that were stored since, from which a new copy is made.
    """

    def __init__(self, store: Store, releases: Releases, worthwhile: int = _WORTHWHILE) -> None:
        self.store = store
        self.releases = releases
        self.worthwhile = worthwhile

    def load(self, release: str) -> LoadedRelease | None:
        """Return a release with what is stored in it up to some change; None where no copy of it fits."""
        from diagnosis.diagnoser import Diagnoser  # noqa: PLC0415 - learned parts are heavy; declaring the app is not

        try:
            copy = self._fitting(release)
            if copy is None:
                return None
            check_release(self.releases.path(release))  # one that was altered is refused, whatever was made of it
            diagnoser = Diagnoser.load(copy.folder)
        except Exception as error:  # noqa: BLE001 - the release itself is still there
            log.warning("copy of %s not used: %s", release, error)
            return None
        diagnoser.release = release
        return LoadedRelease(release, diagnoser, copy.upto)

    def renew(self, release: str, *, is_stopping: Callable[[], bool] = lambda: False) -> None:
        """Remove what does not fit, and make a copy if enough was stored since the last."""
        copy = self._fitting(release)
        self._remove_all(but=copy)
        joined = joined_upto(self.releases.path(release), self.store) if copy is None else copy.upto
        if self.store.changes.last() - joined >= self.worthwhile:
            url = self.store.database.url.render_as_string(hide_password=False)
            in_own_process(make_copy, url, self.releases.folder, release, is_stopping=is_stopping)

    def make(self, release: str) -> None:
        """Make a copy from what is here; nothing happens while another process makes one."""
        from diagnosis.diagnoser import Diagnoser  # noqa: PLC0415

        description, cursor = self._description(release), self.store.changes.cursor()  # before anything is read
        if cursor is None:
            return
        try:
            with locked(self._folder() / _LOCK):
                loaded = self.load(release) or load_release(self.releases.path(release), Diagnoser.load, self.store)
                while not join_next(loaded, self.store).complete:
                    pass
                data, seed = {**description, STORE: cursor.to_dict()}, Manifest.read(self.releases.path(release)).seed
                folder = write_release(self._folder(), loaded.diagnoser.parts.save, settings={}, seed=seed, data=data)
                self._remove_all(but=_Copy(folder, cursor.upto))
        except LockedError:
            return

    def _folder(self) -> Path:
        return self.releases.copies / str(self.store.changes.store())

    def _fitting(self, release: str) -> _Copy | None:
        """Return the copy that holds nothing but what the release and the store hold."""
        description = self._description(release)
        for folder in sorted(self._folder().glob("[!.]*/"), reverse=True):
            data = dict(Manifest.read(folder).data)
            upto = self.store.changes.resume(ChangeCursor.from_dict(data.pop(STORE)))
            if upto and data == description and not self.store.changes.removed_since(upto):
                return _Copy(folder, upto)
        return None

    def _description(self, release: str) -> dict[str, Any]:
        """Return what is to be the same: release, program, and how often a person was erased from the store."""
        return {
            "release": release,
            "content": Manifest.read(self.releases.path(release)).content,
            "program": version("faultwise"),
            "erasures": self.store.audit.count([ERASED]),
        }

    def _remove_all(self, but: _Copy | None) -> None:
        for folder in self._folder().glob("*/"):
            if but is None or folder != but.folder:
                shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class _Copy:
    """Its folder, and the last change that is in it."""

    folder: Path
    upto: int


def make_copy(url: str, models: Path, release: str) -> None:
    """Make a copy in a process of its own."""
    threadpool_limits(1)
    store = Store(url)
    try:
        JoinedCopies(store, Releases(models)).make(release)
    finally:
        store.close()
