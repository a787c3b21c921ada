"""FeedbackService: what people say of a diagnosis, and its undoing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from api.audit.service import AuditService
from api.feedback.schemas import FeedbackIn
from api.metrics import Metrics
from api.serving import Serving
from api.webhooks.events import Events
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.redact import Redactor
from diagnosis.redact.records import mask_code
from diagnosis.store import Store
from diagnosis.store.database import ConflictError
from diagnosis.store.feedback import Feedback, standing

MAX_DIAGNOSES = 50  # of one incident, whose feedback stands together


class ColleagueDecidedError(ConflictError):
    """Somebody else has judged the same since the person looked; ``feedback`` is what they said."""

    def __init__(self, feedback: Feedback) -> None:
        super().__init__(Phrase("colleague_decided", {"actor": feedback.actor}))
        self.feedback = feedback


class FeedbackService:
    """Stores feedback with its event and its audit entry in one transaction; it holds from that moment.

    Parameters
    ----------
    store : Store
    serving : Serving
    redactor : Redactor
        Masks personal data in comments and values.
    metrics : Metrics
    events : Events
    audit : AuditService
    """

    def __init__(
        self,
        store: Store,
        serving: Serving,
        redactor: Redactor,
        metrics: Metrics,
        events: Events,
        audit: AuditService,
    ) -> None:
        self._store = store
        self._serving = serving
        self._redactor = redactor
        self._metrics = metrics
        self._events = events
        self._audit = audit

    def give(self, actor: str, diagnosis: str, body: FeedbackIn, seen: str | None = None) -> Feedback:
        """Store what a person said of a diagnosis; it binds every later diagnosis of that incident at once.

        Parameters
        ----------
        seen : str, optional
            Id of the judgement that stood when the person looked, ``""`` for none; a colleague's later one then stays.
            The check and the write are one transaction, so that of two who click at once one is told.

        Raises
        ------
        ColleagueDecidedError
            If a colleague's judgement stands that the person has not seen.
        RecordNotFoundError
            If there is no such diagnosis.
        InputError
            If it has no such prediction or suggestion.
        """
        with self._store.transaction():
            about = self._store.diagnoses.get(diagnosis)
            feedback = self._feedback(actor, about, body)
            if seen is not None:
                self._check_unchanged(actor, about, feedback, seen)
            saved = self._store.feedback.add(feedback)
            self._events.feedback(saved)
            self._audit.note(actor, f"feedback.{saved.kind}", diagnosis, feedback=saved.id)
        self._metrics.feedback.labels(saved.kind).inc()
        self._committed()
        return saved

    def undo(self, actor: str, diagnosis: str, feedback: str) -> Feedback:
        """Take feedback back; it binds no later diagnosis any more.

        Raises
        ------
        RecordNotFoundError
            If that diagnosis has no such feedback.
        """
        with self._store.transaction():
            undone = self._store.feedback.undo(feedback, diagnosis)
            self._audit.note(actor, "feedback.undo", diagnosis, feedback=feedback)
        self._committed()
        return undone

    def on(self, diagnosis: Mapping[str, Any]) -> list[Feedback]:
        """Return the feedback on every diagnosis of an incident, oldest first: a new one keeps what people said."""
        diagnoses = self._store.diagnoses.page(MAX_DIAGNOSES, diagnosis["incident"])
        return self.of(*{diagnosis["id"], *(entry["id"] for entry in diagnoses)})

    def of(self, *diagnoses: str) -> list[Feedback]:
        """Return what was said of some diagnoses, oldest first, undone entries too."""
        return self._store.feedback.of(*diagnoses)

    def since(self, moment: datetime) -> list[Feedback]:
        """Return what people said since a moment and did not take back, oldest first."""
        return self._store.feedback.since(moment)

    def _feedback(self, actor: str, diagnosis: Mapping[str, Any], body: FeedbackIn) -> Feedback:
        comment = self._redactor.redact(body.comment)
        if body.kind in ("suggestion_worked", "suggestion_failed"):
            _check_named("suggestion", body.suggestion, [entry["id"] for entry in diagnosis["suggestions"]])
            about: dict[str, Any] = {"suggestion": body.suggestion}
        else:
            _check_named("target", body.target, list(diagnosis["predictions"]))
            predicted = _predicted(diagnosis["predictions"][body.target])
            about = {"target": body.target, "predicted": predicted, "value": self._value(body, predicted)}
        return Feedback(diagnosis["id"], diagnosis["incident"], body.kind, comment=comment, actor=actor, **about)

    def _check_unchanged(self, actor: str, diagnosis: Mapping[str, Any], feedback: Feedback, seen: str) -> None:
        self._store.feedback.lock(diagnosis["incident"])
        current = standing(self.on(diagnosis)).get(feedback.target or feedback.suggestion or "")
        if current is not None and current.id != seen and current.actor != actor:
            raise ColleagueDecidedError(current)

    def _value(self, body: FeedbackIn, predicted: str | None) -> str | None:
        if body.kind == "reverted":
            return None
        return mask_code(body.value, self._redactor) or predicted  # as the field itself is masked

    def _committed(self) -> None:
        self._serving.store_changed()
        self._events.outbox_changed()


def _check_named(noun: str, name: str, expected: Sequence[str]) -> None:
    if name not in expected:
        names = tuple(expected) or Phrase("it_has_none")
        code = "target_not_of_diagnosis" if noun == "target" else "suggestion_not_of_diagnosis"
        raise InputError(Phrase(code, {"names": names, "value": name}))


def _predicted(prediction: Mapping[str, Any]) -> str | None:
    # What a person took back is what they saw: the value, or the first of the alternatives when it abstained.
    first = prediction["alternatives"][0]["value"] if prediction["alternatives"] else None
    value: str | None = prediction["value"] or first
    return value
