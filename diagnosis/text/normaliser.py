"""TextNormaliser: one clean string an incident, as every part that learns sees it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from diagnosis.errors import InputError, NotFittedError
from diagnosis.text.boilerplate import BoilerplateFilter
from diagnosis.text.cleaning import clean

_FILE = "normaliser.json"


class TextNormaliser:
    """Cleans short description and description and strips the corpus's boilerplate.

    Parameters
    ----------
    strip_boilerplate : bool
        Whether to learn and strip boilerplate.
    max_chars : int
        How much of a text is read once its markup is gone; the rest of a longer one is left out.
    boilerplate : BoilerplateFilter or None
        The filter to fit; None is one with its defaults.
    """

    def __init__(
        self, strip_boilerplate: bool = True, max_chars: int = 20_000, boilerplate: BoilerplateFilter | None = None
    ) -> None:
        self.strip_boilerplate = strip_boilerplate
        self.max_chars = max_chars
        self.boilerplate = boilerplate

    def fit(self, short_descriptions: Sequence[str], descriptions: Sequence[str]) -> Self:
        """Learn the boilerplate of the descriptions; a short description is always content."""
        _check_lengths(short_descriptions, descriptions)
        self.boilerplate_ = self.boilerplate or BoilerplateFilter()
        self.boilerplate_.fit(self._clean(descriptions) if self.strip_boilerplate else [])
        return self

    def transform(self, short_descriptions: Sequence[str], descriptions: Sequence[str]) -> list[str]:
        """Return one string an incident: short description, new line, description, the same words said once."""
        _check_lengths(short_descriptions, descriptions)
        titles, bodies = self.normalise_titles(short_descriptions), self.normalise_texts(descriptions)
        return [joined(title, body) for title, body in zip(titles, bodies, strict=True)]

    def normalise_titles(self, titles: Sequence[str]) -> list[str]:
        """Return short descriptions or titles cleaned, each on one line."""
        return [" ".join(title.split()) for title in self._clean(titles)]

    def normalise_texts(self, texts: Sequence[str]) -> list[str]:
        """Return plain texts (queries, articles) cleaned and without boilerplate.

        Raises
        ------
        NotFittedError
            Before `fit` or `load`.
        """
        if not hasattr(self, "boilerplate_"):
            raise NotFittedError("TextNormaliser was used before fit or load")
        cleaned = self._clean(texts)
        return self.boilerplate_.transform(cleaned) if self.strip_boilerplate else cleaned

    def save(self, folder: Path) -> None:
        """Write settings and boilerplate into ``folder`` as JSON."""
        settings = {"strip_boilerplate": self.strip_boilerplate, "max_chars": self.max_chars}
        (folder / _FILE).write_text(json.dumps(settings), encoding="utf-8")
        self.boilerplate_.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        InputError
            If a file is missing or is not what `save` writes.
        """
        try:
            settings = json.loads((folder / _FILE).read_text(encoding="utf-8"))
            loaded = cls(settings["strip_boilerplate"], settings["max_chars"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"expected settings as saved by TextNormaliser in {_FILE}; found {error!r}") from error
        loaded.boilerplate_ = BoilerplateFilter.load(folder)
        return loaded

    def _clean(self, texts: Sequence[str]) -> list[str]:
        return [clean(text, self.max_chars) for text in texts]


def joined(title: str, body: str) -> str:
    """Return a title and a body as one text, the same words said once."""
    if not title or not body:
        return title or body
    return body if _begins_with(body, title) else f"{title}\n{body}"


def _begins_with(body: str, title: str) -> bool:
    """Tell whether the words of the title begin the body; "fan" does not begin "fantastic noise"."""
    if not body.casefold().startswith(title.casefold()):
        return False
    seam = body[len(title) - 1 : len(title) + 1]
    return not (len(seam) == 2 and seam.isascii() and seam.isalnum())


def _check_lengths(short_descriptions: Sequence[str], descriptions: Sequence[str]) -> None:
    if len(short_descriptions) != len(descriptions):
        raise InputError(
            "expected as many short descriptions as descriptions; "
            f"found {len(short_descriptions)} and {len(descriptions)}"
        )
