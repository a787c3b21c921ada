"""Checkpoints: finished stages of a training, kept until its release is made, and used again after a break.

A stage is read back from its checkpoint also where it has just been made: so an interrupted training and one that was
not make the same release, to the byte.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import joblib

from diagnosis.errors import InputError
from diagnosis.locks import LockedError, locked
from diagnosis.parts import SavedPart
from diagnosis.release import LIBRARIES
from training.command_line.output import writing

PREFIX = ".unfinished-"
_DAYS_KEPT = 7  # a training that nobody has gone on with
_VALUE, _HASHES = "value.joblib", "sha256.json"


class LoadablePart(SavedPart, Protocol):
    """A part that is read, too, from the folder into which it was written."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read it."""


Part = TypeVar("Part", bound=LoadablePart)
Value = TypeVar("Value")


class Checkpoints:
    """Stages in a folder.

    Parameters
    ----------
    folder : Path
        Made if missing.
    under : str
        Stands before each name.
    """

    def __init__(self, folder: Path, under: str = "") -> None:
        self.folder, self._under = folder, under

    def below(self, name: str) -> Checkpoints:
        """Return checkpoints for the stages of a stage."""
        return Checkpoints(self.folder, f"{self._under}{name}.")

    def part(self, name: str, kind: type[Part], make: Callable[[], Part]) -> Part:
        """Return a part: the one that was kept, or one made now and kept."""
        place = self._place(name)
        if not _is_whole(place):
            self._keep(place, make().save)
        return kind.load(place)

    def value(self, name: str, make: Callable[[], Value]) -> Value:
        """Return anything that can be pickled, kept as `part` keeps parts."""
        place = self._place(name)
        if not _is_whole(place):
            fresh = make()
            self._keep(place, lambda folder: joblib.dump(fresh, folder / _VALUE))
        value: Value = joblib.load(place / _VALUE)
        return value

    def has(self, name: str) -> bool:
        """Return whether a stage was kept whole."""
        return _is_whole(self._place(name))

    def _place(self, name: str) -> Path:
        return self.folder / f"{self._under}{name}"

    def _keep(self, place: Path, write: Callable[[Path], object]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(place, ignore_errors=True)  # one that is damaged
        partial = Path(tempfile.mkdtemp(prefix="partial-", dir=self.folder))
        try:
            with writing(self.folder.parent):
                write(partial)
            (partial / _HASHES).write_text(json.dumps(_hashes(partial)), encoding="utf-8")
            partial.rename(place)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise


def _is_whole(place: Path) -> bool:
    """Tell whether a stage was kept and none of its files has changed since: nothing is unpickled before that."""
    try:
        expected = json.loads((place / _HASHES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(_hashes(place) == expected)


def _hashes(folder: Path) -> dict[str, str]:
    """Return the sha256 of each file of a stage, by its path in the folder."""
    hashes = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != _HASHES:
            with path.open("rb") as stream:
                hashes[path.relative_to(folder).as_posix()] = hashlib.file_digest(stream, "sha256").hexdigest()
    return hashes


@contextmanager
def checkpoints(models: Path, made_of: Mapping[str, Any]) -> Iterator[Checkpoints]:
    """Hold the checkpoints of one training; they go with the block, and stay if it breaks off.

    Parameters
    ----------
    models : Path
        Folder of releases.
    made_of : mapping
        Data and settings: another training has others. The versions of the libraries count too.
    """
    identity = {**made_of, "libraries": {name: version(name) for name in (*LIBRARIES, "torch", "faultwise")}}
    key = hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode()).hexdigest()[:16]
    models.mkdir(parents=True, exist_ok=True)
    _forget_old(models)
    lock = models / f"{PREFIX}{key}.lock"
    with ExitStack() as held:
        try:
            held.enter_context(locked(lock))
        except LockedError:  # the same training runs already; this one keeps its stages to itself
            private = held.enter_context(tempfile.TemporaryDirectory(prefix=PREFIX, dir=models))
            yield Checkpoints(Path(private))
            return
        folder = models / f"{PREFIX}{key}"
        for leftover in folder.glob("partial-*"):
            shutil.rmtree(leftover)
        try:
            yield Checkpoints(folder)
        except InputError:  # it would end so again
            _forget(folder, lock)
            raise
        _forget(folder, lock)


def _forget(folder: Path, lock: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    lock.unlink(missing_ok=True)


def _forget_old(models: Path) -> None:
    oldest = time.time() - _DAYS_KEPT * 86_400
    for folder in models.glob(f"{PREFIX}*"):
        if folder.is_dir() and folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)
