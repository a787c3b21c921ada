"""The verb `retrain`: the whole round from the service's own store, made to be scheduled."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from diagnosis.errors import InputError, StoreError
from diagnosis.locks import LockedError, locked
from diagnosis.phrases import Language, Phrase
from diagnosis.release import Manifest
from diagnosis.releases import Releases
from diagnosis.store import Store
from diagnosis.times import now_text
from training.command_line.verb import (
    DONE,
    FAILED,
    add_database,
    add_json,
    add_language,
    add_models,
    answer,
    main,
    warn,
)
from training.command_line.wording import Wording
from training.evaluation.candidate import Candidate
from training.evaluation.gate import GateDecision, judge
from training.evaluation.gate import Outcome as GateOutcome
from training.fitting.as_of import as_known_at
from training.publish import gate_checks, gate_words, put_into_service
from training.records.stored import Stored, load_stored
from training.reports.release_report import report_beside
from training.settings import TrainSettings, load_settings
from training.train import Trained, describe, train

SUMMARY = (
    "Retrain from the service's store: audit, train, write the report, ask the gate, publish what is no worse.\n"
    "Exit status 0: published, or nothing has changed; 1: refused, left to a person, or failed."
)
EXAMPLE = "faultwise retrain --database postgresql://faultwise@db/faultwise --models models --reports reports"

Outcome = Literal["published", "unchanged", "refused", "left_to_a_person"]
_OUTCOMES: dict[GateOutcome, Outcome] = {
    "pass": "published",
    "refuse": "refused",
    "cannot_tell": "left_to_a_person",
}
_LOCK, _HOLDER = ".retraining.lock", ".retraining"


@dataclass(frozen=True, slots=True)
class Round:
    """One round of retraining.

    Attributes
    ----------
    outcome : {"published", "unchanged", "refused", "left_to_a_person"}
        ``left_to_a_person``: the gate found nothing worse, but had too little to compare with what is in service.
    corrected : int
        Labels that people's words changed.
    """

    outcome: Outcome
    corrected: int
    trained: Trained | None = None
    decision: GateDecision | None = None
    report: Path | None = None


def retrain(
    stored: Stored,
    settings: TrainSettings,
    releases: Releases,
    reports: Path | None = None,
    language: Language = "en",
    *,
    show: bool = False,
) -> Round:
    """Train on what is stored, and put the release into service if the gate finds it no worse.

    Parameters
    ----------
    stored : Stored
    settings : TrainSettings
    releases : Releases
    reports : Path, optional
        Folder for the report of the release, ``<release>.html``; made if missing.
    language : {"en", "zh"}
        Of report and model card.

    Raises
    ------
    InputError
        If another round is under way, or there is nothing to learn from.
    """
    with alone(releases.folder):
        if _is_known(stored, settings, releases):
            return Round("unchanged", stored.corrected)
        trained = train(
            stored.incidents,
            stored.articles,
            settings,
            releases.folder,
            feedback=stored.feedback,
            cursor=stored.cursor,
            language=language,
            show=show,
        )
        candidate = Candidate(trained.folder)
        report = None if reports is None else report_beside(candidate, reports, language)
        decision = judge(candidate)
        outcome = _OUTCOMES[decision.outcome]
        if outcome == "published":
            put_into_service(releases, decision)
    return Round(outcome, stored.corrected, trained, decision, report)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_database(parser)
    add_models(parser)
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings as TOML; see docs/settings.md")
    parser.add_argument("--reports", type=Path, metavar="DIR", help="folder for the HTML report of each release")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_language(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Make one round and write into the service's audit log how it ended."""
    settings = load_settings(args.config)
    releases = Releases(args.models)
    finished = retrain(load_stored(args.database), settings, releases, args.reports, args.language, show=not args.quiet)
    content = _content(finished)
    if finished.trained is not None:
        for reason in finished.trained.left_out.values():
            warn(reason, args.language)
        _note(args.database, content)
    answer(args, content, _words(finished, Wording(args.language)))
    return DONE if finished.outcome in ("published", "unchanged") else FAILED


@contextmanager
def alone(models: Path) -> Iterator[None]:
    """Keep every other round on this folder of releases out; the kernel drops the lock with the process.

    Raises
    ------
    InputError
        If another round is under way.
    """
    holder = models / _HOLDER
    try:
        with locked(models / _LOCK):
            holder.write_text(f"process {os.getpid()} on {socket.gethostname()} since {now_text()}\n", encoding="utf-8")
            try:
                yield
            finally:
                holder.unlink(missing_ok=True)
    except LockedError as error:
        holds = holder.read_text(encoding="utf-8").strip() if holder.is_file() else Phrase("another_program")
        raise InputError(Phrase("retraining_under_way", {"folder": str(models), "process": holds})) from error


def _is_known(stored: Stored, settings: TrainSettings, releases: Releases) -> bool:
    """Tell whether the release in service was made from the same data with the same settings."""
    published = releases.published()
    if published is None:
        return False
    manifest = Manifest.read(releases.path(published))
    # What the audit left out last time was added to the settings then; it would be again.
    ours = {name: value for name, value in settings.that_count().items() if name != "ignored_fields"}
    theirs = {name: manifest.settings.get(name) for name in ours}
    data = describe(as_known_at(stored.incidents, settings.as_of), stored.articles, stored.feedback)
    return ours == theirs and data == {name: manifest.data.get(name) for name in data}


def _content(finished: Round) -> dict[str, Any]:
    trained, decision = finished.trained, finished.decision
    return {
        "outcome": finished.outcome,
        "release": None if trained is None else trained.folder.name,
        "instead_of": None if decision is None else decision.instead_of,
        "corrected": finished.corrected,
        "report": None if finished.report is None else str(finished.report),
        "checks": [] if decision is None else gate_checks(decision),
    }


def _note(database: str, content: dict[str, Any]) -> None:
    try:
        store = Store(database)
        try:
            detail = {name: value for name, value in content.items() if name != "release"}
            store.audit.add("faultwise retrain", "release.retrain", content["release"], "", detail)
        finally:
            store.close()
    except StoreError as error:  # the round is done, whatever the log says
        warn(f"not written into the audit log: {error}")


def _words(finished: Round, t: Wording) -> str:
    if finished.trained is None or finished.decision is None:
        return t("nothing has changed since the release in service was made")
    corrections = t("learned with no corrections")
    if finished.corrected:
        corrections = t("learned with {} values corrected by people", f"{finished.corrected:,}")
    return f"{corrections}\n{gate_words(finished.decision, published=finished.outcome == 'published', t=t)}"


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
