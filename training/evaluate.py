"""The verb `evaluate`: measure a release on incidents whose outcome is known."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from diagnosis.arrays import Floats
from diagnosis.diagnoser import Diagnoser
from diagnosis.phrases import Phrase
from diagnosis.releases import find_release
from training.command_line.intake import add_sources, frame_of, read_sources
from training.command_line.output import open_atomically
from training.command_line.verb import DONE, add_json, add_language, add_release, answer, main, record_options, warn
from training.command_line.wording import Wording
from training.evaluation.candidate import Candidate
from training.evaluation.held_out import HeldOut
from training.evaluation.predictions import SEARCH_DEPTH
from training.evaluation.scorecard import headlines, measure, recurrence_scores
from training.evaluation.search_quality import ranks_of_questions, tfidf_ranks
from training.records import load_incidents
from training.reports.baselines import baselines
from training.reports.release_report import write_report

SUMMARY = "Measure a release on incidents whose category, group and outcome are known."
EXAMPLE = "faultwise evaluate --release models --incidents later.csv --json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_release(parser)
    add_sources(parser)
    parser.add_argument("--as-of", default="", metavar="DATE", help="up to when the outcomes are known (ISO 8601)")
    parser.add_argument(
        "--questions",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="labelled questions that search is judged by: number, description, knowledge (the article that answers)",
    )
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="write every row with truth, answer, probability")
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="write the report on these incidents as one HTML file"
    )
    add_language(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Read, measure, print."""
    folder, t = find_release(args.release), Wording(args.language)
    diagnoser = Diagnoser.load(folder)
    incidents = read_sources(args, optional=bool(args.questions)).incidents
    content: dict[str, Any] = {"release": diagnoser.release}
    lines: list[str] = []
    if not incidents.empty or not args.questions:
        in_history = int(incidents["number"].isin(diagnoser.parts.history.frame()["number"]).sum())
        if in_history:
            counts = {"known": in_history, "n": len(incidents)}
            warn(Phrase("figures_of_known_incidents", counts), args.language)
        held_out = HeldOut.of(diagnoser, incidents, args.as_of)
        card, plain = measure(diagnoser, held_out), baseline_figures(diagnoser, held_out)
        if args.html:
            write_report(args.html, Candidate(folder, held_out), args.language)
        if args.out:
            with open_atomically(args.out) as stream:
                answers_frame(held_out).to_csv(stream, index=False)
        content |= {
            "seen_in_training": in_history,
            **card.to_dict(),
            "baselines": {str(subject): of_subject for subject, of_subject in plain},
        }
        head = t("{} on {} incidents", diagnoser.release, f"{card.incidents:,}")
        lines += [head, *headlines(card, t), *_baseline_lines(plain, t)]
    if args.questions:
        questions = frame_of(load_incidents(args.questions, every_row=True, **record_options(args)))
        figures = search_figures(diagnoser, questions)
        content["questions"] = figures
        lines.append(t("search on {} questions: {}", f"{figures['n']:,}", _search_words(figures)))
    answer(args, content, "\n".join(lines))
    return DONE


def answers_frame(held_out: HeldOut) -> pd.DataFrame:
    """Return one row for each incident and target: truth, answer, probability, decision.

    Returns
    -------
    DataFrame, columns number, target, truth, answer, probability, decision, right
        ``decision`` is what is automatic, ``""`` where a person decides; ``right`` is empty without a truth.
    """
    predictions = held_out.predictions
    parts = [
        pd.DataFrame(
            {
                "number": predictions.number,
                "target": name,
                "truth": target.truth,
                "answer": target.value,
                "probability": target.probability.round(6),
                "decision": target.decision,
                "right": np.where(target.truth == "", "", np.where(target.correct, "yes", "no")),
            }
        )
        for name, target in predictions.targets.items()
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"number": []})


def baseline_figures(diagnoser: Diagnoser, held_out: HeldOut) -> list[tuple[Phrase, dict[str, float]]]:
    """Return, for each target, search and recurrence, what one gets without Faultwise on the same incidents."""
    figures = [
        (
            Phrase("plain_target", {"target": name}),
            {baseline.name: baseline.accuracy.value for baseline in baselines(diagnoser, held_out, target)},
        )
        for name, target in held_out.predictions.targets.items()
        if target.labelled.any()
    ]
    labelled_rows = np.flatnonzero(held_out.predictions.search.labelled)
    if len(labelled_rows):
        rows = held_out.incidents.iloc[labelled_rows]
        texts = (rows["short_description"] + " " + rows["description"]).tolist()
        ranks = tfidf_ranks(diagnoser, texts, held_out.predictions.search.article[labelled_rows].tolist())
        recall = float((ranks <= SEARCH_DEPTH).mean())
        figures.append((Phrase("plain_search"), {"recall at 10 by TF-IDF": recall}))
    for score in recurrence_scores(held_out):
        rate = score.kaplan_meier
        of_rate = {"Brier of the rate alone": rate * (1 - rate), "AUC": 0.5}
        figures.append((Phrase("plain_recurrence", {"days": score.days}), of_rate))
    return [(subject, of_subject) for subject, of_subject in figures if of_subject]


def search_figures(diagnoser: Diagnoser, questions: pd.DataFrame) -> dict[str, Any]:
    """Return recall and mean reciprocal rank on labelled questions, and those of TF-IDF on the same."""
    known = np.array([number in diagnoser.parts.knowledge for number in questions["knowledge"]], dtype=bool)
    ranks = ranks_of_questions(diagnoser, questions)
    labelled = questions[known]
    texts = (labelled["short_description"] + " " + labelled["description"]).tolist()
    baseline = tfidf_ranks(diagnoser, texts, labelled["knowledge"].tolist())
    return {"n": len(ranks), **_rank_figures(ranks), "baseline_tfidf": _rank_figures(baseline)}


def _rank_figures(ranks: Floats) -> dict[str, float]:
    figures = {f"recall_at_{k}": float((ranks <= k).mean()) for k in (1, 5, SEARCH_DEPTH)}
    return {**figures, "mean_reciprocal_rank": float(np.nan_to_num(1 / ranks).mean())}


def _search_words(figures: Mapping[str, Any]) -> str:
    plain = figures["baseline_tfidf"]
    names = (("R@1", "recall_at_1"), ("R@10", "recall_at_10"), ("MRR", "mean_reciprocal_rank"))
    return ", ".join(f"{word} {figures[name]:.3f} (TF-IDF {plain[name]:.3f})" for word, name in names)


def _baseline_lines(figures: Sequence[tuple[Phrase, Mapping[str, float]]], t: Wording) -> list[str]:
    lines = [t("without Faultwise, on the same incidents:")] if figures else []
    for subject, of_subject in figures:
        words = t.listed(f"{t(name)} {value:.3f}" for name, value in of_subject.items())
        lines.append(f"  {t('{}: {}', t(subject), words)}")
    return lines


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
