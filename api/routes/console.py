"""The console's pages. A session cookie that scripts cannot read, forms with a token, nothing that needs a script."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Cookie, Form, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from ulid import ULID

from api.console.words import WORDS, chosen
from api.errors import ScopeError, kind_of
from api.routes.shared import Served
from api.schemas.incidents import IncidentIn
from api.security import SESSION_COOKIE
from api.service import Service
from diagnosis.errors import FaultwiseError
from diagnosis.store.keys import ApiKey, KeyRefusedError

router = APIRouter(include_in_schema=False)

_CONSOLE = Path(__file__).parents[1] / "console"
_FIELDS = ("service", "cmdb_ci", "category", "caller")
_LANGUAGE_COOKIE = "faultwise_language"
_GIVEN = dict.fromkeys(("short_description", "description", *_FIELDS), "")

_pages = Environment(loader=PackageLoader("api", "console/templates"), autoescape=True, undefined=StrictUndefined)
_pages.filters["percent"] = lambda share: f"{share:.0%}"

Token = Annotated[str, Cookie(alias=SESSION_COOKIE)]
Text = Annotated[str, Form()]


@router.get("/")
def home(request: Request, service: Served, token: Token = "") -> Response:
    """Show the form for an incident, or the one for a key."""
    if not token:
        return _page(request, "sign_in.html")
    try:
        service.store.keys.check_session(token)
    except KeyRefusedError:
        return _page(request, "sign_in.html")
    return _page(request, "diagnose.html", csrf=_csrf(token), fields=_FIELDS, given=_GIVEN, said=None)


@router.post("/console/sign-in")
def sign_in(request: Request, service: Served, key: Text) -> Response:
    """Open a session with a key that may diagnose."""
    _check_origin(request)
    try:
        holder = service.store.keys.check(key.strip())
        _check_scope(holder)
    except (KeyRefusedError, ScopeError) as error:
        return _page(request, "sign_in.html", kind_of(error).status, notice="refused")
    lasts = timedelta(hours=request.app.state.settings.session_hours)
    answer = RedirectResponse("/", 303)
    answer.set_cookie(
        SESSION_COOKIE, service.store.keys.open_session(holder, lasts), max_age=int(lasts.total_seconds()),
        httponly=True, samesite="strict", secure=request.url.scheme == "https",
    )  # fmt: skip
    service.note(f"key:{holder.id}", "session.open", holder.id)
    return answer


@router.post("/console/sign-out")
def sign_out(service: Served, csrf: Text, token: Token = "") -> Response:
    """End the session."""
    _check_csrf(token, csrf)
    service.store.keys.close_session(token)
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(SESSION_COOKIE)
    return answer


@router.post("/console/language")
def language(request: Request, to: Text) -> Response:
    """Remember the language that a person chose."""
    _check_origin(request)
    answer = RedirectResponse("/", 303)
    answer.set_cookie(_LANGUAGE_COOKIE, chosen(to, ""), max_age=365 * 86_400, httponly=True, samesite="strict")
    return answer


@router.post("/console/diagnose")
async def diagnose(request: Request, service: Served, csrf: Text, token: Token = "") -> Response:
    """Diagnose what was typed; it is kept as a diagnosis, but does not join the history."""
    form = await request.form()
    given = {name: str(form.get(name, "")).strip() for name in _GIVEN}
    shown: dict[str, Any] = {"csrf": _csrf(token), "fields": _FIELDS, "given": given, "said": None}
    try:
        await _signed_in(service, token, csrf)
    except KeyRefusedError:
        return _page(request, "sign_in.html", 401)
    if not (given["short_description"] or given["description"]):
        return _page(request, "diagnose.html", 422, notice="too_little", **shown)
    try:
        incident = IncidentIn.model_validate({"number": f"CONSOLE-{ULID()}", **given})
        said = await service.diagnose(incident, remember=False)
    except ValidationError:
        return _page(request, "diagnose.html", 422, notice="too_little", **shown)
    except FaultwiseError as error:
        return _page(request, "diagnose.html", kind_of(error).status, notice="unavailable", **shown)
    return _page(request, "diagnose.html", **{**shown, "said": said})


@router.get("/console/style.css")
def style() -> Response:
    """Return the style sheet."""
    return FileResponse(_CONSOLE / "static" / "style.css", headers={"Cache-Control": "max-age=3600"})


async def _signed_in(service: Service, token: str, csrf: str) -> None:
    _check_csrf(token, csrf)
    _check_scope(await run_in_threadpool(service.store.keys.check_session, token))


def _page(request: Request, name: str, status: int = 200, notice: str = "", **shown: Any) -> Response:  # noqa: ANN401
    spoken = chosen(request.cookies.get(_LANGUAGE_COOKIE), request.headers.get("accept-language", ""))
    words = WORDS[spoken]
    values = {"csrf": "", **shown, "w": words, "language": spoken, "notice": words[notice] if notice else ""}
    headers = {"Vary": "Accept-Language, Cookie", "Content-Language": spoken}
    return HTMLResponse(_pages.get_template(name).render(values), status, headers)


def _csrf(token: str) -> str:
    # Derived from the session, so that there is nothing more to store and no other site can know it.
    return hmac.new(token.encode("utf-8", "surrogateescape"), b"faultwise csrf", hashlib.sha256).hexdigest()


def _check_csrf(token: str, csrf: str) -> None:
    if not token or not hmac.compare_digest(_csrf(token).encode(), csrf.encode("utf-8", "surrogatepass")):
        raise KeyRefusedError("the form does not belong to this session; load the page again")


def _check_origin(request: Request) -> None:
    # A form of another site could sign a person in as somebody else. Browsers say where a form came from.
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site not in (None, "same-origin", "none") or origin not in (
        None,
        f"{request.url.scheme}://{request.url.netloc}",
    ):
        raise ScopeError("expected a form of this site; found one of another")


def _check_scope(key: ApiKey) -> None:
    if "diagnose" not in key.scopes:
        raise ScopeError("expected a key with scope diagnose")
