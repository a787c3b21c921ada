"""Reasons and warnings of a stored diagnosis in the language of the person who reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.console.messages import Language
from diagnosis.phrases import Phrase, in_words


def reason_of(prediction: Mapping[str, Any], language: Language) -> tuple[str, Language]:
    """Return why a prediction is not automatic, and the language of that sentence.

    Diagnoses that were stored without a code have their English sentence alone.
    """
    if code := prediction.get("reason_code"):
        phrase = Phrase.from_dict({"code": code, "values": prediction["reason_values"]})
        return in_words(phrase, language), language
    return prediction["reason"], "en"


def warnings_of(diagnosis: Mapping[str, Any], language: Language) -> list[tuple[str, Language]]:
    """Return the warnings of a diagnosis, each with the language of its sentence."""
    if phrases := diagnosis.get("warning_phrases"):
        return [(in_words(Phrase.from_dict(phrase), language), language) for phrase in phrases]
    return [(sentence, "en") for sentence in diagnosis["warnings"]]
