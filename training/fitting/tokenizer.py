"""Fit a tokenizer on the organisation's own text: Latin words and pieces, CJK pieces, error codes whole."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from diagnosis.text.tokens import CJK

UNKNOWN = "[UNK]"
# Joined by - _ . and with a digit in it: ora-12154, 0x80070005, 10.0.19045, vpn-gw-2.
_CODE = r"(?=[a-z_.\-]*[0-9])[a-z0-9]+(?:[-_.][a-z0-9]+)*"
_WORDS = rf"{_CODE}|[{CJK}]+|[^\W\d_{CJK}]+|[0-9]+"
_CAMEL = r"(?<=[a-z])(?=[A-Z])"
_MAX_WORD = 200  # characters; what is longer is no word
_MIN_COUNT = 2
_CHARACTERS_A_PIECE = 50


def fit_tokenizer(texts: Sequence[str], vocabulary_size: int | None = None) -> Tokenizer:
    """Return a tokenizer of the texts: NFKC, lower-case, ``CamelCase`` apart, longest known piece first.

    Frequent words and every code that was seen twice are one token each; what is rarer falls apart into pieces, so that
    a word never seen still means something. The pieces are those of byte-pair encoding, whose trainer gives the same
    ones at every run (the WordPiece trainer does not), applied by longest match without a mark for "inside a word":
    Chinese has no such thing, and on small knowledge bases the mark was measured to cost a fifth of the MRR.

    Parameters
    ----------
    texts : sequence of str
    vocabulary_size : int, optional
        Of words and pieces; codes come on top, at most a quarter as many. By default as many as the texts can teach:
        one for every 50 characters, between 2,000 and 20,000.

    References
    ----------
    Sennrich et al., "Neural machine translation of rare words with subword units", 2016 (byte-pair encoding).
    """
    if vocabulary_size is None:
        vocabulary_size = min(max(sum(map(len, texts)) // _CHARACTERS_A_PIECE, 2_000), 20_000)
    pieces = _with_words(models.BPE(unk_token=UNKNOWN))
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        min_frequency=_MIN_COUNT,
        special_tokens=[UNKNOWN],
        limit_alphabet=8_000,
        show_progress=False,
    )
    pieces.train_from_iterator(texts, trainer)
    vocabulary = pieces.get_vocab()
    for code in _codes(texts, vocabulary_size // 4):
        vocabulary.setdefault(code, len(vocabulary))
    longest_first = models.WordPiece(
        vocabulary, unk_token=UNKNOWN, max_input_chars_per_word=_MAX_WORD, continuing_subword_prefix=""
    )
    return _with_words(longest_first)


def _with_words(model: models.Model) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(_CAMEL), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True)
    return tokenizer


def _codes(texts: Sequence[str], limit: int) -> list[str]:
    pattern = re.compile(_CODE)
    counts = Counter(code for text in texts for code in pattern.findall(text.lower()) if len(code) <= _MAX_WORD)
    return [code for code, count in counts.most_common(limit) if count >= _MIN_COUNT]
