"""Training's way: from canonical records to the fitted parts of a release, in one straight line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnosis.arrays import Rows, Vectors
from diagnosis.errors import InputError
from diagnosis.incident import CODED_FIELDS, IncidentBatch, as_frame, frame_as_logged
from diagnosis.knowledge import answering_articles, as_knowledge_frame
from diagnosis.parts import Parts, clean_articles, clean_incidents
from diagnosis.phrases import Phrase
from diagnosis.prepared import PreparedIncidents
from diagnosis.records import IncidentRecords, KnowledgeRecords
from diagnosis.recurrence import RecurrenceModel, Signature
from diagnosis.recurrence.outcomes import censored_outcomes
from diagnosis.redact import Redactor
from diagnosis.redact.records import mask_articles, mask_incidents
from diagnosis.reference import Reference
from diagnosis.routing import Router
from diagnosis.routing.fields import fields_for
from diagnosis.routing.ridge import DUAL_ROWS
from diagnosis.routing.word_vectors import WordEncoder
from diagnosis.search import GeneralEncoder, HistoryEncoder, Retriever
from diagnosis.service_levels import ServiceLevelModel
from diagnosis.store.feedback import Feedback
from diagnosis.suggest import Suggester
from diagnosis.text import TextNormaliser, joined
from training.fitting.as_of import as_known_at, last_moment, moment
from training.fitting.checkpoints import Checkpoints
from training.fitting.progress import Share, Stages
from training.fitting.search import fit_encoder_on, fit_search
from training.fitting.splits import split_latest
from training.settings import TrainSettings

# Stage and relative duration, for the progress bar.
STAGES = {"mask and clean": 2.0, "routing": 3.0, "search": 9.0, "recurrence": 2.0, "service levels": 1.0}


def fit(
    incidents: pd.DataFrame,
    articles: pd.DataFrame,
    settings: TrainSettings,
    stages: Stages,
    saved: Checkpoints,
    feedback: Sequence[Feedback] = (),
) -> Parts:
    """Fit every part that the data support.

    Parameters
    ----------
    incidents, articles : DataFrame
        Canonical frames; one of them may be empty.
    settings : TrainSettings
    stages : Stages
        Entered once for each name of `STAGES`.
    saved : Checkpoints
        Stages that an interrupted training has finished, and those of this one.
    feedback : sequence of Feedback
        What people said of suggestions; what was said after ``settings.as_of`` is not known yet.

    Returns
    -------
    Parts
        ``left_out`` names what the data could not support, and why.

    Raises
    ------
    InputError
        If there is nothing to learn from at all.
    """
    stages.enter("mask and clean")
    base = _clean(incidents, articles, settings)
    history, text = base.history, base.text
    # Routing learns its own features: what search learns from every incident does not reach a certificate.
    logged = PreparedIncidents(frame_as_logged(history), text, np.zeros((len(text), 0), dtype=np.float32))
    left_out: dict[str, Phrase] = {}
    stages.enter("routing")
    general = general_encoder(settings)
    routers = _fit_routers(logged, history, base.slices, settings, left_out, saved, general)
    retriever = _fit_search(base.cleaned_articles, base.cleaned, settings, stages.enter("search"), saved, general)
    stages.enter("recurrence")
    visible = _without(history, settings.ignored_fields)
    vectors = retriever.encoder.encode(text)
    recurrence = _fit_recurrence(visible, text, vectors, settings, left_out)
    stages.enter("service levels")
    service_levels = _fit_service_levels(visible, vectors, settings, left_out)
    suggester = Suggester().fit(history, _days_until_recurrence(history, recurrence, settings.as_of))
    suggester.translations_ = _translated_wordings(history)
    _add_feedback(suggester, feedback, settings.as_of)
    return Parts(
        redactor=base.redactor,
        normaliser=base.normaliser,
        retriever=retriever,
        routers=routers,
        recurrence=recurrence,
        suggester=suggester,
        history=IncidentRecords(history),
        knowledge=KnowledgeRecords(base.articles),
        reference=Reference.of(history),
        left_out=left_out,
        service_levels=service_levels,
    )


@dataclass(frozen=True)
class _Base:
    """What every part learns from: personal data masked, texts cleaned.

    Attributes
    ----------
    history, articles : DataFrame
        Masked, as they are kept.
    slices : tuple of ndarray of int
        Rows of the history that classification learns from, and the later ones that calibrate it.
    text : list of str
        The cleaned text of each incident.
    """

    redactor: Redactor
    normaliser: TextNormaliser
    history: pd.DataFrame
    articles: pd.DataFrame
    cleaned: pd.DataFrame
    cleaned_articles: pd.DataFrame
    slices: tuple[Rows, Rows]
    text: list[str]


def _clean(incidents: pd.DataFrame, articles: pd.DataFrame, settings: TrainSettings) -> _Base:
    redactor = Redactor(frozenset(settings.masked))
    reported = IncidentBatch.from_frame(as_known_at(as_frame(incidents), settings.as_of))
    history = mask_incidents(reported, redactor).frame
    masked_articles = mask_articles(as_knowledge_frame(articles), redactor)
    if history.empty and masked_articles.empty:
        raise InputError(Phrase("nothing_to_learn_from"))
    # What classification learns from ends where calibration begins: a certificate speaks of incidents not seen before.
    learn, calibrate = split_latest(history, settings.calibration_share, settings.seed)
    normaliser = TextNormaliser().fit(*_words(history.iloc[learn]))
    cleaned = clean_incidents(IncidentBatch.from_frame(history), normaliser).frame
    cleaned_articles = clean_articles(answering_articles(masked_articles), normaliser)
    text = [joined(title, body) for title, body in zip(*_words(cleaned), strict=True)]
    return _Base(redactor, normaliser, history, masked_articles, cleaned, cleaned_articles, (learn, calibrate), text)


def _add_feedback(suggester: Suggester, feedback: Sequence[Feedback], as_of: str) -> None:
    """Count what people said of suggestions, up to ``as_of``, among their outcomes."""
    for entry in feedback:
        later = as_of and entry.created_at is not None and entry.created_at > moment(as_of)
        if entry.suggestion is not None and not later:
            suggester.record(entry.suggestion, entry.kind == "suggestion_worked", entry.created_at, entry.id)


def _words(frame: pd.DataFrame) -> tuple[list[str], list[str]]:
    return frame["short_description"].tolist(), frame["description"].tolist()


def general_encoder(settings: TrainSettings) -> GeneralEncoder | None:
    """Return the general encoder that the settings name; None where the history's own is to do."""
    return None if settings.encoder == "history" else GeneralEncoder(settings.encoder, settings.allow_download)


def _fit_search(
    articles: pd.DataFrame,
    incidents: pd.DataFrame,
    settings: TrainSettings,
    progress: Share,
    saved: Checkpoints,
    general: GeneralEncoder | None,
) -> Retriever:
    fits = 0  # of two: one for the weights of the signals, one for good

    def fit_encoder(some_articles: pd.DataFrame, some_incidents: pd.DataFrame) -> HistoryEncoder:
        nonlocal fits
        round_number, fits = fits, fits + 1
        return saved.part(
            f"encoder {round_number}",
            HistoryEncoder,
            lambda: fit_encoder_on(
                some_articles,
                some_incidents,
                max_steps=settings.encoder_steps,
                seed=settings.seed,
                start=settings.encoder_start or None,
                progress=lambda step, total: progress((round_number + step / total) / 2),
            ),
        )

    return fit_search(
        articles, incidents, fit_encoder, general=general, fields=settings.searched_fields, seed=settings.seed
    )


@dataclass(frozen=True, slots=True)
class _RouterWork:
    """What one router is fitted from: a piece of work that may run anywhere."""

    router: Router
    prepared: PreparedIncidents
    labels: list[str]
    learn: Rows
    calibrate: Rows
    encode_words: WordEncoder | None


def _fit_router(work: _RouterWork) -> Router:
    return work.router.fit_and_calibrate(work.prepared, work.labels, work.learn, work.calibrate, work.encode_words)


def _fit_routers(
    prepared: PreparedIncidents,
    history: pd.DataFrame,
    split: tuple[Rows, Rows],
    settings: TrainSettings,
    left_out: dict[str, Phrase],
    saved: Checkpoints,
    general: GeneralEncoder | None,
) -> dict[str, Router]:
    reasons = {target: _why_untrainable(history, target, settings.smallest_target) for target in settings.targets}
    left_out |= {target: reason for target, reason in reasons.items() if reason}
    trainable = [target for target, reason in reasons.items() if not reason]
    # Who asks for a category and for a group does not know the category yet: no target speaks for another.
    fields = [
        name
        for name in CODED_FIELDS
        if all(name in fields_for(t) for t in trainable) and name not in settings.ignored_fields
    ]

    def work(target: str, batch: PreparedIncidents, encode_words: WordEncoder | None) -> _RouterWork:
        router = Router(
            target,
            precision=settings.precision,
            risk=settings.risk,
            hierarchy=settings.hierarchy.get(target),
            fields=fields,
            seed=settings.seed,
            weights=settings.weights,
        )
        return _RouterWork(router, batch, history[target].astype("str").fillna("").tolist(), *split, encode_words)

    def fit_all() -> dict[str, Router]:
        batch = prepared if general is None else prepared.with_general(general.encode(prepared.text))
        encode_words = _word_encoder(prepared, split) if trainable and general is None else None
        pieces = [work(target, batch, encode_words) for target in trainable]
        return dict(zip(trainable, settings.workers.each(_fit_router, pieces), strict=True))

    routers: dict[str, Router] = saved.value("routing", fit_all)
    return routers


def _word_encoder(prepared: PreparedIncidents, split: tuple[Rows, Rows]) -> WordEncoder | None:
    """Return the multilingual model's vectors of the history's words, where it is installed and routing learns them."""
    from training.fitting.initial_vectors import WordTable, multilingual_is_installed  # noqa: PLC0415 - brings torch

    learns_words = len(split[0]) <= DUAL_ROWS and any(prepared.text)
    return WordTable.of(prepared.text) if learns_words and multilingual_is_installed() else None


def _translated_wordings(history: pd.DataFrame) -> dict[str, str]:
    """Return which resolutions in two languages say the same, where the multilingual model is installed."""
    from training.fitting.initial_vectors import MultilingualWords, multilingual_is_installed  # noqa: PLC0415 - as above
    from training.fitting.wording_translations import wording_translations  # noqa: PLC0415

    if not multilingual_is_installed():
        return {}
    return wording_translations(history["close_notes"], lambda texts: MultilingualWords().encode(texts))


def _why_untrainable(history: pd.DataFrame, target: str, smallest: int) -> Phrase | None:
    if target not in history:
        return Phrase("target_has_no_column", {"field": target})
    labels = history[target].astype("str").fillna("").str.strip()
    filled = labels[labels != ""]
    if len(filled) < smallest:
        return Phrase("target_has_few_incidents", {"field": target, "n": len(filled), "needed": smallest})
    if filled.nunique() < 2:
        return Phrase("target_has_one_class", {"field": target, "value": str(filled.iloc[0])})
    return None


def _without(history: pd.DataFrame, ignored: Sequence[str]) -> pd.DataFrame:
    """Return the frame with the ignored fields unknown: recurrence leaves out what never varies."""
    return history.assign(**dict.fromkeys(ignored, "")) if ignored else history


def _fit_recurrence(
    history: pd.DataFrame, text: list[str], vectors: Vectors, settings: TrainSettings, left_out: dict[str, Phrase]
) -> RecurrenceModel | None:
    as_of = last_moment(history, settings.as_of)
    if history.empty or pd.isna(as_of):
        left_out["recurrence"] = Phrase("recurrence_has_no_dates")
        return None
    signature = Signature(settings.signature) if settings.signature else None
    model = RecurrenceModel(signature, settings.horizons, seed=settings.seed)
    try:
        return model.fit(history, as_of=as_of, texts=text, vectors=vectors)
    except InputError as error:
        left_out["recurrence"] = Phrase("recurrence_not_trained", {"reason": error.phrase})
        return None


def _fit_service_levels(
    history: pd.DataFrame, vectors: Vectors, settings: TrainSettings, left_out: dict[str, Phrase]
) -> ServiceLevelModel:
    """Return the rules, and how likely each clock is missed where the history can teach it."""
    model = ServiceLevelModel(settings.service_levels, settings.seed)
    try:
        return model.fit(history, as_of=last_moment(history, settings.as_of), vectors=vectors)
    except InputError as error:
        left_out["service_levels"] = error.phrase
        return model


def _days_until_recurrence(
    history: pd.DataFrame, model: RecurrenceModel | None, as_of: str
) -> npt.NDArray[np.float64] | None:
    """Return the days from each resolution until its fault was logged again, NaN where that was not seen."""
    if model is None:
        return None
    ordered = history.sort_values("opened_at", kind="stable")
    outcome = censored_outcomes(ordered, model.signature_.keys(ordered), last_moment(history, as_of), "resolved")
    days = pd.Series(np.where(outcome.recurred, outcome.duration, np.nan), index=ordered.index)
    return np.asarray(days.reindex(history.index), dtype=np.float64)
