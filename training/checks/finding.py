"""Finding: something in the data that a person should look at, with the rows to look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from diagnosis.phrases import Phrase, as_written
from training.command_line.output import as_json, phrase_from

Severity = Literal["refused", "warning", "note"]
AUDIT = "audit.json"
SHOWN_ROWS = 50


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the audit.

    Attributes
    ----------
    check : str
        Which check found it.
    severity : {"refused", "warning", "note"}
        Refused: training leaves the field out. Warning: figures or decisions may be wrong. Note: worth knowing.
    title, why : Phrase
        What was found, and why it matters.
    count : int
        Incidents concerned.
    rows : tuple of str
        Numbers of the first of them; never a text, which may hold personal data.
    fields : tuple of str
        Columns concerned.
    """

    check: str
    severity: Severity
    title: Phrase
    why: Phrase
    count: int = 0
    rows: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()


def finding(
    check: str, severity: Severity, title: Phrase, why: Phrase, numbers: Iterable[str] = (), fields: Sequence[str] = ()
) -> Finding:
    """Return a finding about some incidents, keeping the first `SHOWN_ROWS` of their numbers."""
    rows = [str(number) for number in numbers]
    return Finding(check, severity, title, why, len(rows), tuple(rows[:SHOWN_ROWS]), tuple(fields))


@dataclass(frozen=True)
class Audit:
    """Everything that was found, the gravest first.

    Attributes
    ----------
    incidents : int
        Incidents audited.
    findings : tuple of Finding
    looked_at : dict of str to Phrase
        Check to what it looked at: which rows, how many; checks of large histories look at a sample.
    """

    incidents: int
    findings: tuple[Finding, ...]
    looked_at: dict[str, Phrase] = field(default_factory=dict)

    @property
    def refused_fields(self) -> tuple[str, ...]:
        """Fields that no model may look at."""
        return tuple(dict.fromkeys(name for f in self.findings if f.severity == "refused" for name in f.fields))

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**as_json(self), "refused_fields": list(self.refused_fields)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return what `to_dict` wrote; an older program wrote sentences alone."""
        findings = tuple(
            Finding(
                check=entry["check"],
                severity=entry["severity"],
                title=phrase_from(entry, "title"),
                why=phrase_from(entry, "why"),
                count=entry["count"],
                rows=tuple(entry["rows"]),
                fields=tuple(entry["fields"]),
            )
            for entry in stored["findings"]
        )
        phrases = stored.get("looked_at_phrases", {})
        looked_at = {
            check: Phrase.from_dict(phrases[check]) if check in phrases else as_written(rows)
            for check, rows in stored["looked_at"].items()
        }
        return cls(stored["incidents"], findings, looked_at)
