"""How much a term tells classes apart: what a large history knows of its words beyond how rare they are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

Floats = npt.NDArray[np.float64]
_PRIOR_COUNT = 16  # texts' worth of belief that a term stands in all classes alike
_LEAST = 0.2  # of the mean, for a term that tells nothing


def contrast(counts: sp.csr_matrix, codes: npt.NDArray[np.int64]) -> tuple[Floats, float]:
    """Return a weight for each term, one on average over all texts, and that of a term which nobody has seen.

    The square root of the Kullback-Leibler divergence of the classes of the texts that hold a term from the classes of
    all texts, shrunk towards none: a supervised term weight (Debole and Sebastiani, 2003).

    Parameters
    ----------
    counts : csr_matrix, shape (n_texts, n_terms)
    codes : ndarray of int, shape (n_texts,)
        Class of each text; -1 where it shall not speak.
    """
    heard = codes >= 0
    presence = sp.csr_matrix((np.ones(counts.nnz, np.float32), counts.indices, counts.indptr), shape=counts.shape)
    indicators = sp.csr_matrix(
        (np.ones(int(heard.sum()), np.float32), codes[heard], np.append(0, np.cumsum(heard))),
        shape=(len(codes), int(codes.max(initial=0)) + 1),
    )
    share = np.bincount(codes[heard], minlength=indicators.shape[1]) / max(int(heard.sum()), 1)
    seen = (presence.T @ indicators).tocsr()
    total = np.asarray(seen.sum(axis=1), dtype=np.float64).ravel()
    term = np.repeat(np.arange(seen.shape[0]), np.diff(seen.indptr))
    of_class = share[seen.indices]
    posterior = (seen.data + _PRIOR_COUNT * of_class) / (total[term] + _PRIOR_COUNT)
    divergence = np.bincount(term, weights=posterior * np.log(posterior / of_class), minlength=len(total))
    # Classes that a term never met keep their share of the belief, and no row of their own in a sparse matrix.
    never = 1 - np.bincount(term, weights=of_class, minlength=len(total))
    belief = _PRIOR_COUNT / (total + _PRIOR_COUNT)
    strength = np.sqrt(np.maximum(divergence + never * belief * np.log(belief), 0))
    mean = float(strength @ total / max(total.sum(), 1)) or 1.0
    return _LEAST + strength / mean, _LEAST
