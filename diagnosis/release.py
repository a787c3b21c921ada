"""A release on disk: one folder whose manifest names every file, and a pointer to the one in service.

``<models>/<release>/manifest.json`` holds the format version, library versions, settings, seed, data hashes and the
sha256 of each file. A release is written beside its place and renamed into it, so half a release is never visible;
it is checked file by file before anything in it is loaded.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from diagnosis.errors import ReleaseError
from diagnosis.phrases import Phrase
from diagnosis.times import format_utc

FORMAT_VERSION = 9
STORE = "store"  # entry of a manifest's data: how far the store had come that the release was made from
MANIFEST = "manifest.json"
LIBRARIES = ("scikit-learn", "numpy", "scipy", "pandas", "joblib", "faiss-cpu", "tokenizers")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a release is made of.

    Attributes
    ----------
    release : str
        Identity: time of making and the first digits of `content`.
    data : mapping
        Per input: rows and sha256 of what was read.
    files : mapping of str to str
        Relative path (POSIX) to sha256.
    content : str
        sha256 over `files`: equal data, settings and seed give an equal content hash.
    """

    release: str
    created_at: str
    format: int
    python: str
    libraries: Mapping[str, str]
    settings: Mapping[str, Any]
    seed: int
    data: Mapping[str, Any]
    files: Mapping[str, str]
    content: str

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read and check the form of a manifest, not yet the files that it names.

        Raises
        ------
        ReleaseError
            If it is missing, unreadable or of another format version.
        """
        path = folder / MANIFEST
        if not path.is_file():
            raise ReleaseError(Phrase("release_expected", {"folder": str(folder), "file": MANIFEST}))
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
            version = raw["format"]
            if version != FORMAT_VERSION:
                formats = {"release": folder.name, "found": version, "expected": FORMAT_VERSION}
                raise ReleaseError(Phrase("release_of_other_format", formats))
            return cls(**raw)
        except (ValueError, TypeError, KeyError, UnicodeDecodeError) as error:
            raise ReleaseError(Phrase("manifest_unreadable", {"path": str(path), "fault": str(error)})) from error


def write_release(
    models: Path,
    write_parts: Callable[[Path], None],
    *,
    settings: Mapping[str, Any],
    seed: int,
    data: Mapping[str, Any],
    now: datetime | None = None,
) -> Path:
    """Write a release and return its folder ``models/<release>``.

    Parameters
    ----------
    models : Path
        Folder of releases; made if missing. Nothing is visible in it until the release is whole.
    write_parts : callable
        Called once with an empty folder to fill.
    settings, seed, data
        Kept in the manifest.
    now : datetime, optional
        Time of making (UTC).
    """
    models.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=models))
    try:
        write_parts(partial)
        files = {path: _sha256(partial / path) for path in _files(partial)}
        content = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
        created = now or datetime.now(UTC)
        manifest = Manifest(
            release=f"{created:%Y-%m-%dT%H-%M-%SZ}-{content[:4]}",
            created_at=format_utc(created, timespec="seconds"),
            format=FORMAT_VERSION,
            python=platform.python_version(),
            libraries={name: version(name) for name in LIBRARIES},
            settings=settings,
            seed=seed,
            data=data,
            files=files,
            content=content,
        )
        write_json(partial / MANIFEST, {name: getattr(manifest, name) for name in Manifest.__slots__})
        partial.chmod(0o755)
        for path in partial.rglob("*"):  # a copy over it is refused, where a service has the files mapped into memory
            path.chmod(0o755 if path.is_dir() else 0o444)
        if (models / manifest.release).is_dir():  # made by another training in the same second, of the same content
            shutil.rmtree(partial)
        else:
            partial.rename(models / manifest.release)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return models / manifest.release


def check_release(folder: Path) -> Manifest:
    """Check a release file by file, before anything in it is loaded.

    Raises
    ------
    ReleaseError
        Naming the first file that is missing, altered or not in the manifest.
    """
    manifest = Manifest.read(folder)
    for path, expected in manifest.files.items():
        if not (folder / path).is_file():
            raise ReleaseError(Phrase("release_file_missing", {"release": folder.name, "file": path}))
        actual = _sha256(folder / path)
        if actual != expected:
            values = {"release": folder.name, "file": path, "expected": expected[:12], "actual": actual[:12]}
            raise ReleaseError(Phrase("release_file_altered", values))
    stray = sorted(set(_files(folder)) - {*manifest.files, MANIFEST})
    if stray:
        raise ReleaseError(Phrase("release_file_stray", {"release": folder.name, "file": stray[0]}))
    return manifest


def _files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON beside its place and rename: a reader sees the old file or the new one, also after a crash."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("w", encoding="utf-8") as stream:
        json.dump(content, stream, indent=1, ensure_ascii=False)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(path)
