"""The verb `train`: from records to a release, and into service if it is good enough."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from diagnosis.diagnoser import Diagnoser
from diagnosis.incident import IncidentBatch, as_frame
from diagnosis.knowledge import as_knowledge_frame
from diagnosis.parts import Parts
from diagnosis.phrases import Language, Phrase
from diagnosis.release import STORE, write_release
from diagnosis.releases import Releases
from diagnosis.service_levels import ServiceLevelRules
from diagnosis.store.changes import ChangeCursor
from diagnosis.store.feedback import Feedback
from diagnosis.times import format_utc
from training.checks import AUDIT, Audit, audit, in_service
from training.command_line.intake import add_sources, check_targets, read_sources
from training.command_line.output import writing
from training.command_line.verb import DONE, FAILED, MODELS, add_json, add_language, answer, main, warn
from training.command_line.wording import Wording
from training.evaluation.candidate import Candidate
from training.evaluation.certificates import live_certificates
from training.evaluation.gate import GateDecision, judge
from training.evaluation.held_out import EVALUATION, HeldOut
from training.evaluation.learning_curve import learning_curve
from training.evaluation.scorecard import SCORECARD, Scorecard, headlines, measure
from training.fitting.as_of import as_known_at, last_moment
from training.fitting.checkpoints import Checkpoints, checkpoints
from training.fitting.fit import STAGES, fit
from training.fitting.progress import Stages
from training.fitting.splits import is_dated, split_latest
from training.publish import gate_checks, gate_words, put_into_service
from training.reports.model_card import MODEL_CARD, model_card
from training.reports.release_report import REPORTS, report_beside
from training.reports.tracking import check_tracking, log_release
from training.settings import TrainSettings, load_settings

SUMMARY = (
    "Make a release from incidents and knowledge: fit, calibrate on later data, evaluate on still later data, save.\n"
    "What the data cannot support is left out with a warning."
)
EXAMPLE = (
    "faultwise train --incidents data/sample/incidents.csv --knowledge data/sample/knowledge.csv --out models --publish"
)

FEWEST_EVALUATED = 200  # incidents; below this a held-out slice says too little to be worth a second fit


@dataclass(frozen=True, slots=True)
class Trained:
    """A release on disk and what is known of it.

    Attributes
    ----------
    unused_rules : tuple of Phrase
        Service level rules of the settings that fit no incident of the history, or only such as an earlier one fits.
    """

    folder: Path
    scorecard: Scorecard | None
    left_out: Mapping[str, Phrase]
    audit: Audit | None = None
    unused_rules: tuple[Phrase, ...] = ()


def train(
    incidents: pd.DataFrame,
    articles: pd.DataFrame,
    settings: TrainSettings,
    models: Path,
    *,
    feedback: Sequence[Feedback] = (),
    cursor: ChangeCursor | None = None,
    language: Language = "en",
    show: bool = False,
) -> Trained:
    """Make a release from canonical frames, either of which may be empty.

    Parameters
    ----------
    feedback : sequence of Feedback
        What people said of suggestions: it counts among their outcomes.
    cursor : ChangeCursor, optional
        How far the store had come that all this is from: a service on that store need not read it again.
    language : {"en", "zh"}
        Of the model card.

    The scorecard is measured one slice earlier than the release: the same fit on all but the latest incidents is
    judged on these, then the release is fitted on everything.

    Raises
    ------
    InputError
        If there is nothing to learn from, or a setting cannot be used.
    """
    incidents = as_known_at(as_frame(incidents), settings.as_of)
    articles = as_knowledge_frame(articles)
    data = describe(incidents, articles, feedback)
    published = Releases(models).published()
    with checkpoints(models, {"data": data, "settings": settings.that_count(), "published": published}) as saved:
        audited = saved.value("audit", lambda: _audit(incidents, settings, models)) if settings.audit else None
        if audited is not None:
            settings = replace(
                settings, ignored_fields=tuple(dict.fromkeys(settings.ignored_fields + audited.refused_fields))
            )
        evaluation = (
            saved.value("evaluation", lambda: _evaluate(incidents, articles, settings, feedback, show, saved))
            if settings.evaluate
            else None
        )
        scorecard, held_out = evaluation or (None, None)
        with Stages(STAGES, show=show) as stages:
            parts = fit(incidents, articles, settings, stages, saved, feedback)
        if scorecard is not None and held_out is not None:
            scorecard = replace(scorecard, certificates=live_certificates(parts, held_out))
        card = model_card(parts, scorecard, settings, data, audited, Wording(language))
        folder = write_release(
            models,
            lambda folder: _write(folder, parts, scorecard, held_out, card, audited),
            settings=settings.to_dict(),
            seed=settings.seed,
            data=data if cursor is None or settings.as_of else {**data, STORE: cursor.to_dict()},
        )
    return Trained(folder, scorecard, dict(parts.left_out), audited, _unused_rules(incidents, settings))


def describe(incidents: pd.DataFrame, articles: pd.DataFrame, feedback: Sequence[Feedback] = ()) -> dict[str, Any]:
    """Return what a release is made from, as its manifest names it: rows and sha256 of each input."""
    data = {"incidents": _describe(incidents), "knowledge": _describe(articles)}
    if feedback:
        rows = [(entry.id, entry.suggestion, entry.kind) for entry in feedback]
        data["feedback"] = _describe(pd.DataFrame(rows, columns=["id", "suggestion", "kind"]))
    return data


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_sources(parser, knowledge=True)
    parser.add_argument(
        "--target", nargs="+", action="extend", help="field to predict (default: category assignment_group)"
    )
    parser.add_argument(
        "--signature", help="fields, with commas, that together say 'the same fault', such as caller,subcategory"
    )
    parser.add_argument("--as-of", metavar="DATE", help="use the data as they were known then (ISO 8601)")
    parser.add_argument("--encoder", metavar="history|PATH|NAME", help="a SentenceTransformer as a second signal")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings as TOML; see docs/settings.md")
    parser.add_argument("--seed", type=int, metavar="N")
    parser.add_argument("--no-evaluate", action="store_true", help="skip the scorecard, which takes a second fit")
    parser.add_argument("--out", type=Path, default=MODELS, metavar="DIR", help="folder of releases (default: models)")
    parser.add_argument("--publish", action="store_true", help="put it into service if the gate lets it")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_language(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Read, train, save, and publish if asked."""
    settings = load_settings(args.config, _overrides(args))
    check_tracking(settings)
    stored = read_sources(args)
    check_targets(stored.incidents, settings.targets)
    trained = train(
        stored.incidents,
        stored.articles,
        settings,
        args.out,
        feedback=stored.feedback,
        cursor=stored.cursor,
        language=args.language,
        show=not args.quiet,
    )
    _warn_of(trained, Wording(args.language))
    candidate = Candidate(trained.folder)
    # A report lies beside its release: inside, it would change what the release is.
    report = report_beside(candidate, args.out / REPORTS, args.language) if settings.report else None
    if settings.mlflow:
        log_release(trained.folder, settings, trained.scorecard, report)
    decision = judge(candidate) if args.publish else None
    published = decision is not None and decision.publishes
    if decision is not None and published:
        put_into_service(Releases(args.out), decision)
    answer(args, _content(trained, report, decision), _words(trained, report, decision, Wording(args.language)))
    return FAILED if args.publish and not published else DONE


def _unused_rules(incidents: pd.DataFrame, settings: TrainSettings) -> tuple[Phrase, ...]:
    table = settings.service_levels
    if table.get("rules") is None:
        return ()  # the programme's: that a history has no complaints is no mistake
    return tuple(ServiceLevelRules.from_settings(table).unused(IncidentBatch.from_frame(incidents)))


def _warn_of(trained: Trained, t: Wording) -> None:
    """Print what the data could not support, and what the audit found that matters."""
    for reason in (*trained.left_out.values(), *trained.unused_rules):
        warn(reason, t.language)
    for finding in trained.audit.findings if trained.audit else ():
        if finding.severity != "note":
            warn(t("{}: {}", t(finding.title), t(finding.why)), t.language)


def _content(trained: Trained, report: Path | None, decision: GateDecision | None) -> dict[str, Any]:
    """Return what a program reads of a training."""
    return {
        "release": trained.folder.name,
        "folder": str(trained.folder),
        "report": str(report) if report else None,
        "published": decision is not None and decision.publishes,
        "gate": gate_checks(decision) if decision else None,
        "left_out": {part: str(reason) for part, reason in trained.left_out.items()},
        "scorecard": trained.scorecard.to_dict() if trained.scorecard else None,
        "audit": trained.audit.to_dict() if trained.audit else None,
    }


def _evaluate(
    incidents: pd.DataFrame,
    articles: pd.DataFrame,
    settings: TrainSettings,
    feedback: Sequence[Feedback],
    show: bool,
    saved: Checkpoints,
) -> tuple[Scorecard, HeldOut] | None:
    if incidents.empty:
        return None
    earlier, latest = split_latest(incidents, settings.evaluation_share, settings.seed)
    if len(latest) < FEWEST_EVALUATED:
        return None
    later = incidents.iloc[latest].reset_index(drop=True)
    if is_dated(incidents):
        # As they were known when the slice began: an outcome that came later would be a look into the future.
        settings = replace(settings, as_of=format_utc(later["opened_at"].min() - pd.Timedelta(microseconds=1)))
    with Stages(STAGES, title="evaluate", show=show) as stages:
        parts = fit(incidents.iloc[earlier], articles, settings, stages, saved.below("evaluation"), feedback)
    as_of = last_moment(incidents)
    known_at = "" if pd.isna(as_of) else format_utc(as_of)
    diagnoser = Diagnoser("evaluation", parts)
    curve = learning_curve(diagnoser, incidents.iloc[earlier], later, settings) if settings.learning_curve else []
    held_out = HeldOut.of(diagnoser, later, known_at, curve)
    return measure(diagnoser, held_out), held_out


def _audit(incidents: pd.DataFrame, settings: TrainSettings, models: Path) -> Audit | None:
    if incidents.empty:
        return None
    return audit(incidents, settings, in_service(models))


def _write(
    folder: Path,
    parts: Parts,
    scorecard: Scorecard | None,
    held_out: HeldOut | None,
    card: str,
    audited: Audit | None,
) -> None:
    with writing(folder.parent):
        parts.save(folder)
    if scorecard is not None:
        text = json.dumps(scorecard.to_file(), ensure_ascii=False, indent=1)
        (folder / SCORECARD).write_text(text, encoding="utf-8")
    if held_out is not None:
        (folder / EVALUATION).mkdir()
        held_out.save(folder / EVALUATION)
    if audited is not None:
        text = json.dumps(audited.to_dict(), ensure_ascii=False, indent=1)
        (folder / AUDIT).write_text(text, encoding="utf-8")
    (folder / MODEL_CARD).write_text(card, encoding="utf-8")


def _describe(frame: pd.DataFrame) -> dict[str, Any]:
    """Return the size of an input and a hash that is the same for the same rows in the same order."""
    digest = hashlib.sha256(",".join(frame.columns).encode())
    digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return {"rows": len(frame), "sha256": digest.hexdigest()}


def _overrides(args: argparse.Namespace) -> dict[str, Any]:
    options = {
        "targets": args.target,
        "signature": [name.strip() for name in args.signature.split(",")] if args.signature else None,
        "as_of": args.as_of,
        "encoder": args.encoder,
        "seed": args.seed,
        "evaluate": False if args.no_evaluate else None,
    }
    return {name: value for name, value in options.items() if value is not None}


def _words(trained: Trained, report: Path | None, decision: GateDecision | None, t: Wording) -> str:
    lines = [str(trained.folder)]
    card = trained.scorecard
    if card is not None:
        form = "on {} later incidents that a model of the same make had not seen:"
        lines += [t(form, f"{card.incidents:,}"), *headlines(card, t)]
    if report is not None:
        lines.append(t("report: {}", report))
    if decision is not None:
        lines.append(gate_words(decision, published=decision.publishes, t=t))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
