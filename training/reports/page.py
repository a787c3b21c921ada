"""Pages: HTML in one file that opens anywhere, without a network."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from diagnosis.phrases import Language
from training.checks import Audit
from training.command_line.wording import Wording


def render(template: str, language: Language = "en", **content: Any) -> str:  # noqa: ANN401 - what a template shows
    """Return a page in a language; every value is escaped, for names of classes come from the data."""
    environment = Environment(
        loader=PackageLoader("training.reports"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(language=language, t=Wording(language), **content)


def findings_page(audited: Audit, language: Language = "en") -> str:
    """Return the findings of an audit as a page."""
    return render("audit.html", language, audit=audited)
