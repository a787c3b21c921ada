"""Search: the history encoder, the vector and the lexical index, and their fusion into one ranked list."""

from diagnosis.search.encoder import HistoryEncoder
from diagnosis.search.index import VectorIndex
from diagnosis.search.lexical import LexicalIndex
from diagnosis.search.pairs import training_pairs

__all__ = ["HistoryEncoder", "LexicalIndex", "VectorIndex", "training_pairs"]
