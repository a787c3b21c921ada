"""A fitted router as plain files: one JSON document, and a NumPy file for each array, which stays mapped from disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from diagnosis.errors import InputError

_DOCUMENT = "router.json"


def write_object(value: object, folder: Path) -> None:
    """Write an object of dataclasses, dicts, sequences, arrays and plain values into an empty folder."""
    writer = _Writer(folder)
    document = writer.encode(value)
    (folder / _DOCUMENT).write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


def read_object(folder: Path, classes: Mapping[str, type]) -> object:
    """Read what `write_object` wrote; only objects of the given classes, by name, are made."""
    document = json.loads((folder / _DOCUMENT).read_text(encoding="utf-8"))
    return _Reader(folder, classes).decode(document)


def _state(value: object) -> dict[str, Any]:
    """Return the attributes of an object, without what it remembers of the last incident."""
    if is_dataclass(value) and hasattr(type(value), "__slots__"):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    state: dict[str, Any] = value.__getstate__()  # type: ignore[assignment]
    return state


class _Writer:
    """Encodes values as JSON; an object that stands in two places is written once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.places: dict[int, int] = {}
        self.n_arrays = 0

    def encode(self, value: Any) -> Any:  # noqa: ANN401, PLR0911 - any value of a fitted part, each kind with its form
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, np.generic):
            return {"scalar": value.item(), "type": value.dtype.str}
        if isinstance(value, np.ndarray):
            return {"strings": value.tolist()} if value.dtype == object else self._array(value)
        if isinstance(value, frozenset):
            return {"set": sorted(value)}
        if isinstance(value, tuple | list):
            return {type(value).__name__: [self.encode(part) for part in value]}
        if isinstance(value, Mapping):
            if [*value.values()] == [*range(len(value))] and all(isinstance(key, str) for key in value):
                return {"index": [*value]}
            return {"mapping": [[self.encode(key), self.encode(part)] for key, part in value.items()]}
        return self._object(value)

    def _array(self, array: npt.NDArray[Any]) -> dict[str, Any]:
        self.n_arrays += 1
        np.save(self.folder / f"{self.n_arrays}.npy", array, allow_pickle=False)
        return {"array": self.n_arrays}

    def _object(self, value: object) -> dict[str, Any]:
        if id(value) in self.places:
            return {"same": self.places[id(value)]}
        place = self.places[id(value)] = len(self.places)
        state = {name: self.encode(part) for name, part in _state(value).items()}
        return {"class": type(value).__name__, "place": place, "state": state}


class _Reader:
    """Decodes what `_Writer` encoded."""

    def __init__(self, folder: Path, classes: Mapping[str, type]) -> None:
        self.folder, self.classes = folder, classes
        self.objects: dict[int, object] = {}

    def decode(self, value: Any) -> Any:  # noqa: ANN401, PLR0911 - as above
        if not isinstance(value, dict):
            return value
        if "class" in value:
            return self._object(value)
        if "scalar" in value:
            return np.dtype(value["type"]).type(value["scalar"])
        ((kind, content),) = value.items()
        match kind:
            case "same":
                return self.objects[content]
            case "array":
                # A plain array over the mapped file is quicker to index than a memmap.
                return np.asarray(np.load(self.folder / f"{content}.npy", mmap_mode="c", allow_pickle=False))
            case "strings":
                return np.array(content, dtype=object)
            case "set":
                return frozenset(content)
            case "index":
                return {key: number for number, key in enumerate(content)}
            case "mapping":
                return {self.decode(key): self.decode(part) for key, part in content}
        parts = [self.decode(part) for part in content]
        return tuple(parts) if kind == "tuple" else parts

    def _object(self, value: dict[str, Any]) -> object:
        name = value["class"]
        if name not in self.classes:
            raise InputError(f"expected an object of {', '.join(sorted(self.classes))}; found {name}")
        made: object = object.__new__(self.classes[name])
        self.objects[value["place"]] = made
        for attribute, part in value["state"].items():
            object.__setattr__(made, attribute, self.decode(part))
        return made
