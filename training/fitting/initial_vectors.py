"""First vectors of the history encoder: of a general model, or of which words stand together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.decomposition import PCA
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits
from tokenizers import Tokenizer

from diagnosis.prepared import Vectors
from diagnosis.search.signals import Encoder

_COMMON = 1e-3  # share of all tokens at which a token counts half


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
