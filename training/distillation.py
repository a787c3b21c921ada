"""First vectors of the history encoder from a general model: what it says of each token alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA
from tokenizers import Tokenizer

from diagnosis.prepared import Vectors
from diagnosis.search.measured import Encoder

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
