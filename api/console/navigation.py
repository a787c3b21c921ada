"""Navigation: the console's pages in the order of the bar, and whose they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Role = Literal["agent", "manager", "administrator"]
HOME = "/"
REPORT = "/console/report"


@dataclass(frozen=True, slots=True)
class Entry:
    """One page of the bar.

    Attributes
    ----------
    path : str
        Its address; pages below it mark it as the current one.
    message : str
        Key of its name among the messages.
    role : Role
        Whose page it is; `api.console.access` refuses it to others.
    """

    path: str
    message: str
    role: Role = "agent"


ENTRIES = (
    Entry(HOME, "nav_queue"),
    Entry("/console/new", "nav_new"),
    Entry("/console/search", "nav_search"),
    Entry("/console/surges", "nav_surges"),
    Entry(REPORT, "nav_report", "manager"),
    Entry("/console/problems", "nav_problems", "manager"),
    Entry("/console/review", "nav_review", "manager"),
    Entry("/console/knowledge", "nav_knowledge", "manager"),
    Entry("/console/rules", "nav_rules", "administrator"),
)


def roles_of(scopes: frozenset[str]) -> frozenset[Role]:
    """Return the roles that scopes give.

    Everyone who may sign in is an agent; who may write knowledge and actions is a manager besides, and who may
    administer is everything.

    Examples
    --------
    >>> sorted(roles_of(frozenset({"diagnose", "feedback"})))
    ['agent']
    >>> sorted(roles_of(frozenset({"diagnose", "knowledge"})))
    ['agent', 'manager']
    """
    roles: set[Role] = {"agent"}
    if scopes & {"knowledge", "admin"}:
        roles.add("manager")
    if "admin" in scopes:
        roles.add("administrator")
    return frozenset(roles)


def entries_for(scopes: frozenset[str]) -> Sequence[Entry]:
    """Return the pages that stand in the bar of who has these scopes."""
    roles = roles_of(scopes)
    return [entry for entry in ENTRIES if entry.role in roles]


def landing(target: str, scopes: frozenset[str]) -> str:
    """Return the page after signing in: the one that was asked for, else a person's first.

    That is the queue; for a manager who judges no incidents it is the service report.
    """
    manages_only = "manager" in roles_of(scopes) and "feedback" not in scopes
    return REPORT if target == HOME and manages_only else target


def is_current(entry: Entry, address: str) -> bool:
    """Whether an address is a page's own, or one below it."""
    path = address.partition("?")[0]
    return path == entry.path or (entry.path != HOME and path.startswith(f"{entry.path}/"))
