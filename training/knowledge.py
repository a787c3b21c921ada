"""The verb `knowledge`: what no article answers, and which articles are out of date, twice there, or badly formed."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import InputError
from diagnosis.knowledge_health import KnowledgeHealth, SearchedIncidents, assess_knowledge
from diagnosis.parts import Parts
from diagnosis.phrases import Language, Phrase
from diagnosis.problems import find_problems
from diagnosis.problems.fault_signature import problem_signature
from diagnosis.releases import find_release
from diagnosis.search import Filters
from training.command_line.intake import add_sources, read_sources
from training.command_line.output import open_atomically, without_nan
from training.command_line.terminal import padded
from training.command_line.verb import DONE, add_json, add_language, answer, main, warn, whole_number
from training.command_line.wording import Wording
from training.fitting.article_search import search_articles
from training.fitting.as_of import as_known_at, last_moment
from training.reports.page import render

SUMMARY = (
    "Judge a knowledge base by the incidents that it should answer: gaps by the hours that they cost, with a draft "
    "article; stale articles with evidence; duplicates, contradictions, faults of form and missing translations."
)
EXAMPLE = (
    "faultwise knowledge --incidents incidents.csv --knowledge knowledge.csv --out covered.jsonl --html knowledge.html"
)
TOP = 20  # of each list, in words; --json has all
NEWEST = 20_000  # incidents for which an article is looked for: some milliseconds each


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's options."""
    add_sources(parser, knowledge=True)
    parser.add_argument(
        "--release", type=Path, metavar="DIR", help="search as this release does (default: learn from the files)"
    )
    parser.add_argument(
        "--as-of", default="", metavar="DATE", help="as it was known at this moment (default: latest time)"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE.jsonl", help="write how likely an article answers each incident, one a line"
    )
    parser.add_argument(
        "--newest",
        type=whole_number,
        default=NEWEST,
        metavar="N",
        help="look for an article to so many of the newest incidents; of older ones only the use of articles counts "
        f"(default: {NEWEST})",
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the findings as a page")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_language(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Search, judge and print."""
    sources, t = read_sources(args), Wording(args.language)
    if sources.articles.empty:
        raise InputError(Phrase("knowledge_without_articles"))
    history = as_known_at(sources.incidents, args.as_of)
    in_order = history.sort_values("opened_at", kind="stable", na_position="first")
    newest = history.loc[in_order.index[-args.newest :].sort_values()].reset_index(drop=True)
    older = history.loc[in_order.index[: -args.newest].sort_values()].reset_index(drop=True)
    parts = Diagnoser.load(find_release(args.release)).parts if args.release is not None else None
    with tqdm(
        total=100, desc="learning to search", unit="%", disable=args.quiet or parts is not None, file=sys.stderr
    ) as bar:
        asked = search_articles(newest, sources.articles, parts, progress=lambda percent: bar.update(percent - bar.n))
    retriever, articles = asked.retriever, asked.articles
    incidents = pd.concat([older, asked.incidents], ignore_index=True) if len(older) else asked.incidents
    as_of = last_moment(incidents, args.as_of)
    as_of = pd.Timestamp.now("UTC") if pd.isna(as_of) else as_of
    valid = Filters(valid_at=as_of.to_pydatetime())
    with tqdm(total=len(newest), desc="searching", disable=args.quiet, file=sys.stderr) as bar:
        found = SearchedIncidents.of(retriever, asked.texts, valid, bar.update)
    _warn(found, len(newest), len(older), args.language)
    searched = found.spread(np.arange(len(older), len(incidents)), len(incidents))
    texts = [*older["short_description"], *asked.texts]
    problems = _problems(incidents, parts, as_of)
    health = assess_knowledge(incidents, articles, texts, searched, retriever, as_of=as_of, problems=problems)
    if args.out:
        rows = pd.Index(incidents["number"]).get_indexer(history["number"])
        _write_covered(args.out, history["number"].tolist(), searched.take(rows))
    if args.html:
        with open_atomically(args.html) as stream:
            stream.write(render("knowledge.html", args.language, health=health, articles=_titles(articles)))
    answer(args, health.to_dict(), _text(health, t))
    return DONE


def _problems(incidents: pd.DataFrame, parts: Parts | None, as_of: pd.Timestamp) -> dict[str, str]:
    """Return the chronic problem of each incident that has one, by its number; none where there are no faults."""
    learned_by = None if parts is None or parts.recurrence is None else parts.recurrence.signature_
    try:
        report = find_problems(incidents, problem_signature(incidents, learned_by), as_of=as_of, texts=True)
    except InputError:
        return {}
    chronic = {problem.id for problem in report.problems}
    return {number: name for number, name in report.problem_of.items() if name in chronic}


def _warn(searched: SearchedIncidents, n_newest: int, n_older: int, language: Language) -> None:
    if not n_newest:
        warn(Phrase("gaps_without_incidents"), language)
    elif np.isnan(searched.covered).any():
        warn(Phrase("gaps_not_calibrated"), language)
    if n_older:
        warn(Phrase("older_not_searched", {"n": n_newest}), language)


def _write_covered(path: Path, numbers: list[str], searched: SearchedIncidents) -> None:
    with open_atomically(path) as stream:
        for number, covered, nearest in zip(numbers, searched.covered.tolist(), searched.nearest, strict=True):
            line = without_nan({"number": number, "covered": covered, "nearest": nearest or None})
            stream.write(json.dumps(line, ensure_ascii=False) + "\n")


def _titles(articles: pd.DataFrame) -> dict[str, str]:
    return dict(zip(articles["number"], articles["title"], strict=True))


def _text(health: KnowledgeHealth, t: Wording) -> str:
    head = t(
        "{}, {}, as known on {}",
        t("{} articles", f"{health.articles:,}"),
        t("{} incidents", f"{health.incidents:,}"),
        f"{health.as_of:%Y-%m-%d}",
    )
    if health.answered is not None:
        head = t("{}; an article answers {} of them", head, f"{health.answered:.0%}")
    lines = [head, "", *_gaps(health, t), "", t("Stale articles: {}", f"{len(health.stale):,}")]
    lines += [f"  {article.number}: {article.why(t.language)}" for article in health.stale[:TOP]]
    for name, pairs in (("Duplicates: {}", health.duplicates), ("Contradictions: {}", health.contradictions)):
        lines += ["", t(name, f"{len(pairs):,}")]
        lines += [f"  {t('{} and {}', first, second)}" for first, second in pairs[:TOP]]
    lacking = Counter(name for fault in health.form for name in fault.lacks)
    lines += ["", t("Faults of form: {}", f"{len(health.form):,}")]
    lines += [f"  {t('{} without {}', f'{count:,}', t.field(name))}" for name, count in lacking.items()]
    lines += ["", t("Missing translations: {}", f"{len(health.untranslated):,}")]
    if health.untranslated:
        lines.append(f"  {', '.join(health.untranslated[:TOP])}{' …' if len(health.untranslated) > TOP else ''}")
    return "\n".join(lines)


def _gaps(health: KnowledgeHealth, t: Wording) -> list[str]:
    if health.answered is None:
        return [t("Gaps: not known, as there is too little to tell how likely an article answers")]
    lines = [t("Gaps, those that cost the most hours first: {}", f"{len(health.gaps):,}")]
    for gap in health.gaps[:TOP]:
        hours = "" if gap.hours_lost is None else t("{} h", f"{gap.hours_lost:,.1f}")
        count = t("{} incidents", f"{gap.incidents:,}")
        lines.append(f"{padded(count, 16, right=True)} {padded(hours, 14, right=True)}  {gap.title}")
    return lines


if __name__ == "__main__":
    sys.exit(main(sys.modules[__name__]))
