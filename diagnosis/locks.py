"""A file lock held by one program at a time; the kernel drops it with the process that holds it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from diagnosis.errors import FaultwiseError


class LockedError(FaultwiseError):
    """Another program holds the lock."""


@contextmanager
def locked(path: Path, *, seconds: float = 0.0) -> Iterator[None]:
    """Hold the lock file at a path for the block; its folder is made if it is missing.

    Parameters
    ----------
    seconds : float
        How long to wait for another program.

    Raises
    ------
    LockedError
        If another program still holds it then.
    """
    path.absolute().parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, timeout=seconds)
    try:
        lock.acquire()
    except Timeout as error:
        raise LockedError(f"{path} is held by another program") from error
    try:
        yield
    finally:
        lock.release()
