"""The folder of releases, and the pointer to the one in service.

``<models>/published.json`` is replaced in one step, so a reader sees the old release or the new one, never neither.
Who changes it holds a file lock, so that of two changes at once neither is lost; readers never wait.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from diagnosis.errors import ReleaseError
from diagnosis.locks import LockedError, locked
from diagnosis.phrases import Phrase, as_written
from diagnosis.release import MANIFEST, Manifest, check_release, write_json
from diagnosis.times import now_text

log = logging.getLogger(__name__)

ROLLED_BACK = Phrase("rolled_back")  # the reason of a rollback for which nobody gave one
POINTER = "published.json"
SHADOW = "shadow.json"
_LOCK = ".published.lock"
_PATIENCE = 30.0  # seconds that a change waits for another one


@dataclass(frozen=True, slots=True)
class ReleaseSummary:
    """A line of the list of releases."""

    release: str
    created_at: str
    published: bool
    seed: int
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Publication:
    """An entry of the pointer's history: what came into service, when and why.

    ``rolled_back`` names the release that a rollback took out of service; it is empty for a publication. ``reason`` is
    in English, or as a person wrote it; ``reason_phrase`` is its code with values, empty where it has none.
    """

    release: str
    at: str
    reason: str = ""
    rolled_back: str = ""
    reason_phrase: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def now(cls, release: str, reason: str | Phrase, rolled_back: str = "") -> Self:
        """Return the entry of a release that comes into service at this moment."""
        code = reason.to_dict() if isinstance(reason, Phrase) else {}
        return cls(release, now_text(), str(reason), rolled_back, code)

    @property
    def phrase(self) -> Phrase:
        """Why it came into service."""
        return Phrase.from_dict(self.reason_phrase) if self.reason_phrase else as_written(self.reason)


@dataclass(frozen=True)
class Releases:
    """The folder of releases and the pointer to the one in service."""

    folder: Path

    @property
    def copies(self) -> Path:
        """Folder of copies that the service makes, with what is stored in them, to start sooner."""
        return self.folder / ".joined"

    @property
    def _pointer(self) -> Path:
        return self.folder / POINTER

    def summaries(self) -> list[ReleaseSummary]:
        """Return every release that this program reads, newest first; one of another version is told in the log."""
        published, manifests = self.published(), []
        for folder in self._folders():
            try:
                manifests.append(Manifest.read(folder))
            except ReleaseError as error:
                log.warning("release left out: %s", error)
        return [ReleaseSummary(m.release, m.created_at, m.release == published, m.seed, m.data) for m in manifests]

    def _folders(self) -> list[Path]:
        """Return the folders of releases, newest first."""
        entries = self.folder.iterdir() if self.folder.is_dir() else ()
        folders = [entry for entry in entries if not entry.name.startswith(".") and (entry / MANIFEST).is_file()]
        return sorted(folders, key=lambda folder: folder.name, reverse=True)

    def path(self, release: str) -> Path:
        """Return the folder of a release.

        Raises
        ------
        ReleaseError
            If there is none of that name.
        """
        names = [folder.name for folder in self._folders()]
        if release not in names:
            values = {"release": release, "folder": str(self.folder), "names": tuple(names) or Phrase("none_found")}
            raise ReleaseError(Phrase("release_unknown", values))
        return self.folder / release

    def published(self) -> str | None:
        """Return the release in service, or None before the first is published."""
        history = self.history()
        return history[-1].release if history else None

    def history(self) -> list[Publication]:
        """Return what was in service, oldest first; the last one is in service now.

        Raises
        ------
        ReleaseError
            If the pointer cannot be read.
        """
        try:
            if not self._pointer.is_file():
                return []
            return [_publication(entry) for entry in json.loads(self._pointer.read_text(encoding="utf-8"))["history"]]
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ReleaseError(
                Phrase("pointer_unreadable", {"path": str(self._pointer), "fault": str(error)})
            ) from error

    def publish(self, release: str, reason: str | Phrase = "", *, instead_of: str | None = None) -> None:
        """Check a release and put it into service.

        Parameters
        ----------
        reason : str or Phrase
            Kept in the history.
        instead_of : str, optional
            The release that this one was compared with; refused if another is in service by now.

        Raises
        ------
        ReleaseError
            If it is unknown or does not pass `check_release`; the one in service stays.
        """
        check_release(self.path(release))
        with self._changing():
            history = self.history()
            if instead_of is not None and history and history[-1].release != instead_of:
                values = {"release": release, "compared": instead_of, "current": history[-1].release}
                raise ReleaseError(Phrase("release_compared_with_former", values))
            self._point([*history, Publication.now(release, reason)])

    def previous(self) -> str:
        """Return the release that a rollback would put back.

        Raises
        ------
        ReleaseError
            If there is none.
        """
        return self._earlier()[-1].release

    def _earlier(self) -> list[Publication]:
        """Return what was in service before the release that is: it may have been published more than once.

        What a rollback took out of service is not gone back to, so that a second rollback goes one further back.
        """
        earlier: list[Publication] = []
        for entry in self.history():
            while entry.rolled_back and earlier and earlier[-1].release == entry.rolled_back:
                earlier.pop()
            earlier.append(entry)
        current = earlier[-1].release if earlier else None
        while earlier and earlier[-1].release == current:
            earlier.pop()
        if not earlier:
            values = {"folder": str(self.folder), "release": current}
            raise ReleaseError(Phrase("only_one_was_published" if current else "none_was_published", values))
        return earlier

    def rollback(self, reason: str | Phrase = ROLLED_BACK) -> str:
        """Put the release that was in service before this one back, and return its name.

        Raises
        ------
        ReleaseError
            If there is no earlier one, or it no longer passes `check_release`.
        """
        with self._changing():
            previous = self._earlier()[-1].release
            check_release(self.path(previous))
            history = self.history()
            self._point([*history, Publication.now(previous, reason, rolled_back=history[-1].release)])
        return previous

    def shadow(self) -> str | None:
        """Return the release that answers unseen beside the one in service; None if there is none.

        A shadow that is put into service is none any more.

        Raises
        ------
        ReleaseError
            If its pointer cannot be read.
        """
        path = self.folder / SHADOW
        if not path.is_file():
            return None
        try:
            release = str(json.loads(path.read_text(encoding="utf-8"))["release"])
        except (ValueError, TypeError, KeyError) as error:
            raise ReleaseError(Phrase("pointer_unreadable", {"path": str(path), "fault": str(error)})) from error
        return None if release == self.published() else release

    def set_shadow(self, release: str | None) -> None:
        """Let a release answer unseen beside the one in service, or none.

        Raises
        ------
        ReleaseError
            If it is unknown, does not pass `check_release`, or is the one in service.
        """
        if release is not None:
            check_release(self.path(release))
        with self._changing():
            if release is None:
                (self.folder / SHADOW).unlink(missing_ok=True)
            elif release == self.published():
                raise ReleaseError(Phrase("shadow_in_service", {"release": release}))
            else:
                write_json(self.folder / SHADOW, {"release": release, "since": now_text()})

    @contextmanager
    def _changing(self) -> Iterator[None]:
        try:
            with locked(self.folder / _LOCK, seconds=_PATIENCE):
                yield
        except LockedError as error:
            values = {"folder": str(self.folder), "seconds": _PATIENCE}
            raise ReleaseError(Phrase("releases_locked", values)) from error

    def _point(self, history: list[Publication]) -> None:
        entries = [{name: value for name, value in asdict(entry).items() if value} for entry in history]
        write_json(self._pointer, {"published": history[-1].release, "history": entries})


def _publication(entry: Mapping[str, Any]) -> Publication:
    # What a later program adds is not for this one to refuse.
    return Publication(**{f.name: entry[f.name] for f in fields(Publication) if f.name in entry})


def find_release(path: Path) -> Path:
    """Return the release folder that a path means: a release, or a folder of releases with one published or one alone.

    Raises
    ------
    ReleaseError
        If it is neither, or a folder of several releases of which none is published.
    """
    if (path / MANIFEST).is_file():
        return path
    releases = Releases(path)
    published = releases.published()
    if published is not None:
        return releases.path(published)
    summaries = releases.summaries()
    if len(summaries) == 1:
        return path / summaries[0].release
    if not summaries:
        raise ReleaseError(Phrase("folder_without_release", {"folder": str(path), "manifest": MANIFEST}))
    values = {"folder": str(path), "n": len(summaries), "example": str(path / summaries[0].release)}
    raise ReleaseError(Phrase("folder_of_many_releases", values))
