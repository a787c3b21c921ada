"""SurveyService: a caller is asked by a signed link and answers once."""

from __future__ import annotations

from datetime import datetime, timedelta

from api.audit.service import AuditService
from api.http.signed_tokens import TokenOverError
from api.surveys.tokens import read, sign
from diagnosis.phrases import Phrase
from diagnosis.redact import Redactor
from diagnosis.store import Store
from diagnosis.store.reviews import SurveyAnswer

ACTOR = "survey"


class SurveyService:
    """Makes links and keeps answers, each with its audit entry.

    Parameters
    ----------
    store : Store
    redactor : Redactor
        Masks personal data in what callers write.
    audit : AuditService
    secret : str
        Signs the links; empty, nobody is asked.
    days : int
        How long a link can be answered.
    """

    def __init__(self, store: Store, redactor: Redactor, audit: AuditService, secret: str, days: int) -> None:
        self._store = store
        self._redactor = redactor
        self._audit = audit
        self._secret = secret
        self._lifetime = timedelta(days=days)

    def link(self, actor: str, incident: str) -> tuple[str, datetime]:
        """Return a token that asks about one incident, and until when.

        Raises
        ------
        InputError
            If no secret is set.
        RecordNotFoundError
            If there is no such incident.
        """
        self._store.incidents.get(incident)
        token, expires = sign(self._secret, incident, self._lifetime)
        self._audit.note(actor, "survey.link", incident)
        return token, expires

    def incident(self, token: str) -> str:
        """Return the incident that a link asks about.

        Raises
        ------
        TokenOverError
            If the link is over, or its incident was deleted.
        KeyRefusedError
            If it is not ours.
        """
        incident = read(self._secret, token)
        if incident not in self._store.incidents.find([incident]):
            raise TokenOverError(Phrase("surveyed_incident_gone"))
        return incident

    def is_answered(self, incident: str) -> bool:
        """Return whether an incident has been answered for."""
        return self._store.survey_answers.of(incident) is not None

    def answer(self, token: str, rating: int, comment: str, language: str) -> None:
        """Keep a caller's answer.

        Raises
        ------
        KeyRefusedError
            If the link is not ours, or over.
        ConflictError
            If the incident has been answered for.
        """
        incident = self.incident(token)
        with self._store.transaction():
            self._store.survey_answers.add(incident, rating, self._redactor.redact(comment), language)
            self._audit.note(ACTOR, "survey.answer", incident)

    def answers(self) -> list[SurveyAnswer]:
        """Return every answer, the newest first."""
        return self._store.survey_answers.all()[::-1]
