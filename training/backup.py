"""The verb `backup`: the store and the releases of a service that runs, in one folder."""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.releases import POINTER, SHADOW, Releases
from diagnosis.store.backup import back_up_store
from diagnosis.times import now_text
from training.command_line.verb import DONE, add_database, add_json, add_language, add_models, answer, main
from training.command_line.wording import Wording

SUMMARY = (
    "Copy the store and the releases of a service into a new folder, while it runs. The copy is one moment of the\n"
    "store, whole transactions only, and only you may read it. `faultwise restore` puts it back. PostgreSQL needs\n"
    "pg_dump on the path."
)
EXAMPLE = "faultwise backup --to /backup/faultwise-2026-11-22"

CONTENTS = "backup.json"
MODELS_FOLDER = "models"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    parser.add_argument("--to", type=Path, required=True, metavar="DIR", help="a folder that is not there yet")
    add_database(parser)
    add_models(parser)
    add_language(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Write the backup and print what is in it."""
    content = back_up(args.database, args.models, args.to)
    counts = len(content["releases"]), len(content["files"])
    text = Wording(args.language)("{}: the store; releases: {}, files: {}", args.to, *counts)
    answer(args, {"folder": str(args.to), "releases": content["releases"], "files": len(content["files"])}, text)
    return DONE


def back_up(database: str, models: Path, target: Path) -> dict[str, Any]:
    """Write a store and its releases into a new folder, and return the backup's list of contents.

    Raises
    ------
    InputError
        If the folder is there already, or there is no store.
    StoreError
        If the store could not be copied.
    """
    if target.exists():
        raise InputError(Phrase("backup_folder_present", {"folder": str(target)}))
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.parent.mkdir(parents=True, exist_ok=True)
    partial.mkdir(mode=0o700)  # the copy of a store is read by whoever reads the file, and asks for no key
    (partial / MODELS_FOLDER).mkdir()
    try:
        back_up_store(database, partial).chmod(0o600)  # also where it is moved out of the folder
        # The pointers first: releases are only ever added, so that each one that they name is copied after them.
        for pointer in (POINTER, SHADOW):
            if (models / pointer).is_file():
                shutil.copy2(models / pointer, partial / MODELS_FOLDER / pointer)
        releases = [summary.release for summary in Releases(models).summaries()]
        for release in releases:
            shutil.copytree(models / release, partial / MODELS_FOLDER / release)
        content = {
            "made_at": now_text(),
            "faultwise": version("faultwise"),
            "releases": releases,
            "files": hashes_of(partial),
        }
        (partial / CONTENTS).write_text(json.dumps(content, indent=1), encoding="utf-8")
        partial.replace(target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return content


def hashes_of(folder: Path) -> dict[str, str]:
    """Return the sha256 of each file of a backup but its list of contents, by its path in the folder."""
    hashes = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != CONTENTS:
            with path.open("rb") as stream:
                hashes[name] = hashlib.file_digest(stream, "sha256").hexdigest()
    return hashes


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
