"""KnowledgeArticle: a documented symptom, cause and resolution. Many articles are a frame, as incidents are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import pandas as pd

from diagnosis.arrays import Bools
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.times import utc_now

KNOWLEDGE_FIELDS = (
    "number",
    "title",
    "symptoms",
    "cause",
    "resolution",
    "service",
    "audience",
    "language",
    "translation_of",
    "keywords",
    "owner",
    "review_at",
    "valid_to",
)
ENDS_SOON = 31  # days: an article that ends within them is to be looked at now
KNOWLEDGE_TIMES = ("review_at", "valid_to")
# Keywords of a contingency plan: what to do when a service fails, and no answer to a single incident.
CONTINGENCY = re.compile(r"(?:^|[,;，；、\s])(?:contingency(?: plan)?|应急预案|应急)(?=$|[,;，；、\s])", re.IGNORECASE)
# Keywords of an article that a person has ended for good.
_RETIRED = re.compile(r"(?:^|[,;，；、\s])(?:retired|已停用|已废止|停用)(?=$|[,;，；、\s])", re.IGNORECASE)
# A line of such a plan that says whom to call.
CONTACT_LINE = re.compile(r"^\s*(?:call|contacts?|联系人|联系|电话)\s*[:：]\s*(.+)$", re.IGNORECASE | re.MULTILINE)
AUDIENCES = ("internal", "self_service")


@dataclass(frozen=True, slots=True)
class KnowledgeArticle:
    """One article of the knowledge base; ``""`` or ``None`` is "not known"."""

    number: str
    title: str = ""
    symptoms: str = ""
    cause: str = ""
    resolution: str = ""
    service: str = ""
    audience: str = ""
    language: str = ""
    translation_of: str = ""
    keywords: str = ""
    owner: str = ""
    review_at: datetime | None = None
    valid_to: datetime | None = None


def is_expired(article: Mapping[str, Any]) -> bool:
    """Whether the validity of an article, given as stored fields with times as ISO 8601, is over."""
    return str(article.get("valid_to") or "9999") < utc_now().isoformat()


def answering_articles(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the articles of a canonical frame that may answer an incident: all but contingency plans.

    Examples
    --------
    >>> keywords = {"KB1": "VPN, contingency", "KB2": "应急预案，邮件", "KB3": "mail"}
    >>> frame = as_knowledge_frame([KnowledgeArticle(number, keywords=words) for number, words in keywords.items()])
    >>> answering_articles(frame)["number"].tolist()
    ['KB3']
    """
    return frame[~frame["keywords"].astype("str").str.contains(CONTINGENCY)]


def ended_articles(frame: pd.DataFrame, moment: pd.Timestamp) -> tuple[Bools, Bools]:
    """Return which articles of a canonical frame are valid no more, and which of those a person has retired.

    What is retired has a keyword that says so beside its end. It counts as retired a month before that end too, so that
    it does for who looks at a history that stops shortly before.

    Examples
    --------
    >>> ends = pd.Timestamp("2026-05-01", tz="UTC")
    >>> articles = [KnowledgeArticle(words, keywords=words, valid_to=ends) for words in ("vpn", "vpn, retired")]
    >>> ended, retired = ended_articles(as_knowledge_frame(articles), pd.Timestamp("2026-06-01", tz="UTC"))
    >>> ended.tolist(), retired.tolist()
    ([True, True], [False, True])
    """
    marked = frame["keywords"].astype("str").str.contains(_RETIRED).to_numpy(dtype=bool)
    retired = marked & (frame["valid_to"] < moment + pd.Timedelta(days=ENDS_SOON)).to_numpy(dtype=bool)
    return (frame["valid_to"] < moment).to_numpy(dtype=bool) | retired, retired


def retired_keywords(keywords: str, language: str) -> str:
    """Return the keywords of an article with the word that says, in its language, that it is retired."""
    if _RETIRED.search(keywords):
        return keywords
    word, comma = ("已停用", "，") if language.startswith("zh") else ("retired", ", ")
    return comma.join(filter(None, [keywords.strip(), word]))


def as_knowledge_frame(articles: Iterable[KnowledgeArticle] | pd.DataFrame) -> pd.DataFrame:
    """Return articles as a frame with every column of `KNOWLEDGE_FIELDS`, extra columns kept behind.

    Raises
    ------
    InputError
        If a frame has no ``number`` column.
    """
    if isinstance(articles, pd.DataFrame):
        frame = articles.reset_index(drop=True)
        if "number" not in frame:
            found = tuple(map(str, frame.columns)) or Phrase("none_found")
            raise InputError(Phrase("articles_without_number", {"columns": found}))
    else:
        names = [f.name for f in fields(KnowledgeArticle)]
        frame = pd.DataFrame([[getattr(a, n) for n in names] for a in articles], columns=names)
    columns: dict[str, pd.Series[Any]] = {}
    for name in KNOWLEDGE_FIELDS:
        column = frame[name] if name in frame else pd.Series(None, index=frame.index, dtype="object")
        if name in KNOWLEDGE_TIMES:
            columns[name] = pd.to_datetime(column, utc=True, format="ISO8601").astype("datetime64[us, UTC]")
        else:
            columns[name] = column.astype("str").where(column.notna(), "").astype("str")
    extra = {name: frame[name] for name in frame.columns if name not in KNOWLEDGE_FIELDS}
    return pd.DataFrame({**columns, **extra}, index=pd.RangeIndex(len(frame)))
