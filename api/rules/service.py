"""RuleService: exclusion rules; a change holds from the moment it returns, on every replica."""

from __future__ import annotations

from dataclasses import replace

from api.audit.service import AuditService
from api.rules.schemas import RuleIn
from diagnosis.decisions import ExclusionRule
from diagnosis.store import Store


class RuleService:
    """Adds, changes and deletes exclusion rules, each with its audit entry in one transaction.

    Parameters
    ----------
    store : Store
    audit : AuditService
    """

    def __init__(self, store: Store, audit: AuditService) -> None:
        self._store = store
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
        """Save a new rule."""
        with self._store.transaction():
            saved = self._store.rules.add(_rule("", body), actor)
            self._audit.note(actor, "rule.add", saved.id, name=saved.name)
        return saved

    def change(self, actor: str, rule: str, body: RuleIn) -> ExclusionRule:
        """Replace a rule.

        Raises
        ------
        RecordNotFoundError
            If there is none of that id.
        """
        with self._store.transaction():
            saved = self._store.rules.replace(_rule(rule, body))
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


def _rule(id_: str, body: RuleIn) -> ExclusionRule:
    return replace(ExclusionRule("", **body.model_dump()), id=id_)
