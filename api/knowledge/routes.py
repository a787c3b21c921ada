"""`/v1/knowledge/health`: gaps, stale articles, duplicates, faults of form, missing translations."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from api.dependencies import Served
from api.http.problems import problems
from api.http.security import MayDiagnose
from api.knowledge.schemas import DraftOut, FormOut, GapOut, KnowledgeHealthOut, StaleOut
from diagnosis.knowledge import KnowledgeArticle
from diagnosis.knowledge_health.gaps import Gap
from diagnosis.times import format_utc

router = APIRouter(tags=["knowledge"])
MOST_NUMBERS = 100  # of the incidents of one gap


@router.get("/v1/knowledge/health", response_model=KnowledgeHealthOut, responses=problems())
def health(
    _principal: MayDiagnose,
    service: Served,
    top: Annotated[int, Query(ge=1, le=1000, description="How many gaps are listed")] = 50,
    language: Annotated[Literal["en", "zh"], Query(description="Of the sentences")] = "en",
) -> KnowledgeHealthOut:
    """Judge the knowledge base by the incidents that it should answer."""
    snapshot = service.knowledge.health()
    state = snapshot.health
    return KnowledgeHealthOut(
        as_of=format_utc(state.as_of),
        judged_at=format_utc(snapshot.judged_at),
        is_current=snapshot.is_current,
        articles=state.articles,
        incidents=state.incidents,
        searched=snapshot.searched,
        answered=state.answered,
        gaps=[_gap(gap) for gap in state.gaps[:top]],
        stale=[
            StaleOut(
                number=article.number,
                why=article.why(language),
                reasons=[phrase.code for phrase in article.reasons],
                numbers=list(article.numbers),
            )
            for article in state.stale
        ],
        duplicates=list(state.duplicates),
        contradictions=list(state.contradictions),
        form=[FormOut(number=fault.number, lacks=list(fault.lacks)) for fault in state.form],
        untranslated=list(state.untranslated),
    )


def _gap(gap: Gap) -> GapOut:
    return GapOut(
        id=gap.id,
        title=gap.title,
        incidents=gap.incidents,
        hours_lost=gap.hours_lost,
        covered=gap.covered,
        nearest=gap.nearest,
        problem=gap.problem,
        numbers=list(gap.numbers[:MOST_NUMBERS]),
        draft=None if gap.draft is None else _draft(gap.draft),
    )


def _draft(draft: KnowledgeArticle) -> DraftOut:
    return DraftOut(
        title=draft.title,
        symptoms=draft.symptoms,
        cause=draft.cause,
        resolution=draft.resolution,
        service=draft.service,
        audience=draft.audience,
        language=draft.language,
    )
