"""Errors that a user of Faultwise can act on: each message quotes what was expected and what was found."""

from __future__ import annotations

from diagnosis.phrases import Phrase, as_written


class FaultwiseError(Exception):
    """Base of every error that is the user's to mend; anything else is a defect of ours.

    Attributes
    ----------
    phrase : Phrase
        What went wrong as a code with values; a message that was given as text has no code of its own.
    """

    def __init__(self, message: str | Phrase = "") -> None:
        super().__init__(str(message))
        self.phrase = message if isinstance(message, Phrase) else as_written(message)


class InputError(FaultwiseError, ValueError):
    """A file, a field or a value that cannot be used."""


class NotFittedError(FaultwiseError, RuntimeError):
    """A part was used before it was fitted, or calibrated before it was fitted."""


class ReleaseError(FaultwiseError):
    """A release that is missing, altered or of a version that this program does not read."""


class GateRefusedError(FaultwiseError):
    """A release that did not pass the promotion gate."""


class StoreError(FaultwiseError):
    """The database could not be reached or refused the change."""
