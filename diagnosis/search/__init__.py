"""Search: the history encoder, the vector and the lexical index, and their fusion into one ranked list."""

from diagnosis.search.coverage import Coverage
from diagnosis.search.encoder import GeneralEncoder, HistoryEncoder
from diagnosis.search.fusion import Fusion
from diagnosis.search.index.bm25 import LexicalIndex
from diagnosis.search.index.metadata import Filters
from diagnosis.search.index.vectors import VectorIndex
from diagnosis.search.retriever import Answer, Hit, Retriever
from diagnosis.search.signals import Corpus

__all__ = [
    "Answer",
    "Corpus",
    "Coverage",
    "Filters",
    "Fusion",
    "GeneralEncoder",
    "HistoryEncoder",
    "Hit",
    "LexicalIndex",
    "Retriever",
    "VectorIndex",
]
