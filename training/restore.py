"""The verb `restore`: what `backup` copied is put into a new place."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.release import MANIFEST
from diagnosis.releases import POINTER, SHADOW
from diagnosis.store.backup import POSTGRESQL_FILE, SQLITE_FILE, restore_store
from training.backup import CONTENTS, MODELS_FOLDER, hashes_of
from training.command_line.verb import DONE, add_database, add_json, add_language, add_models, answer, main
from training.command_line.wording import Wording

SUMMARY = (
    "Put a backup into a store and a folder of releases that are not there yet; nothing is overwritten. Every file is\n"
    "checked first. PostgreSQL needs an empty database, and pg_restore on the path."
)
EXAMPLE = "faultwise restore --from /backup/faultwise-2026-11-22"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("--from", dest="source", type=Path, required=True, metavar="DIR", help="what backup wrote")
    add_database(parser)
    add_models(parser)
    add_language(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Restore a backup and print what was in it."""
    content = restore(args.source, args.database, args.models)
    t = Wording(args.language)
    text = t("restored the store of {}; releases: {}", content["made_at"], len(content["releases"]))
    answer(args, {"made_at": content["made_at"], "releases": content["releases"]}, text)
    return DONE


def restore(source: Path, database: str, models: Path) -> dict[str, Any]:
    """Put a backup back and return its list of contents.

    Raises
    ------
    InputError
        If it is no backup, a file of it is missing, was altered or was added, or a store, a release or a pointer to
        one is there already.
    StoreError
        If the store could not be put back.
    """
    content = _checked_content(source)
    present = [name for name in (*content["releases"], POINTER, SHADOW) if (models / name).exists()]
    if present:
        raise InputError(Phrase("restored_release_present", {"folder": str(models), "release": present[0]}))
    restore_store(source / _store_in(content), database)
    models.mkdir(parents=True, exist_ok=True)
    for release in content["releases"]:
        incoming = models / f".incoming-{release}"
        shutil.rmtree(incoming, ignore_errors=True)
        shutil.copytree(source / MODELS_FOLDER / release, incoming)
        incoming.replace(models / release)
    for pointer in (SHADOW, POINTER):  # last: what it names is there
        if (source / MODELS_FOLDER / pointer).is_file():
            shutil.copy2(source / MODELS_FOLDER / pointer, models / pointer)
    return content


def _checked_content(source: Path) -> dict[str, Any]:
    if not (source / CONTENTS).is_file():
        raise InputError(Phrase("backup_expected", {"folder": str(source), "file": CONTENTS}))
    content = _listed(source / CONTENTS)
    actual = hashes_of(source)
    wrong = [name for name, expected in content["files"].items() if actual.get(name) != expected]
    if wrong:
        raise InputError(Phrase("backup_altered", {"folder": str(source), "file": wrong[0]}))
    links = [path.relative_to(source).as_posix() for path in sorted(source.rglob("*")) if path.is_symlink()]
    added = [*links, *(name for name in actual if name not in content["files"])]
    if added:
        raise InputError(Phrase("backup_added_to", {"folder": str(source), "file": added[0]}))
    return content


def _listed(path: Path) -> dict[str, Any]:
    """Return a list of contents that names one store, and releases by names that lead nowhere else as paths."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        made_at, releases, files = content["made_at"], content["releases"], content["files"]
        is_ours = isinstance(made_at, str) and bool(_store_in(content)) and all(map(_is_release, releases))
        is_whole = is_ours and all(f"{MODELS_FOLDER}/{release}/{MANIFEST}" in files for release in releases)
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(Phrase("backup_list_unreadable", {"path": str(path)})) from error
    if not is_whole:
        raise InputError(Phrase("backup_list_foreign", {"path": str(path)}))
    return content


def _is_release(name: object) -> bool:
    return isinstance(name, str) and name == Path(name).name and not name.startswith(".")


def _store_in(content: dict[str, Any]) -> str:
    return next((name for name in (SQLITE_FILE, POSTGRESQL_FILE) if name in content["files"]), "")


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
