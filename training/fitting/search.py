"""Fit search: the history encoder, and weights of the signals learned on questions that the encoder did not see."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from diagnosis.incident import as_frame
from diagnosis.knowledge import as_knowledge_frame
from diagnosis.search import Corpus, Coverage, Filters, Fusion, GeneralEncoder, HistoryEncoder, Retriever
from diagnosis.search.coverage import FEWEST_QUESTIONS
from diagnosis.search.retriever import ARTICLE_FIELDS
from diagnosis.search.signals import Encoder
from diagnosis.text.tokens import HAN
from training.fitting.pairs import halves, training_pairs
from training.fitting.same_fix import fixes_of

_Part = Literal["all", "half"]
FitEncoder = Callable[[pd.DataFrame, pd.DataFrame], HistoryEncoder]

_TEXTS: dict[str, tuple[str, ...]] = {
    "knowledge": ("title", "symptoms", "cause", "keywords", "resolution"),
    "incidents": ("short_description", "description", "close_notes"),
}
# What one would ask with, best first: a field that is filled is taken out of its record and asked for.
_QUESTION_FIELDS: dict[Corpus, tuple[tuple[str, _Part], ...]] = {
    "knowledge": (("symptoms", "all"), ("cause", "all"), ("title", "all")),
    "incidents": (("description", "half"), ("description", "all"), ("short_description", "all")),
}
# A question, where it has its answer, and the numbers that are taken out with it: sets that questions share.
_TakenOut = list[tuple[str, Filters, tuple[frozenset[str], ...]]]
_FIRST_WORDS = re.compile(rf"(?:[^\s{HAN}]+\s*){{0,3}}[{HAN}]{{0,6}}")
_HELD_OUT = 0.2
_LARGEST_KIND = 0.1  # of what remains: without a larger kind too little is left that might be found instead
_MOST_QUESTIONS = 400
_ENOUGH_QUESTIONS = 50  # of the field that is most like a real question: others would teach another kind of asking
_FEWEST_QUESTIONS = FEWEST_QUESTIONS  # fewer say less than the weights assumed


@dataclass(frozen=True)
class _Question:
    """A question, the number that answers it, and the language that it is looked for in, if only one."""

    text: str
    answer: str
    language: str = ""


@dataclass(frozen=True)
class _HeldOut:
    """Records with something taken out of some, and that as the question whose answer is known."""

    frame: pd.DataFrame
    questions: list[_Question] = field(default_factory=list)


def fit_search(
    articles: pd.DataFrame,
    incidents: pd.DataFrame,
    fit_encoder: FitEncoder | None = None,
    *,
    general: GeneralEncoder | None = None,
    fields: Sequence[str] = ARTICLE_FIELDS,
    seed: int = 0,
) -> Retriever:
    """Return search over the records: an encoder of everything, and what `learn_ranking` learns.

    Parameters
    ----------
    articles, incidents : DataFrame
        Canonical frames, cleaned and masked; either may be empty.
    fit_encoder : callable of (articles, incidents), optional
        Called twice: for the weights without the texts that are asked for, then with everything.
    general : GeneralEncoder, optional
    fields : sequence of str
        Fields of an article that are searched.
    seed : int
    """
    fit = fit_encoder or partial(fit_encoder_on, seed=seed)
    base, reports = as_knowledge_frame(articles), as_frame(incidents)
    weights, coverage = learn_ranking(base, reports, fit, general=general, fields=fields, seed=seed)
    encoder = fit(base, reports)
    retriever = Retriever(encoder, general=general, fields=fields, weights=weights, coverage=coverage, seed=seed)
    return retriever.fit(base, reports)


def learn_ranking(
    articles: pd.DataFrame,
    incidents: pd.DataFrame,
    fit_encoder: FitEncoder,
    *,
    general: GeneralEncoder | None = None,
    fields: Sequence[str] = ARTICLE_FIELDS,
    seed: int = 0,
) -> tuple[dict[Corpus, Fusion], dict[Corpus, Coverage]]:
    """Return the weights of the signals for each corpus, and when something in it answers, from held-out texts.

    The questions are like those that will be asked: a fifth of the incidents that an article solved, whole. Where these
    are too few, a fifth of the records gives up the field that is most like a question (symptoms, then cause, then
    title, until there are enough; description, then short description), and a fifth of the translated articles one of
    its two languages, which then asks for the other. An encoder trained without these texts, with BM25 and the general
    encoder, then looks for the record that each came from; under the weights it stands out most.

    The questions for articles are asked once more with the article and its translations taken out: how the best
    candidate differs is what `Coverage` learns from. Of past incidents it learns from incidents that were solved as an
    earlier one, asked with and without all that were solved so.

    Returns
    -------
    fusions : dict of corpus to Fusion
        Without a corpus that has too few questions to learn from: there `Fusion.untaught` holds.
    coverage : dict of corpus to Coverage
        Likewise.
    """
    base, reports = as_knowledge_frame(articles), as_frame(incidents)
    solved, alike, remaining = _solved_incidents(base, reports, seed)
    held_out: dict[Corpus, _HeldOut] = {
        "knowledge": _hold_out(base, "knowledge", seed, solved),
        "incidents": _hold_out(remaining, "incidents", seed),
    }
    if all(len(part.questions) < _FEWEST_QUESTIONS for part in held_out.values()):
        return {}, {}
    frames = held_out["knowledge"].frame, held_out["incidents"].frame
    trial = Retriever(fit_encoder(*frames), general=general, fields=fields, seed=seed).fit(*frames)
    trial.weights = dict(_fusions(trial, held_out))
    with_filters: dict[Corpus, _TakenOut] = {"knowledge": _article_filters(held_out["knowledge"]), "incidents": alike}
    return trial.weights, dict(_coverages(trial, with_filters))


def fit_encoder_on(
    articles: pd.DataFrame,
    incidents: pd.DataFrame,
    *,
    start: Path | str | Encoder | None = None,
    **options: Any,  # noqa: ANN401
) -> HistoryEncoder:
    """Return the history encoder of canonical frames.

    Parameters
    ----------
    articles, incidents : DataFrame
    start : Path, str or Encoder, optional
        See `fit_history_encoder`. Without one, a knowledge base with translations starts from the multilingual model
        if its extra is installed. Others do not: in one language the history itself is the better start.
    **options
        Those of `fit_history_encoder`.
    """
    from training.fitting.encoder import fit_history_encoder  # noqa: PLC0415 - torch takes seconds, and help needs none

    frames = {"knowledge": articles, "incidents": incidents}
    corpus = [text for name, frame in frames.items() for column in _TEXTS[name] for text in frame[column] if text]
    start = start or default_start(articles)
    return fit_history_encoder(training_pairs(incidents, articles), corpus or ["."], start=start, **options)


def default_start(articles: pd.DataFrame) -> str | None:
    """Return the multilingual start if some article translates another and the extra is installed."""
    from training.fitting.initial_vectors import MULTILINGUAL, multilingual_is_installed  # noqa: PLC0415 - see above

    has_translations = "translation_of" in articles and articles["translation_of"].isin(set(articles["number"])).any()
    return MULTILINGUAL if has_translations and multilingual_is_installed() else None


def _solved_incidents(
    articles: pd.DataFrame, incidents: pd.DataFrame, seed: int
) -> tuple[list[_Question], _TakenOut, pd.DataFrame]:
    """Take a fifth of the incidents whose fix is known out, as questions.

    Returns
    -------
    list of _Question
        For the article that solved them.
    list of (str, Filters, tuple of frozenset)
        For past incidents with the same fix, and the numbers of these and of the same category and subcategory:
        another fix of the same fault is an answer, too.
    DataFrame
        The other incidents.
    """
    rng = np.random.default_rng(seed)
    fixes = pd.Series(fixes_of(incidents, articles), index=incidents.index, dtype="str")
    linked = incidents["knowledge"].isin(set(articles["number"]))
    repeats = (fixes != "") & fixes.duplicated()  # an earlier one stays, to be found
    by_article = rng.permutation(np.flatnonzero(linked))
    by_article = by_article[: min(int(np.ceil(_HELD_OUT * len(by_article))), _MOST_QUESTIONS)]
    n_needed = max(_ENOUGH_QUESTIONS - int(repeats.iloc[by_article].sum()), 0)
    by_wording = rng.permutation(np.flatnonzero(repeats & ~linked))
    by_wording = by_wording[: min(n_needed, int(np.ceil(_HELD_OUT * len(incidents))))]
    texts = (incidents["short_description"] + "\n" + incidents["description"]).str.strip()
    solved = [_Question(texts.iloc[row], incidents["knowledge"].iloc[row]) for row in by_article if texts.iloc[row]]
    rows = np.concatenate([by_article, by_wording])
    remaining = incidents.drop(index=incidents.index[rows])
    kinds = _kinds(incidents, remaining)
    by_fix, by_kind = (remaining["number"].groupby(names[remaining.index]).agg(frozenset) for names in (fixes, kinds))
    alike: _TakenOut = [
        (texts.iloc[row], Filters(), (by_fix[fix], by_kind[kind] if (kind := kinds.iloc[row]) else frozenset()))
        for row in rows
        if texts.iloc[row] and (fix := fixes.iloc[row]) in by_fix
    ]
    return solved, alike, remaining.reset_index(drop=True)


def _kinds(incidents: pd.DataFrame, remaining: pd.DataFrame) -> pd.Series:
    """Return category and subcategory, ``""`` where one is unknown or so common that it tells no faults apart."""
    kinds = incidents["category"] + "\n" + incidents["subcategory"]
    shares = kinds[remaining.index].value_counts(normalize=True)
    is_told_apart = kinds.isin(shares.index[shares <= _LARGEST_KIND])
    return kinds.where(is_told_apart & (incidents["category"] != "") & (incidents["subcategory"] != ""), "")


def _hold_out(frame: pd.DataFrame, corpus: Corpus, seed: int, asked: Sequence[_Question] = ()) -> _HeldOut:
    """Return records with the text of some taken out as questions, until there are enough with those ``asked``."""
    if frame.empty:
        return _HeldOut(frame)
    rng = np.random.default_rng(seed)
    across = _across_languages(frame, rng) if corpus == "knowledge" else _HeldOut(frame)
    left = across.frame.copy()
    questions = list(asked)
    for name, part in _QUESTION_FIELDS[corpus]:
        if len(questions) >= _ENOUGH_QUESTIONS:
            break
        other_fields = [field_name for field_name in _TEXTS[corpus] if field_name != name]
        asked_and_kept = [_asked_and_kept(text, part) for text in left[name]]
        has_other_text = left[other_fields].apply(lambda column: column.str.strip().ne("")).any(axis=1)
        answers = {question.answer for question in (*questions[len(asked) :], *across.questions)}
        fit = (
            has_other_text
            & np.array([question != "" for question, _ in asked_and_kept])
            & ~left["number"].isin(answers)
        )
        rows = rng.permutation(np.flatnonzero(fit))
        rows = rows[: min(int(np.ceil(_HELD_OUT * len(rows))), _MOST_QUESTIONS - len(questions))]
        questions += [_Question(asked_and_kept[row][0], left["number"].iloc[row]) for row in rows]
        left.loc[left.index[rows], name] = [asked_and_kept[row][1] for row in rows]
    return _HeldOut(left, [*questions, *across.questions])


def _across_languages(frame: pd.DataFrame, rng: np.random.Generator) -> _HeldOut:
    """Take one language of some translated articles out, by turns the translation and the original, and ask with it."""
    row_of = {number: row for row, number in enumerate(frame["number"])}
    couples = [(row, row_of[of]) for row, of in enumerate(frame["translation_of"]) if of in row_of]
    chosen = rng.permutation(len(couples))[: min(int(np.ceil(_HELD_OUT * len(couples))), _MOST_QUESTIONS)]
    removed: list[int] = []
    used: set[int] = set()
    questions: list[_Question] = []
    for turn, (translation, original) in enumerate(couples[i] for i in chosen):
        asks, answers = (translation, original) if turn % 2 == 0 else (original, translation)
        text = next(
            (frame[name].iloc[asks] for name, _ in _QUESTION_FIELDS["knowledge"] if frame[name].iloc[asks].strip()), ""
        )
        answer = frame.iloc[answers]
        own_words = _own_words(text, "\n".join(answer[name] for name in _TEXTS["knowledge"]))
        if own_words and not used & {asks, answers}:
            used |= {asks, answers}
            removed.append(asks)
            questions.append(_Question(own_words, answer["number"], answer["language"]))
    return _HeldOut(frame.drop(index=frame.index[removed]).reset_index(drop=True), questions)


def _own_words(text: str, translation: str) -> str:
    """Return a text without the names and codes that its translation holds too: they would answer alone."""
    shared = translation.lower()
    return re.sub(r"[!-~]+", lambda word: " " if word[0].lower() in shared else word[0], text).strip()


def _asked_and_kept(text: str, part: _Part) -> tuple[str, str]:
    """Return what is asked for of a text, empty if it has none, and what stays in its record."""
    if part == "all":
        return (text if text.strip() else ""), ""
    stays, question = halves(text) or (text, "")
    return question, stays


def _fusions(trial: Retriever, held_out: Mapping[Corpus, _HeldOut]) -> Iterator[tuple[Corpus, Fusion]]:
    for corpus, part in held_out.items():
        if len(part.questions) < _FEWEST_QUESTIONS:
            continue
        questions = []
        for question in part.questions:
            numbers, signals = trial.measure([question.text], corpus, Filters(language=question.language))[0]
            if question.answer in numbers:
                questions.append((signals, numbers.index(question.answer)))
        yield corpus, Fusion.fit(trial.signals(corpus), questions)


def _article_filters(held_out: _HeldOut) -> _TakenOut:
    """Return questions with where they find their article, and it with its translations, which are taken out."""
    numbers, originals = held_out.frame["number"], held_out.frame["translation_of"]
    family_of = {number: original or number for number, original in zip(numbers, originals, strict=True)}
    families: dict[str, set[str]] = {}  # an article and its translations
    for number, family in family_of.items():
        families.setdefault(family, set()).add(number)
    # An article that gave up its own place to ask for its translation cannot be there and taken out.
    return [
        (
            question.text,
            Filters(language=question.language),
            (frozenset(families[family_of[question.answer]]),),
        )
        for question in held_out.questions
        if question.answer in family_of
    ]


def _wordings(text: str) -> list[str]:
    """Return a question in full, by its first line, and by the first words of that: people ask in short, too."""
    line = text.partition("\n")[0].strip()
    first_words = _FIRST_WORDS.match(line)
    wordings = (text, line, first_words[0].strip() if first_words else "")
    return list(dict.fromkeys(wording for wording in wordings if wording))


def _coverages(trial: Retriever, taken_out: Mapping[Corpus, _TakenOut]) -> Iterator[tuple[Corpus, Coverage]]:
    for corpus, questions in taken_out.items():
        if len(questions) < FEWEST_QUESTIONS:
            continue
        wordings = [(words, present, without) for text, present, without in questions for words in _wordings(text)]
        texts = [words for words, _, _ in wordings]
        with_answer, is_long = trial.coverage_features(texts, corpus, [present for _, present, _ in wordings])
        without_answer, _ = trial.coverage_features(texts, corpus, _without_answers(wordings))
        yield corpus, Coverage.fit(trial.absolute_signals(corpus), with_answer, without_answer, is_long)


def _without_answers(questions: _TakenOut) -> Iterator[Filters]:
    """Yield where each question has no answer; one at a time, as each may name tens of thousands of records."""
    for _, present, taken_out in questions:
        yield replace(present, exclude=frozenset().union(*taken_out))
