"""Pages: Jinja2 templates with the words of one language, and what the templates need to show numbers and times."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import files
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from api.console.messages import MESSAGES, Language, language_for
from api.console.navigation import entries_for, is_current
from diagnosis.phrases import Phrase, in_words, percent, reason_of, warnings_of
from diagnosis.recurrence.fitted import USUAL_HORIZON

LANGUAGE_COOKIE = "faultwise_language"
THEME_COOKIE = "faultwise_theme"
THEMES = ("light", "dark")
STATIC = files("api.console").joinpath("static")

_templates = Environment(
    loader=PackageLoader("api", "console/templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def language_of(request: Request) -> Language:
    """Return the language of a request: chosen, or accepted by the browser."""
    return language_for(request.cookies.get(LANGUAGE_COOKIE), request.headers.get("accept-language", ""))


def page(
    request: Request,
    name: str,
    status: int = 200,
    notice: str = "",
    **variables: Any,  # noqa: ANN401
) -> Response:
    """Return a page in the language of the request.

    Parameters
    ----------
    name : str
        Template in `templates/`.
    notice : str
        Key of a message to show on top; ``""`` for none.
    **variables
        Variables of the template.
    """
    language = language_of(request)
    messages = MESSAGES[language]
    theme = request.cookies.get(THEME_COOKIE, "")
    context = {
        "agent": None,
        "actions": "/console",
        **variables,
        "msg": messages,
        "language": language,
        "notice": messages[notice] if notice else "",
        "theme": theme if theme in THEMES else "",
        "address": current_address(request),
        "version": VERSION,
    }
    headers = {"Vary": "Accept-Language, Cookie", "Content-Language": language}
    return HTMLResponse(_templates.get_template(name).render(context), status, headers)


def computing_page(request: Request, agent: Any, path: str = "") -> Response:  # noqa: ANN401 - who is signed in
    """Say that something is being computed for the first time; the browser then loads the path, or this page, again."""
    waiting = page(request, "message.html", 503, notice="computing", agent=agent)
    waiting.headers["Refresh"] = f"5; url={path}" if path else "5"
    return waiting


def current_address(request: Request) -> str:
    """Return the path and query of the page that a person looks at, also when htmx asks for a part of it."""
    page_url = urlsplit(request.headers.get("hx-current-url", ""))
    path, query = (page_url.path, page_url.query) if page_url.path else (request.url.path, request.url.query)
    return path + (f"?{query}" if query else "")


def local_path(address: str) -> str:
    """Return an address if it is a path of this site, else the first page: nobody is sent elsewhere.

    Browsers leave tabs and line ends out of an address and read a backslash as a slash, so that ``/<tab>/elsewhere``
    leads elsewhere.
    """
    is_local = address.startswith("/") and not address.startswith("//")
    return address if is_local and "\\" not in address and address.isprintable() else "/"


def is_part(request: Request) -> bool:
    """Whether htmx asks for a part of a page rather than a browser for all of it."""
    return request.headers.get("hx-request") == "true"


def percent_or_dash(share: float | None) -> str:
    """Return a share as whole percent; a dash for none."""
    return "–" if share is None else percent(share)


def usual_days(risk: Mapping[str, Any]) -> int:
    """Return the horizon that the average of a recurrence risk is of."""
    return min((int(horizon["days"]) for horizon in risk["horizons"]), key=lambda days: abs(days - USUAL_HORIZON))


def utc_minute(moment: str | datetime | None) -> str:
    """Return a time to the minute, in UTC; what is no time as it is."""
    time = _in_utc(moment)
    return str(moment or "") if time is None else f"{time:%Y-%m-%d %H:%M} UTC"


def time_tag(moment: str | datetime | None) -> Markup:
    """Return a time as HTML: in UTC, which the page's script puts into the reader's own time zone."""
    time = _in_utc(moment)
    if time is None:
        return escape(utc_minute(moment))
    return Markup('<time datetime="{}" data-local>{}</time>').format(f"{time:%Y-%m-%dT%H:%MZ}", utc_minute(time))


def _in_utc(moment: str | datetime | None) -> datetime | None:
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError:
            return None
    return moment.astimezone(UTC) if moment else None


def time_ago(moment: str, messages: dict[str, str]) -> str:
    """Return how long ago a moment was, in words."""
    minutes = int((datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds() // 60)
    if minutes < 1:
        return messages["ago_now"]
    if minutes < 60:
        return messages["ago_minutes"].format(minutes)
    hours, days = minutes // 60, minutes // 1440
    return messages["ago_hours"].format(hours) if hours < 48 else messages["ago_days"].format(days)


def label(name: str, messages: dict[str, str]) -> str:
    """Return what a field is called; one of the organisation's own keeps its name."""
    return messages.get(f"field_{name}", name)


def factor(shown: Mapping[str, Any], language: Language) -> str:
    """Return what a recurrence factor is called in a language; one stored without a code keeps its name."""
    return in_words(Phrase(shown["code"]), language) if shown.get("code") else str(shown["name"])


def marked(parts: list[tuple[str, bool]]) -> Markup:
    """Return text with the parts that match marked, everything else escaped."""
    return Markup("").join(Markup("<mark>{}</mark>").format(text) if match else escape(text) for text, match in parts)


def in_path(part: str) -> str:
    """Return text as one segment of a path."""
    return quote(part, safe="")


def _version() -> str:
    # In the address of every static file, so that a browser keeps it for a year and never shows an old one.
    every = sorted((path for path in STATIC.iterdir() if path.is_file()), key=lambda path: path.name)
    return sha256(b"".join(path.read_bytes() for path in every)).hexdigest()[:12]


VERSION = _version()
_templates.filters |= {
    "percent": percent_or_dash,
    "usual_days": usual_days,
    "time_tag": time_tag,
    "time_ago": time_ago,
    "label": label,
    "marked": marked,
    "factor": factor,
    "in_path": in_path,
    "reason_of": reason_of,
    "warnings_of": warnings_of,
    "entries": entries_for,
}
_templates.tests["current"] = is_current
