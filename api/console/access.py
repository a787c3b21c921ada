"""Access: who may open which address of the console, and send which of its forms. Every route stands in the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from fastapi import Request

from api.console.navigation import roles_of
from api.errors import ScopeError

Access = Literal["visitor", "agent", "judge", "manager", "editor", "administrator"]

# The scope that gives each; visitors need none, and whoever is signed in is an agent.
SCOPES: Mapping[Access, str] = {
    "judge": "feedback",
    "manager": "knowledge",
    "editor": "knowledge",
    "administrator": "admin",
}

# Visitors are not signed in; some of their pages ask for a proof of their own. A route that is missing here is for
# administrators, and a test names it.
ACCESS: Mapping[str, Access] = {
    "GET /console/static/{version}/{name:path}": "visitor",
    "GET /console/sign-in": "visitor",
    "POST /console/sign-in": "visitor",
    "POST /console/sign-out": "visitor",
    "GET /console/sign-on": "visitor",
    "GET /console/sign-on/back": "visitor",
    "POST /console/language": "visitor",
    "POST /console/theme": "visitor",
    "GET /help": "visitor",
    "POST /help": "visitor",
    "POST /help/helped": "visitor",
    "POST /help/ticket": "visitor",
    "GET /survey/{token}": "visitor",
    "POST /survey/{token}": "visitor",
    "GET /console/outcome": "visitor",
    "GET /console": "visitor",
    "GET /console/": "visitor",
    "GET /console/{_address:path}": "visitor",
    "GET /": "agent",
    "GET /console/queue/rows": "agent",
    "GET /console/next": "agent",
    "GET /console/events": "agent",
    "GET /console/new": "agent",
    "POST /console/diagnose": "agent",
    "GET /console/diagnoses/{diagnosis}": "agent",
    "GET /console/diagnoses/{diagnosis}/news": "agent",
    "POST /console/diagnoses/{diagnosis}/again": "agent",
    "POST /console/diagnoses/{diagnosis}/feedback": "judge",
    "POST /console/diagnoses/{diagnosis}/feedback/{feedback}/undo": "judge",
    "GET /console/records/{kind}/{number:path}": "agent",
    "GET /console/search": "agent",
    "GET /console/surges": "agent",
    "GET /console/surges/{surge}": "agent",
    "POST /console/surges/{surge}": "judge",
    "POST /console/surges/{surge}/answer": "judge",
    "POST /console/surges/{surge}/alerts": "judge",
    "POST /console/diagnoses/{diagnosis}/alerts": "judge",
    "GET /console/contingency": "agent",
    "POST /console/maintenance": "editor",
    "POST /console/maintenance/{window}/delete": "editor",
    "GET /console/report": "manager",
    "GET /console/problems": "manager",
    "GET /console/problems/{problem}": "agent",  # the page of an incident leads to the problem that it belongs to
    "POST /console/problems/{problem}/decisions": "editor",
    "POST /console/problems/{problem}/decisions/{decision}/undo": "editor",
    "POST /console/problems/{problem}/proposal": "editor",
    "POST /console/problems/{problem}/actions/{action}": "editor",
    "GET /console/review": "manager",
    "GET /console/review/{review}": "manager",
    "GET /console/review/{review}/report": "manager",
    "POST /console/review/{quarter}/proposals/{proposal}": "editor",
    "POST /console/review/actions/{action}": "editor",
    "POST /console/review/actions/{action}/record": "editor",
    "POST /console/review/programme": "editor",
    "POST /console/review/{quarter}/finish": "editor",
    "GET /console/knowledge": "manager",
    "POST /console/knowledge/{upkeep}": "editor",
    "GET /console/articles/new": "editor",
    "GET /console/articles/edit": "editor",
    "POST /console/articles/edit": "editor",
    "POST /console/articles": "editor",
    "GET /console/rules": "administrator",
    "POST /console/rules": "administrator",
    "POST /console/rules/{rule}/off": "administrator",
}


class AccessError(ScopeError):
    """A person is signed in, but may not open an address or send its form.

    Parameters
    ----------
    access : Access
        Who may.
    """

    def __init__(self, access: Access) -> None:
        self.access = access
        self.scope = SCOPES[access]
        super().__init__(f"expected a key with scope {self.scope}")


def check_access(request: Request, scopes: frozenset[str]) -> None:
    """Raise `AccessError` unless who holds these scopes may open the address of a request."""
    route = getattr(request.scope.get("route"), "path", "")
    method = "GET" if request.method == "HEAD" else request.method
    access = ACCESS.get(f"{method} {route}", "administrator")
    if not is_allowed(access, scopes):
        raise AccessError(access)


def is_allowed(access: Access, scopes: frozenset[str]) -> bool:
    """Whether scopes give an access. An administrator sees the manager's pages; acting on them takes its own scope.

    Examples
    --------
    >>> is_allowed("manager", frozenset({"diagnose", "admin"})), is_allowed("editor", frozenset({"diagnose", "admin"}))
    (True, False)
    """
    if access == "manager":
        return "manager" in roles_of(scopes)
    return access not in SCOPES or SCOPES[access] in scopes
