"""MaintenanceWindow: a time in which what happens in a scope is planned, and no surge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.surges.scope import FIELDS


@dataclass(frozen=True, slots=True)
class MaintenanceWindow:
    """What is silenced, and when.

    Attributes
    ----------
    start, end : float
        Seconds since the epoch; the end is not in it.
    scope : mapping of str to str
        Field (service, cmdb_ci, location, category) to shell-style pattern; all must match, ignoring case. Empty covers
        everything.

    Raises
    ------
    InputError
        If it ends before it starts, or names another field.

    Examples
    --------
    >>> window = MaintenanceWindow("M1", 0.0, 3600.0, {"service": "mail*"})
    >>> window.covers({"service": "Mail Exchange"}, 60.0), window.covers({"service": "Mail Exchange"}, 3600.0)
    (True, False)
    """

    id: str
    start: float
    end: float
    scope: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    def __post_init__(self) -> None:
        if not self.start < self.end:
            raise InputError(Phrase("maintenance_window_wrong"))
        unknown = sorted(set(self.scope) - set(FIELDS))
        if unknown:
            raise InputError(Phrase("scope_unknown", {"names": tuple(FIELDS), "value": unknown[0]}))

    def covers(self, fields: Mapping[str, str], at: float) -> bool:
        """Return whether an incident with these fields, logged at a time, belongs to the planned work."""
        return self.start <= at < self.end and all(
            fnmatchcase(fields.get(name, "").casefold(), pattern.casefold()) for name, pattern in self.scope.items()
        )
