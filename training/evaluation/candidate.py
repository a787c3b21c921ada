"""Candidate: a release that may go into service, and all that it is judged by, each loaded and answered once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import ReleaseError
from diagnosis.phrases import Phrase
from diagnosis.releases import Releases
from training.evaluation.comparison import Comparison, compare
from training.evaluation.held_out import HeldOut, honest_predictions
from training.evaluation.predictions import Predictions


@dataclass(frozen=True)
class Rival:
    """The release in service, and what it predicts of the incidents that a candidate was judged on.

    Attributes
    ----------
    predictions : Predictions or None
        None without held-out incidents, or where it has learned from all of them.
    """

    folder: Path
    diagnoser: Diagnoser
    predictions: Predictions | None


class Candidate:
    """A release beside the one in service.

    Parameters
    ----------
    folder : Path
        Of the release; the one in service is looked for beside it.
    held_out : HeldOut, optional
        Incidents with the release's own predictions (default: those that it was judged on before it learned from
        them).
    """

    def __init__(self, folder: Path, held_out: HeldOut | None = None) -> None:
        self.folder, self._held_out = folder, held_out

    @property
    def name(self) -> str:
        """Its name."""
        return self.folder.name

    @cached_property
    def diagnoser(self) -> Diagnoser:
        """The release itself.

        Raises
        ------
        ReleaseError
            If it cannot be loaded.
        """
        return Diagnoser.load(self.folder)

    @cached_property
    def held_out(self) -> HeldOut | None:
        """The incidents that it is judged on; None if it was trained without evaluation and none were given."""
        return HeldOut.load(self.folder) if self._held_out is None else self._held_out

    @property
    def keeps_held_out(self) -> bool:
        """Whether the incidents are those that the release keeps."""
        return self._held_out is None

    @cached_property
    def published(self) -> str | None:
        """Name of the release in service; None if there is none."""
        return Releases(self.folder.parent).published()

    @property
    def is_published(self) -> bool:
        """Whether it is in service itself."""
        return self.published == self.name

    @cached_property
    def rival(self) -> Rival | None:
        """The release in service; None if there is none, or it is this one.

        Raises
        ------
        ReleaseError
            If it cannot be loaded, as it is of an older version of this program, say.
        """
        if self.published is None or self.is_published:
            return None
        folder = Releases(self.folder.parent).path(self.published)
        diagnoser, held_out = Diagnoser.load(folder), self.held_out
        predictions = (
            None if held_out is None else honest_predictions(diagnoser, folder, held_out.incidents, held_out.as_of)
        )
        return Rival(folder, diagnoser, predictions)

    @cached_property
    def rival_problem(self) -> Phrase | None:
        """Why the release in service could not be loaded; None if it could."""
        try:
            self.rival  # noqa: B018 - loads it
        except ReleaseError as error:
            return error.phrase
        return None

    @cached_property
    def comparison(self) -> Comparison | None:
        """The release in service against this one; None where there is none, or nothing was held out."""
        if self.rival_problem or self.rival is None or self.held_out is None:
            return None
        return compare(self.rival.diagnoser, self.rival.predictions, self.name, self.held_out)
