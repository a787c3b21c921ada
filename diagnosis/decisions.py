"""What people have decided: it wins over every prediction, from the moment it is saved and before any retraining."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from diagnosis.phrases import Phrase


@dataclass(frozen=True, slots=True)
class ExclusionRule:
    """A rule that a person saved: which incidents, and what may not be decided for them.

    Attributes
    ----------
    id, name : str
        ``name`` is shown in the answer's ``reason``.
    fields : mapping of str to str
        Field name to a shell-style pattern (``monitoring*``), all of which must match, ignoring case.
    text : str
        Words that must stand in short description or description, ignoring case; ``""`` matches any text.
    target, value : str
        What the rule speaks of: a target (``""`` is every target) and one of its values (``""`` is every value).
    action : {"never_automatic", "never_predict"}
        ``never_automatic`` leaves the decision to a person; ``never_predict`` takes the value out of the answer.
    phrase : Phrase or None
        What ``name`` says, for a rule that live data brought and no person named.
    """

    id: str
    name: str
    fields: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    target: str = ""
    value: str = ""
    action: Literal["never_automatic", "never_predict"] = "never_automatic"
    phrase: Phrase | None = None

    def matches(self, target: str, incident: Mapping[str, object]) -> bool:
        """Tell whether the rule speaks of a target of an incident, given as field name to value.

        Letters match in either case, surrounding and repeated spaces do not count, and a field that is not there is
        empty. ``*`` and ``?`` in a pattern of a field stand for any characters and for one.
        """
        if self.target not in ("", target):
            return False
        for name, pattern in self.fields.items():
            if not fnmatchcase(_plain(incident.get(name)), _plain(pattern)):
                return False
        text = _plain(f"{incident.get('short_description') or ''} {incident.get('description') or ''}")
        return _plain(self.text) in text


def _plain(value: object) -> str:
    return " ".join(str(value or "").split()).casefold()


@dataclass(frozen=True, slots=True)
class HumanDecisions:
    """What people have decided that bears on one incident.

    Attributes
    ----------
    rules : tuple of ExclusionRule
        Every rule in force.
    reverted : mapping of str to frozenset of str
        Target to the values that a person took back for this incident.
    decided : mapping of str to str
        Target to the value that a person has already given it: it is never moved.
    """

    rules: tuple[ExclusionRule, ...] = ()
    reverted: Mapping[str, frozenset[str]] = field(default_factory=dict)
    decided: Mapping[str, str] = field(default_factory=dict)


NO_DECISIONS = HumanDecisions()
