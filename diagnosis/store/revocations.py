"""Revocations: certificates that live data took back.

They hold for one release, on every replica, from the moment they are saved. Another release brings certificates of its
own; the same one put back brings its revocations back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from diagnosis.decisions import ExclusionRule
from diagnosis.ids import new_id
from diagnosis.phrases import Phrase
from diagnosis.store import tables
from diagnosis.store.database import Database, insert_new
from diagnosis.times import as_utc, utc_now


@dataclass(frozen=True, slots=True)
class Revocation:
    """A certificate taken back: answers of ``value`` (``""``: of any value) for a target go to people again.

    Attributes
    ----------
    detail : mapping
        What the live data said: ``promised``, ``answered``, ``wrong``, ``evidence``.
    """

    id: str
    release: str
    target: str
    value: str
    at: datetime
    detail: Mapping[str, Any]

    @property
    def phrase(self) -> Phrase:
        """Why it was taken back."""
        return Phrase("certificate_revoked", {"wrong": self.detail["wrong"], "answered": self.detail["answered"]})

    def as_rule(self) -> ExclusionRule:
        """Return the rule that it is to those who decide."""
        return ExclusionRule(self.id, str(self.phrase), target=self.target, value=self.value, phrase=self.phrase)


class Revocations:
    """Certificates taken back."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, release: str, target: str, value: str, detail: Mapping[str, Any]) -> Revocation | None:
        """Take a certificate back; None if another replica has just done so."""
        revoked = Revocation(new_id(), release, target, value, utc_now(), detail)
        row = {name: getattr(revoked, name) for name in Revocation.__slots__} | {"detail": dict(detail)}
        with self.database.write() as connection:
            return revoked if insert_new(tables.revocations, connection, [row]) else None

    def of(self, release: str) -> list[Revocation]:
        """Return what was taken back of a release, oldest first."""
        with self.database.read() as connection:
            return revoked_of(connection, release)


def revoked_of(connection: Connection, release: str) -> list[Revocation]:
    """Return what was taken back of a release as it stands in this transaction."""
    t = tables.revocations
    rows = connection.execute(sa.select(t).where(t.c.release == release).order_by(t.c.id))
    return [Revocation(**{**row._mapping, "at": as_utc(row.at)}) for row in rows]
