"""Intake: where the verbs that learn or measure take their records from, files or the service's own store."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pandas as pd

from diagnosis.errors import InputError
from diagnosis.incident import as_frame
from diagnosis.knowledge import as_knowledge_frame
from diagnosis.phrases import Language, Phrase
from training.command_line.verb import DATABASE, UsageError, add_records, language_of, record_options, warn
from training.records import ImportCounts, LoadedIncidents, LoadedKnowledge, load_incidents, load_knowledge
from training.records.stored import Stored, load_stored


def add_sources(parser: argparse.ArgumentParser, *, knowledge: bool = False) -> None:
    """Add ``--incidents`` and ``--from-store``, ``--knowledge`` if asked, and how files are read."""
    parser.add_argument("--incidents", type=Path, nargs="+", action="extend", default=[], metavar="FILE")
    if knowledge:
        parser.add_argument("--knowledge", type=Path, nargs="+", action="extend", default=[], metavar="FILE")
    default = os.environ.get("FAULTWISE_DATABASE", DATABASE)
    parser.add_argument(
        "--from-store",
        nargs="?",
        const=default,
        metavar="URL",
        help=f"take them from the service's store, with what people corrected (without URL: {default})",
    )
    add_records(parser)


def read_sources(args: argparse.Namespace, *, optional: bool = False, keep_repeated: bool = False) -> Stored:
    """Read what `add_sources` was told to read.

    Parameters
    ----------
    optional : bool
        Whether no source at all is allowed; the frames are then empty.
    keep_repeated : bool
        Whether rows are kept whose number an earlier row of the incidents has.

    Raises
    ------
    UsageError
        If there is none or more than one source of incidents.
    InputError
        If one cannot be read.
    """
    files, articles = args.incidents, getattr(args, "knowledge", [])
    if files and args.from_store:
        raise UsageError(Phrase("files_and_store"))
    if not (files or articles or args.from_store or optional):
        raise UsageError(Phrase("no_records_given" if hasattr(args, "knowledge") else "no_incidents_given"))
    language = language_of(args)
    stored = load_stored(args.from_store) if args.from_store else Stored(as_frame([]), as_knowledge_frame([]))
    return Stored(
        frame_of(load_incidents(files, keep_repeated=keep_repeated, **record_options(args)), language)
        if files
        else stored.incidents,
        frame_of(load_knowledge(articles, **knowledge_options(args)), language) if articles else stored.articles,
        stored.feedback,
        stored.corrected,
        stored.cursor if not (files or articles) else None,
    )


def knowledge_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return how articles are read: as `record_options` says, unless that is about the incidents beside them."""
    return {} if args.incidents else record_options(args)


def warn_of(counts: ImportCounts, language: Language = "en") -> None:
    """Warn of what was left out of files, or is odd about them."""
    for reason, times in counts.reasons.items():
        warn(Phrase("rows_with_reason", {"n": times, "reason": reason}), language)
    for note in counts.notes:
        warn(note, language)


def frame_of(loaded: LoadedIncidents | LoadedKnowledge, language: Language = "en") -> pd.DataFrame:
    """Return the frame of files that were read, and warn of what is not in it.

    Raises
    ------
    InputError
        If there were rows and none could be used.
    """
    counts = loaded.counts
    if counts.read and not counts.imported:
        reasons = tuple(Phrase("times_with_reason", {"n": n, "reason": reason}) for reason, n in counts.reasons.items())
        raise InputError(Phrase("rows_not_usable", {"n": counts.read, "reasons": reasons or Phrase("rows_are_empty")}))
    warn_of(counts, language)
    return loaded.frame


def check_targets(incidents: pd.DataFrame, targets: Sequence[str]) -> None:
    """Check that each target is a column of the incidents.

    Raises
    ------
    InputError
        For one that is not, as it was mistyped, with the columns that have values.
    """
    unknown = next((name for name in targets if name not in incidents), None)
    if unknown is None or incidents.empty:
        return
    filled = [str(name) for name in incidents.columns if incidents[name].astype("str").fillna("").str.strip().any()]
    near = get_close_matches(unknown, filled, n=1)
    values = {"value": unknown, "columns": tuple(filled)}
    raise InputError(
        Phrase("mistyped_target", {**values, "near": near[0]}) if near else Phrase("unknown_target", values)
    )
