"""How good search is: where it finds the article that answers a question, beside plain TF-IDF."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer

from diagnosis.arrays import Floats
from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.text import tokenise
from training.evaluation.predictions import SEARCH_DEPTH, place_of

_ARTICLE_FIELDS = ("title", "symptoms", "cause", "keywords", "resolution")


def ranks_of_questions(diagnoser: Diagnoser, questions: pd.DataFrame) -> Floats:
    """Return the place of each question's article among the first `SEARCH_DEPTH` hits, from 1; NaN if it is not there.

    Parameters
    ----------
    questions : DataFrame
        Canonical frame of questions; ``knowledge`` is the number of the article that answers each.

    Raises
    ------
    InputError
        If no question names an article that the release holds.
    """
    known = [number in diagnoser.parts.knowledge for number in questions["knowledge"]]
    labelled = questions[np.array(known, dtype=bool)].reset_index(drop=True)
    if labelled.empty:
        names = tuple(questions["knowledge"].drop_duplicates().head(3)) or Phrase("none_found")
        raise InputError(Phrase("questions_without_article", {"release": diagnoser.release, "articles": names}))
    answers = diagnoser.answers_for(labelled, "knowledge", SEARCH_DEPTH)
    return _ranks(labelled["knowledge"].tolist(), [[hit.number for hit in answer.hits] for answer in answers])


def tfidf_ranks(diagnoser: Diagnoser, texts: Sequence[str], articles: Sequence[str]) -> Floats:
    """Return the ranks of the same articles by the cosine of TF-IDF vectors: what plain search by words finds.

    Parameters
    ----------
    texts, articles : sequence of str
        Each question, and the number of the article that answers it.
    """
    knowledge = diagnoser.parts.knowledge.frame()
    words = knowledge[list(_ARTICLE_FIELDS)].astype("str").fillna("").agg(" ".join, axis=1)
    vectorizer = TfidfVectorizer(analyzer=tokenise, sublinear_tf=True)
    matrix = vectorizer.fit_transform(words)
    scores = vectorizer.transform(texts) @ matrix.T
    numbers = knowledge["number"].to_numpy(dtype=object)
    best = [numbers[np.argsort(-row, kind="stable")[:SEARCH_DEPTH]].tolist() for row in scores.toarray()]
    return _ranks(articles, best)


def _ranks(articles: Sequence[str], numbers: Sequence[list[str]]) -> Floats:
    pairs = zip(articles, numbers, strict=True)
    return np.array([place_of(article, hits) for article, hits in pairs], dtype=np.float64)
