"""KnowledgeService: the state of the knowledge base, and articles edited, reviewed and retired."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import ValidationError

from api.knowledge.board import KnowledgeBoard, KnowledgeSnapshot
from api.records.schemas import ArticleIn
from api.records.service import RecordService
from diagnosis.errors import InputError
from diagnosis.knowledge import ENDS_SOON, retired_keywords
from diagnosis.knowledge_health.gaps import Gap
from diagnosis.phrases import Phrase
from diagnosis.store.database import RecordNotFoundError
from diagnosis.text import language
from diagnosis.times import format_utc, utc_now

Upkeep = Literal["edit", "review", "retire"]
REVIEWED_FOR = timedelta(days=365)  # until the next review, where nobody says another day


class KnowledgeService:
    """Upkeep of the knowledge base.

    Parameters
    ----------
    articles : RecordService
        Of articles.
    board : KnowledgeBoard
    """

    def __init__(self, articles: RecordService[ArticleIn], board: KnowledgeBoard) -> None:
        self._articles = articles
        self._board = board

    def start(self) -> None:
        """Begin to judge in the background."""
        self._board.start()

    def stop(self) -> None:
        """End."""
        self._board.stop()

    def health(self) -> KnowledgeSnapshot:
        """Return the state of the knowledge base.

        Raises
        ------
        NothingPublishedError
            If no release is in service.
        ComputingError
            If it is being judged for the first time, and that takes longer than a request waits.
        """
        return self._board.current()

    def gap(self, name: str) -> Gap:
        """Return one gap.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id, or an article answers it by now.
        """
        for gap in self.health().health.gaps:
            if gap.id == name:
                return gap
        raise RecordNotFoundError(Phrase("no_gap", {"id": name}))

    def edit(self, actor: str, number: str, changes: Mapping[str, Any]) -> None:
        """Change fields of an article.

        Raises
        ------
        RecordNotFoundError
            If there is no article of that number.
        InputError
            If a value cannot be used.
        """
        self._change(actor, number, changes, "edit")

    def review(self, actor: str, number: str, until: datetime | None = None) -> None:
        """Say that an article is still right, until its next review: by default a year from now.

        One that ran out, or would within a month, is valid until then.
        """
        now = utc_now()
        next_review = until or now + REVIEWED_FOR
        changes = {"review_at": format_utc(next_review)}
        ends = ArticleIn.model_validate({**self._articles.look_up(number), "number": number}).valid_to
        if ends is not None and ends < min(now + timedelta(days=ENDS_SOON), next_review):
            changes["valid_to"] = format_utc(next_review)
        self._change(actor, number, changes, "review")

    def retire(self, actor: str, number: str) -> None:
        """End an article for good: it is suggested no more, and is no work for whoever keeps the others up."""
        fields = {name: str(value or "") for name, value in self._articles.look_up(number).items()}
        written_in = fields.get("language") or language(f"{fields.get('title', '')} {fields.get('resolution', '')}")
        keywords = retired_keywords(fields.get("keywords", ""), written_in)
        self._change(actor, number, {"valid_to": format_utc(utc_now()), "keywords": keywords}, "retire")

    def _change(self, actor: str, number: str, changes: Mapping[str, Any], upkeep: Upkeep) -> None:
        fields = dict(self._articles.look_up(number))
        try:
            article = ArticleIn.model_validate({**fields, **changes, "number": number})
        except ValidationError as error:
            wrong = tuple(".".join(map(str, e["loc"])) for e in error.errors())
            raise InputError(Phrase("article_values_refused", {"article": number, "names": wrong})) from error
        self._articles.keep_up(actor, article, upkeep, sorted(changes))
        self._board.touch(number)
