"""Fit the history encoder: a tokenizer and a static embedding, from pairs of the organisation's own texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding
from tokenizers import Tokenizer

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.search import GeneralEncoder, HistoryEncoder
from diagnosis.search.signals import Encoder
from training.fitting.initial_vectors import MULTILINGUAL, MultilingualWords, distilled, spectral
from training.fitting.tokenizer import fit_tokenizer

Progress = Callable[[int, int], None]
Ids = npt.NDArray[np.int64]

_BATCH = 256
_EPOCHS = 10
_MIN_STEPS = 200
MAX_STEPS = 8_000
_LEARNING_RATE = 0.01
_WARM_UP = 0.1  # share of the steps
_TOKEN_DROP = 0.3
_SCALE = 20.0  # inverse temperature
_INITIAL_SPREAD = 0.05  # small beside the learning rate: what pairs teach soon outweighs chance
_SPECTRAL_SPREAD = 0.1  # what stands together is worth keeping longer,
_FEW_PAIRS = 2_000  # if few pairs are there to teach it: with 1,500 it was measured to help, with 5,800 to harm
_MAX_TOKENS = 512  # of one text; a longer one gives another window of itself in every epoch


def fit_history_encoder(
    pairs: Sequence[tuple[str, str]],
    corpus: Sequence[str],
    *,
    dimensions: int = 256,
    max_steps: int = MAX_STEPS,
    seed: int = 0,
    start: Path | str | Encoder | None = None,
    progress: Progress | None = None,
) -> HistoryEncoder:
    """Return an encoder in which the two texts of a pair lie close and other texts far.

    Parameters
    ----------
    pairs : sequence of (str, str)
        See `training.fitting.pairs.training_pairs`.
    corpus : sequence of str
        Every text that will be searched or asked; the tokenizer is fitted on it and on the pairs.
    dimensions : int
        Length of a vector; with ``start``, at most the dimensions of that model.
    max_steps : int
        The budget: ten passes over the pairs, but at most so many steps of 256 pairs. Counted in steps and not in
        seconds, so that the same data and seed give the same vectors on a busy machine.
    seed : int
    start : Path, str or Encoder, optional
        A general model to distil the first vectors from, where `GeneralEncoder` finds it, or ``"multilingual"``, see
        `MultilingualWords`; without, they are random, or, where pairs are few, come from the texts themselves, see
        `spectral`.
    progress : callable of (done, total), optional

    Returns
    -------
    HistoryEncoder
        From a handful of texts too: what no pair has taught stays close to which words stand together.

    Raises
    ------
    InputError
        If there is no text at all, or ``start`` is not here.

    References
    ----------
    Henderson et al., "Efficient natural language response suggestion for Smart Reply", 2017 (the loss).
    """
    texts = list(dict.fromkeys([*corpus, *(side for pair in pairs for side in pair)]))
    if not any(text.strip() for text in texts):
        raise InputError(Phrase("encoder_without_texts"))
    with _one_thread():
        module = _first(texts, pairs, dimensions, seed, start)
    sides = [_token_ids(module.tokenizer, [pair[side] for pair in pairs]) for side in (0, 1)]
    usable = np.array([i for i, (a, b) in enumerate(zip(*sides, strict=True)) if len(a) and len(b)], dtype=np.intp)
    if len(usable) > 1:
        texts_of = _numbered([pairs[i] for i in usable])
        with _one_thread():
            _train(module, [[side[i] for i in usable] for side in sides], texts_of, max_steps, seed, progress)
    return HistoryEncoder(module.tokenizer, module.embedding.weight.detach().numpy())


def _first(
    texts: Sequence[str],
    pairs: Sequence[tuple[str, str]],
    dimensions: int,
    seed: int,
    start: Path | str | Encoder | None,
) -> StaticEmbedding:
    """Return vectors to begin with: of a general model, of what stands together where pairs are few, or by chance."""
    tokenizer = fit_tokenizer(texts)
    counts = np.ones(tokenizer.get_vocab_size())
    of_text = dict(zip(texts, _token_ids(tokenizer, texts), strict=True))
    for ids in of_text.values():
        counts[np.unique(ids)] += 1
    if start is not None:
        general = _general(start)
        weights = distilled(tokenizer, counts, general, dimensions) * np.float32(_INITIAL_SPREAD)
        return StaticEmbedding(tokenizer, embedding_weights=weights)
    # Longer for rarer tokens: untrained, their mean is a bag of telling words.
    chance = np.random.default_rng(seed).standard_normal((len(counts), dimensions), dtype=np.float32)
    idf = np.log((1 + len(texts)) / counts)
    weights = chance * (idf / idf.mean()).astype(np.float32)[:, None] * np.float32(_INITIAL_SPREAD)
    if len(pairs) < _FEW_PAIRS:
        paired = {side for pair in pairs for side in pair}
        together = [np.concatenate([of_text[side] for side in pair]) for pair in pairs]
        documents = [*together, *(ids for text, ids in of_text.items() if text not in paired)]
        semantic = spectral(documents, len(counts), dimensions, seed) * np.float32(_SPECTRAL_SPREAD)
        weights = np.where(semantic.any(axis=1, keepdims=True), semantic, weights)
    return StaticEmbedding(tokenizer, embedding_weights=weights)


def _general(start: Path | str | Encoder) -> Encoder:
    if start == MULTILINGUAL:
        return MultilingualWords()
    return GeneralEncoder(str(start)) if isinstance(start, Path | str) else start


def _token_ids(tokenizer: Tokenizer, texts: Sequence[str]) -> list[Ids]:
    encodings = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    return [np.array(encoding.ids, dtype=np.int64) for encoding in encodings]


def _numbered(pairs: Sequence[tuple[str, str]]) -> npt.NDArray[np.intp]:
    """Return a number for each text of each pair, equal for equal texts; shape (n_pairs, 2)."""
    numbers: dict[str, int] = {}
    return np.array([[numbers.setdefault(text, len(numbers)) for text in pair] for pair in pairs], dtype=np.intp)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Train on one thread: sums of several differ with their number, and so small steps gain nothing from more."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)


def _train(
    module: StaticEmbedding,
    sides: Sequence[list[Ids]],
    texts_of: npt.NDArray[np.intp],
    max_steps: int,
    seed: int,
    progress: Progress | None,
) -> None:
    model = SentenceTransformer(modules=[module, Normalize()], device="cpu")
    loss = MultipleNegativesRankingLoss(
        model, scale=_SCALE, directions=("query_to_doc", "doc_to_query"), partition_mode="per_direction"
    )
    rng = np.random.default_rng(seed)
    # Fused: the step over the whole vocabulary is most of the time, and one pass over it takes a sixth of several.
    optimiser = torch.optim.Adam(module.parameters(), lr=_LEARNING_RATE, fused=True)
    batch = min(_BATCH, len(texts_of))
    steps = int(np.clip(_EPOCHS * len(texts_of) / batch, min(_MIN_STEPS, max_steps), max_steps))
    batches = _batches(texts_of, batch, rng)
    step = 0
    while step < steps:
        rows = next(batches)
        for group in optimiser.param_groups:
            group["lr"] = _LEARNING_RATE * _schedule(step / steps)
        features = [_features([side[i] for i in rows], rng) for side in sides]
        optimiser.zero_grad()
        loss(features, torch.empty(0)).backward()
        optimiser.step()
        step += 1
        if progress is not None:
            progress(step, steps)


def _schedule(share: float) -> float:
    """Return the share of the learning rate: up during the first tenth of the steps, then down to nothing."""
    return float(min(share / _WARM_UP, 1 - share) if share < _WARM_UP else 1 - share)


def _batches(texts_of: npt.NDArray[np.intp], size: int, rng: np.random.Generator) -> Iterator[list[int]]:
    """Yield rows for ever, each batch without the same text twice: it would be its own negative."""
    while True:
        batch: list[int] = []
        texts_in_batch: set[int] = set()
        for row in rng.permutation(len(texts_of)).tolist():
            pair = texts_of[row].tolist()
            if not texts_in_batch.isdisjoint(pair):
                continue  # its turn comes in another round
            batch.append(row)
            texts_in_batch.update(pair)
            if len(batch) == size:
                yield batch
                batch, texts_in_batch = [], set()
        if batch:
            yield batch


def _features(texts: Sequence[Ids], rng: np.random.Generator) -> dict[str, torch.Tensor]:
    """Return the tokens of a batch as `StaticEmbedding` takes them, some left out so that no single one decides."""
    windows = [_window(tokens, rng) for tokens in texts]
    owners = np.repeat(np.arange(len(windows)), [len(tokens) for tokens in windows])
    tokens = np.concatenate(windows)
    is_kept = rng.random(len(tokens)) >= _TOKEN_DROP
    is_kept[np.unique(owners, return_index=True)[1]] = True  # never an empty text
    lengths = np.bincount(owners[is_kept], minlength=len(windows))
    offsets = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    return {"input_ids": torch.from_numpy(tokens[is_kept]), "offsets": torch.from_numpy(offsets)}


def _window(tokens: Ids, rng: np.random.Generator) -> Ids:
    if len(tokens) <= _MAX_TOKENS:
        return tokens
    first = int(rng.integers(len(tokens) - _MAX_TOKENS + 1))
    return tokens[first : first + _MAX_TOKENS]
