"""FeedbackService: what people say of a diagnosis, and its undoing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from api.audit.service import AuditService
from api.errors import ConfirmationNeededError, NothingPublishedError
from api.feedback.schemas import FeedbackIn
from api.metrics import Metrics
from api.serving import Serving
from api.webhooks.events import Events
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.redact import Redactor
from diagnosis.redact.records import mask_code
from diagnosis.routing.labels import label_key
from diagnosis.store import Store
from diagnosis.store.database import ConflictError
from diagnosis.store.feedback import Feedback, standing
from diagnosis.validation import quote_value

MAX_NEAR = 3  # known values that are quoted beside an unknown one


class ColleagueDecidedError(ConflictError):
    """Somebody else has judged the same otherwise; ``feedback`` is what they said."""

    def __init__(self, feedback: Feedback) -> None:
        judgement = feedback.kind + (f" {quote_value(feedback.value)}" if feedback.value else "")
        values = {"actor": feedback.actor, "judgement": judgement, "feedback": feedback.id}
        super().__init__(Phrase("judged_by_colleague", values))
        self.feedback = feedback
        self.pointers = {"/replaces": Phrase("expected_standing_feedback", {"feedback": feedback.id})}


class UnknownValueError(ConfirmationNeededError):
    """A value that neither the release nor anybody here has used for a target; ``value`` as it would be stored."""

    def __init__(self, target: str, value: str, near: Sequence[str]) -> None:
        like = Phrase("such_as", {"names": tuple(map(quote_value, near))}) if near else ""
        values = {"near": like, "value": quote_value(value)}
        pointers = {"/value": Phrase("known_value_expected", values), "/confirm": Phrase("new_value_unconfirmed")}
        super().__init__(Phrase("value_new_here", {**values, "field": target}), pointers)
        self.value = value


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

    def give(self, actor: str, diagnosis: str, body: FeedbackIn) -> Feedback:
        """Store what a person said of a diagnosis; it binds every later diagnosis of that incident at once.

        A colleague's judgement stays unless ``body.replaces`` names it. The check and the write are one transaction, so
        that of two who click at once one is told.

        Returns
        -------
        Feedback
            What stands now: what was stored, or a colleague's that says the same, and then nothing is stored.

        Raises
        ------
        ColleagueDecidedError
            If a colleague's judgement that says something else stands that ``body.replaces`` does not name.
        UnknownValueError
            If the value is known neither to the release, nor to the incident's record, nor from what people said
            before, and is not confirmed.
        RecordNotFoundError
            If there is no such diagnosis.
        InputError
            If it has no such prediction or suggestion.
        """
        with self._store.transaction():
            about = self._store.diagnoses.get(diagnosis)
            feedback = self._feedback(actor, about, body)
            self._store.feedback.lock(about["incident"])
            current = standing(self.on(about["incident"])).get(feedback.target or feedback.suggestion or "")
            if current is not None and current.actor != actor and current.id != body.replaces:
                if _says_the_same(feedback, current):
                    return current
                raise ColleagueDecidedError(current)
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

    def on(self, *incidents: str) -> list[Feedback]:
        """Return the feedback on every diagnosis of incidents, oldest first: a new one keeps what people said."""
        return self._store.feedback.on(incidents)

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
            value = None if body.kind == "reverted" else self._value(body, diagnosis) or predicted
            about = {"target": body.target, "predicted": predicted, "value": value}
        return Feedback(diagnosis["id"], diagnosis["incident"], body.kind, comment=comment, actor=actor, **about)

    def _value(self, body: FeedbackIn, diagnosis: Mapping[str, Any]) -> str:
        """Return the value in the spelling that is known here, ``""`` for none."""
        value = mask_code(body.value.strip(), self._redactor)  # as the field itself is masked
        key, classes = label_key(value), self._classes(body.target)
        if not (value and classes):  # without classes nothing says what is unknown
            return value
        names = {label_key(name): name for name in [*self._used_values(body.target, diagnosis), *classes]}
        if key not in names and not body.confirm:
            near = [names[close] for close in get_close_matches(key, names, MAX_NEAR)]
            raise UnknownValueError(body.target, value, near)
        return names.get(key, value)

    def _classes(self, target: str) -> list[str]:
        """Return what the release in service may predict; nothing where it does not predict the target."""
        try:
            routers = self._serving.current.diagnoser.parts.routers
        except NothingPublishedError:
            return []
        return [str(name) for name in routers[target].classes_] if target in routers else []

    def _used_values(self, target: str, diagnosis: Mapping[str, Any]) -> list[str]:
        """Return what this diagnosis names, what the incident's record holds and what people said of any incident."""
        prediction, number = diagnosis["predictions"][target], diagnosis["incident"]
        predicted = [prediction["value"], *(entry["value"] for entry in prediction["alternatives"])]
        recorded = [record.body.get(target) for record in self._store.incidents.find([number]).values()]
        return [
            value for value in [*predicted, *recorded, *self._store.feedback.values(target)] if isinstance(value, str)
        ]

    def _committed(self) -> None:
        self._serving.store_changed()
        self._events.outbox_changed()


def _says_the_same(feedback: Feedback, current: Feedback) -> bool:
    """Whether a judgement adds nothing to the one that stands: no other value or outcome, and no comment."""
    if feedback.comment:
        return False
    if feedback.value is None or current.value is None:
        return feedback.kind == current.kind
    return label_key(feedback.value) == label_key(current.value)


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
