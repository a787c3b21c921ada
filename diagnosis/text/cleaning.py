"""One text without what was wrapped around it: markup, mail headers, quoted history, signatures, disclaimers."""

from __future__ import annotations

import re
from functools import lru_cache

from diagnosis.text.mail import newest_message
from diagnosis.text.markup import without_markup

_INVISIBLE = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]"
)
_SPACES = re.compile("[ \t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
_IMAGE = re.compile(r"\[cid:[^\]\n]*\]|\[(?:image|图片|bild)\]", re.IGNORECASE)
_LINK_ECHO = re.compile(r"<(?:mailto:|tel:)[^<>\n]*>", re.IGNORECASE)
_RULE = re.compile(r"^(?!--$)[\s_=*~#-]*$")
_EMPTY_LINES = re.compile(r"\n{2,}")


@lru_cache(maxsize=256)  # an incident is cleaned when it is diagnosed, and when it is taken in a moment later
def clean(text: str, limit: int | None = None) -> str:
    """Return what a person wrote of the fault: no markup, quoted history, signature or disclaimer.

    Error codes, product names, paths and stack traces stay as they are. A text whose every part looks like wrapping is
    cleaned less, so that the result is empty only if the text has no letter and no digit.

    Parameters
    ----------
    text : str
    limit : int or None
        Characters to read once the markup is gone; the source of a picture or a style sheet counts for nothing.

    Examples
    --------
    >>> clean("<p>VPN&nbsp;连不上</p><p>谢谢</p><p>张三</p>")
    'VPN 连不上'
    """
    words = _INVISIBLE.sub("", without_markup(text).replace("\r\n", "\n").replace("\r", "\n"))
    plain = _tidy(words[:limit])
    visible = plain if plain or not _has_content(text) else _tidy(text[:limit])
    message = _tidy(newest_message(visible))
    return message if _has_content(message) or not _has_content(visible) else visible


def one_line(text: str) -> str:
    r"""Return what is visible of a text, on one line.

    Examples
    --------
    >>> one_line("a \u202eb\n c")
    'a b c'
    """
    return " ".join(_INVISIBLE.sub("", text).split())


def _tidy(text: str) -> str:
    text = _LINK_ECHO.sub("", _IMAGE.sub("", text))
    lines = (_SPACES.sub(" ", line).strip() for line in text.split("\n"))
    return _EMPTY_LINES.sub("\n", "\n".join(line for line in lines if not _RULE.match(line))).strip()


def _has_content(text: str) -> bool:
    return any(char.isalnum() for char in text)
