"""RuleService: exclusion rules; a change holds from the moment it returns, on every replica."""

from __future__ import annotations

from dataclasses import replace

from api.audit.service import AuditService
from api.errors import ConfirmationNeededError
from api.rules.schemas import RuleIn
from diagnosis.decisions import ExclusionRule
from diagnosis.errors import InputError
from diagnosis.incident import CODED_FIELDS
from diagnosis.phrases import Phrase
from diagnosis.redact import Redactor
from diagnosis.redact.records import mask_code
from diagnosis.store import Store

_WILDCARDS = frozenset("*?[")


class RuleService:
    """Adds, changes and deletes exclusion rules, each with its audit entry in one transaction.

    Parameters
    ----------
    store : Store
    redactor : Redactor
        Masks personal data in names, and in fields and values as those of incidents are masked.
    audit : AuditService
    """

    def __init__(self, store: Store, redactor: Redactor, audit: AuditService) -> None:
        self._store = store
        self._redactor = redactor
        self._audit = audit

    def all(self) -> list[ExclusionRule]:
        """Return the rules in force, oldest first."""
        return list(self._store.rules.all())

    def get(self, rule: str) -> ExclusionRule:
        """Return one rule.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        """
        return self._store.rules.get(rule)

    def add(self, actor: str, body: RuleIn) -> ExclusionRule:
        """Save a new rule.

        Raises
        ------
        InputError
            If it looks for personal data, which is masked before a rule sees an incident.
        ConfirmationNeededError
            If it stops all automation and is not confirmed.
        """
        with self._store.transaction():
            saved = self._store.rules.add(self._rule("", body), actor)
            self._audit.note(actor, "rule.add", saved.id, name=saved.name)
        return saved

    def change(self, actor: str, rule: str, body: RuleIn) -> ExclusionRule:
        """Replace a rule.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        InputError
            If it looks for personal data, which is masked before a rule sees an incident.
        ConfirmationNeededError
            If it stops all automation and is not confirmed.
        """
        with self._store.transaction():
            saved = self._store.rules.replace(self._rule(rule, body))
            self._audit.note(actor, "rule.change", rule, name=saved.name)
        return saved

    def delete(self, actor: str, rule: str) -> ExclusionRule:
        """Take a rule out of force and return it.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        """
        with self._store.transaction():
            deleted = self._store.rules.get(rule)
            self._store.rules.delete(rule)
            self._audit.note(actor, "rule.delete", rule)
        return deleted

    def _rule(self, id_: str, body: RuleIn) -> ExclusionRule:
        if body.is_for_everything and not body.confirm:
            code = "rule_stops_target" if body.target else "rule_stops_everything"
            pointers = {"/confirm": Phrase("rule_unconfirmed")}
            raise ConfirmationNeededError(Phrase(code, {"field": body.target}), pointers)
        fields = {name: self._pattern(name, pattern) for name, pattern in body.fields.items()}
        if self._redactor.redact(body.text) != body.text:
            # Its mask would stand for everybody's, and the rule would hold for more than it was meant for.
            raise InputError(Phrase("rule_text_personal"))
        typed = ExclusionRule("", **body.model_dump(exclude={"confirm"}))
        name, value = self._redactor.redact(body.name), mask_code(body.value, self._redactor)
        return replace(typed, id=id_, name=name, fields=fields, value=value)

    def _pattern(self, name: str, pattern: str) -> str:
        """Return a pattern as the field itself is masked, so that the rule still finds the same caller."""
        masked = mask_code(pattern, self._redactor)
        if masked != pattern and (name not in CODED_FIELDS or _WILDCARDS & set(pattern)):
            raise InputError(Phrase("rule_pattern_personal", {"name": name}))
        return masked
