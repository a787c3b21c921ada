"""The indexes of one corpus: words by BM25, vectors, and what filters look at, in segments that come and go."""
