"""Search over a knowledge base alone, masked and cleaned, to judge which incidents an article answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from diagnosis.incident import IncidentBatch, as_frame
from diagnosis.knowledge import answering_articles
from diagnosis.parts import Parts, clean_articles, clean_incidents
from diagnosis.redact import Redactor
from diagnosis.redact.records import mask_articles, mask_incidents
from diagnosis.search import HistoryEncoder, Retriever
from diagnosis.text import TextNormaliser, joined
from training.fitting.search import fit_encoder_on, fit_search

MOST_STEPS = 2_000  # of each of two encoders, where no release has one
_MOST_TAUGHT = 20_000  # newest incidents that they learn from


@dataclass(frozen=True)
class ArticleSearch:
    """Search over articles, and what is asked of it.

    Attributes
    ----------
    incidents, articles : DataFrame
        Masked.
    texts : list of str
        Cleaned: what each incident is asked with.
    """

    retriever: Retriever
    incidents: pd.DataFrame
    articles: pd.DataFrame
    texts: list[str]


def search_articles(
    incidents: pd.DataFrame,
    articles: pd.DataFrame,
    parts: Parts | None = None,
    *,
    asked: pd.DataFrame | None = None,
    max_steps: int = MOST_STEPS,
    progress: Callable[[int], object] = lambda _percent: None,
) -> ArticleSearch:
    """Return search over the articles, and what incidents are asked with.

    Parameters
    ----------
    parts : Parts, optional
        A release's, whose encoder and weights search; by default they are learned from incidents and articles.
    asked : DataFrame, optional
        Those that are asked for; by default all.
    max_steps : int
        Of each encoder that is learned.
    progress : callable
        Called with the percentage that is learned.
    """
    if parts is not None:
        redactor, normaliser, learned = parts.redactor, parts.normaliser, parts.retriever
    else:
        redactor, learned = Redactor(), None
        normaliser = TextNormaliser().fit(incidents["short_description"].tolist(), incidents["description"].tolist())
    masked_articles = mask_articles(answering_articles(articles), redactor)
    cleaned_articles = clean_articles(masked_articles, normaliser)
    questions = incidents if asked is None else asked
    masked = mask_incidents(IncidentBatch.from_frame(as_frame(questions)), redactor).frame
    cleaned = clean_incidents(IncidentBatch.from_frame(masked), normaliser).frame
    texts = [joined(*words) for words in zip(cleaned["short_description"], cleaned["description"], strict=True)]
    if learned is None:
        taught = cleaned if asked is None else _cleaned(_newest(incidents), redactor, normaliser)
        return ArticleSearch(_fitted(cleaned_articles, taught, max_steps, progress), masked, masked_articles, texts)
    retriever = Retriever(
        learned.encoder,
        general=learned.general,
        fields=learned.fields,
        weights=learned.weights,
        coverage=learned.coverage,
        seed=learned.seed,
    )
    return ArticleSearch(retriever.fit(cleaned_articles, as_frame([])), masked, masked_articles, texts)


def _cleaned(incidents: pd.DataFrame, redactor: Redactor, normaliser: TextNormaliser) -> pd.DataFrame:
    masked = mask_incidents(IncidentBatch.from_frame(as_frame(incidents)), redactor)
    return clean_incidents(masked, normaliser).frame


def _newest(incidents: pd.DataFrame) -> pd.DataFrame:
    return incidents.sort_values("opened_at", kind="stable", na_position="first").tail(_MOST_TAUGHT)


def _fitted(
    articles: pd.DataFrame, incidents: pd.DataFrame, max_steps: int, progress: Callable[[int], object]
) -> Retriever:
    rounds = 0  # of two: one for the weights of the signals, one for good

    def fit(some_articles: pd.DataFrame, some_incidents: pd.DataFrame) -> HistoryEncoder:
        nonlocal rounds
        before, rounds = 50 * rounds, rounds + 1
        show = lambda step, total: progress(before + 50 * step // total)  # noqa: E731
        return fit_encoder_on(some_articles, some_incidents, max_steps=max_steps, progress=show)

    return fit_search(articles, _newest(incidents).reset_index(drop=True), fit)
