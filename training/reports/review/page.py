"""A review as a page: HTML in one file that opens anywhere and prints on A4."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnosis.phrases import Language
from diagnosis.review import Words
from training.reports.page import render
from training.reports.review.layout import sections
from training.reports.review.plots import drawing


def review_page(content: Mapping[str, Any], language: str) -> str:
    """Return a review, new or frozen, as a page in one language.

    Parameters
    ----------
    content : mapping
        As `diagnosis.review.review_quarter` returned it.
    language : str
        ``"en"`` or ``"zh"``.
    """
    words = Words(language)
    parts = sections(content, words)
    drawings = {part.key: drawing(part.plot, content, words) for part in parts if part.plot}
    shown: Language = "zh" if words.language == "zh" else "en"
    return render("review.html", shown, content=content, parts=parts, drawings=drawings, words=words)
