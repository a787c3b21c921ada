"""Fit search: the history encoder, and weights of the signals learned on questions that the encoder did not see."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd

from diagnosis.incident import as_frame
from diagnosis.knowledge import as_knowledge_frame
from diagnosis.search import Corpus, Filters, Fusion, GeneralEncoder, HistoryEncoder, Retriever
from diagnosis.search.retriever import ARTICLE_FIELDS
from training.fitting.pairs import halves, training_pairs

_Part = Literal["all", "half"]
FitEncoder = Callable[[pd.DataFrame, pd.DataFrame], HistoryEncoder]

_TEXTS: dict[str, tuple[str, ...]] = {
    "knowledge": ("title", "symptoms", "cause", "keywords", "resolution"),
    "incidents": ("short_description", "description", "close_notes"),
}
# What one would ask with, best first: a field that is filled is taken out of its record and asked for.
_ASKED: dict[Corpus, tuple[tuple[str, _Part], ...]] = {
    "knowledge": (("symptoms", "all"), ("title", "all"), ("cause", "all")),
    "incidents": (("description", "half"), ("description", "all"), ("short_description", "all")),
}
_HELD_OUT = 0.2
_MOST_QUESTIONS = 400
_ENOUGH_QUESTIONS = 50  # of the field that is most like a real question: others would teach another kind of asking
_FEWEST_QUESTIONS = 20  # fewer say less than the weights assumed


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
    """Return search over the records: an encoder of everything, and weights of the signals from `learn_fusion`.

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
    weights = learn_fusion(base, reports, fit, general=general, fields=fields, seed=seed)
    return Retriever(fit(base, reports), general=general, fields=fields, weights=weights, seed=seed).fit(base, reports)


def learn_fusion(
    articles: pd.DataFrame,
    incidents: pd.DataFrame,
    fit_encoder: FitEncoder,
    *,
    general: GeneralEncoder | None = None,
    fields: Sequence[str] = ARTICLE_FIELDS,
    seed: int = 0,
) -> dict[Corpus, Fusion]:
    """Return the weights of the signals for each corpus, learned from the organisation's own held-out texts.

    A fifth of the records gives up the field that is most like a question (symptoms, then title, then cause, until
    there are enough; description, then short description), and a fifth of the translated articles one of its two
    languages, which then asks for the other. An encoder trained without these texts, with BM25 and the general
    encoder, then looks for the record that each came from; under the weights it stands out most.

    Returns
    -------
    dict of corpus to Fusion
        Without a corpus that has too few records to learn from.
    """
    held: dict[Corpus, _HeldOut] = {
        "knowledge": _hold_out(as_knowledge_frame(articles), "knowledge", seed),
        "incidents": _hold_out(as_frame(incidents), "incidents", seed),
    }
    if all(len(part.questions) < _FEWEST_QUESTIONS for part in held.values()):
        return {}
    frames = held["knowledge"].frame, held["incidents"].frame
    trial = Retriever(fit_encoder(*frames), general=general, fields=fields, seed=seed).fit(*frames)
    return dict(_learned(trial, held))


def fit_encoder_on(articles: pd.DataFrame, incidents: pd.DataFrame, **options: Any) -> HistoryEncoder:  # noqa: ANN401
    """Return the history encoder of canonical frames; ``options`` are those of `fit_history_encoder`."""
    from training.fitting.encoder import fit_history_encoder  # noqa: PLC0415 - torch takes seconds, and help needs none

    frames = {"knowledge": articles, "incidents": incidents}
    corpus = [text for name, frame in frames.items() for column in _TEXTS[name] for text in frame[column] if text]
    return fit_history_encoder(training_pairs(incidents, articles), corpus or ["."], **options)


def _hold_out(frame: pd.DataFrame, corpus: Corpus, seed: int) -> _HeldOut:
    if frame.empty:
        return _HeldOut(frame)
    rng = np.random.default_rng(seed)
    across = _across_languages(frame, rng) if corpus == "knowledge" else _HeldOut(frame)
    left = across.frame.copy()
    questions: list[_Question] = []
    for asked, part in _ASKED[corpus]:
        if len(questions) >= _ENOUGH_QUESTIONS:
            break
        others = [name for name in _TEXTS[corpus] if name != asked]
        taken = [_taken(text, part) for text in left[asked]]
        kept = left[others].apply(lambda column: column.str.strip().ne("")).any(axis=1)
        answers = {question.answer for question in (*questions, *across.questions)}
        fit = kept & np.array([question != "" for question, _ in taken]) & ~left["number"].isin(answers)
        rows = rng.permutation(np.flatnonzero(fit))
        rows = rows[: min(int(np.ceil(_HELD_OUT * len(rows))), _MOST_QUESTIONS - len(questions))]
        questions += [_Question(taken[row][0], left["number"].iloc[row]) for row in rows]
        left.loc[left.index[rows], asked] = [taken[row][1] for row in rows]
    return _HeldOut(left, [*questions, *across.questions])


def _across_languages(frame: pd.DataFrame, rng: np.random.Generator) -> _HeldOut:
    """Take one language of some translated articles out, by turns the translation and the original, and ask with it."""
    row_of = {number: row for row, number in enumerate(frame["number"])}
    couples = [(row, row_of[of]) for row, of in enumerate(frame["translation_of"]) if of in row_of]
    chosen = rng.permutation(len(couples))[: min(int(np.ceil(_HELD_OUT * len(couples))), _MOST_QUESTIONS)]
    gone: list[int] = []
    used: set[int] = set()
    questions: list[_Question] = []
    for turn, (translation, original) in enumerate(couples[i] for i in chosen):
        asks, answers = (translation, original) if turn % 2 == 0 else (original, translation)
        text = next((frame[name].iloc[asks] for name, _ in _ASKED["knowledge"] if frame[name].iloc[asks].strip()), "")
        answer = frame.iloc[answers]
        own = _own_words(text, "\n".join(answer[name] for name in _TEXTS["knowledge"]))
        if own and not used & {asks, answers}:
            used |= {asks, answers}
            gone.append(asks)
            questions.append(_Question(own, answer["number"], answer["language"]))
    return _HeldOut(frame.drop(index=frame.index[gone]).reset_index(drop=True), questions)


def _own_words(text: str, other: str) -> str:
    """Return a text without the names and codes that its translation holds too: they would answer alone."""
    shared = other.lower()
    return re.sub(r"[!-~]+", lambda word: " " if word[0].lower() in shared else word[0], text).strip()


def _taken(text: str, part: _Part) -> tuple[str, str]:
    """Return what is asked for of a text, empty if it has none, and what stays in its record."""
    if part == "all":
        return (text if text.strip() else ""), ""
    stays, question = halves(text) or (text, "")
    return question, stays


def _learned(trial: Retriever, held: Mapping[Corpus, _HeldOut]) -> Iterator[tuple[Corpus, Fusion]]:
    for corpus, part in held.items():
        if len(part.questions) < _FEWEST_QUESTIONS:
            continue
        known = []
        for asked in part.questions:
            numbers, signals = trial.measure([asked.text], corpus, Filters(language=asked.language))[0]
            if asked.answer in numbers:
                known.append((signals, numbers.index(asked.answer)))
        yield corpus, Fusion.learned(trial.signals(corpus), known)
