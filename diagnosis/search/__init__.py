"""Search: the history encoder, the vector and the lexical index, and their fusion into one ranked list."""

from diagnosis.search.catalogue import Filters
from diagnosis.search.encoder import HistoryEncoder
from diagnosis.search.fusion import Fusion
from diagnosis.search.general_encoder import GeneralEncoder
from diagnosis.search.index import VectorIndex
from diagnosis.search.lexical import LexicalIndex
from diagnosis.search.measured import Corpus
from diagnosis.search.pairs import training_pairs
from diagnosis.search.retriever import Hit, Retriever

__all__ = [
    "Corpus",
    "Filters",
    "Fusion",
    "GeneralEncoder",
    "HistoryEncoder",
    "Hit",
    "LexicalIndex",
    "Retriever",
    "VectorIndex",
    "training_pairs",
]
