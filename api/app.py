"""The app: `create_app` declares it, its lifespan builds the service, and nothing is loaded before that."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.openapi.utils import get_openapi
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from api import errors
from api.actions import routes as actions
from api.alerts import routes as alerts
from api.audit import routes as audit
from api.changes import routes as changes
from api.composition import build
from api.console import failures
from api.console import views as console
from api.console.single_sign_on import SignOn
from api.diagnoses import routes as diagnoses
from api.feedback import routes as feedback
from api.health import routes as health
from api.http.middleware import BodyLimit, Gate, HeadRequests, Identity
from api.http.oidc import Issuer, TokenVerifier
from api.http.problems import ProblemDetails
from api.http.ratelimit import RateLimiter, SharedUse
from api.http.security import Authenticator
from api.http.wrong_keys import WrongKeys
from api.integrations import routes as integrations
from api.integrations.proof import signers
from api.keys import routes as keys
from api.knowledge import routes as knowledge
from api.maintenance import routes as maintenance
from api.mcp.http import PATH, McpEndpoint
from api.metrics import Metrics
from api.monitoring import routes as monitoring
from api.openapi import describe_security, open_paths
from api.panel import routes as panel
from api.problems import routes as problems
from api.records import routes as records
from api.recurrence import routes as recurrence
from api.releases import routes as releases
from api.reviews import routes as reviews
from api.rules import routes as rules
from api.search import routes as search
from api.service_levels import routes as service_levels
from api.settings import Settings
from api.surges import routes as surges
from api.surveys import routes as surveys
from api.systems import Systems
from api.webhooks import routes as webhooks
from api.workload import routes as workload

log = logging.getLogger(__name__)

DESCRIPTION = """Diagnoses incidents from what your organisation has lived through: routing with proven precision,
recurrence risk, similar incidents and the fix that worked before. 中文与英文同样支持。"""


_ROUTES: tuple[ModuleType, ...] = (
    diagnoses,
    feedback,
    knowledge,  # before records: an article of the number "health" would hide it
    records,
    search,
    releases,
    rules,
    actions,
    keys,
    audit,
    recurrence,
    problems,
    reviews,
    surveys,
    integrations,
    webhooks,
    monitoring,
    service_levels,
    workload,
    surges,
    alerts,
    changes,
    maintenance,
    health,
    console,
    panel,
)


def create_app(settings: Settings) -> FastAPI:
    """Return the app for these settings; it loads release and store when it starts."""
    app = FastAPI(
        title="Faultwise", version="1", description=DESCRIPTION, lifespan=_running, docs_url=None, redoc_url=None
    )
    app.state.settings = settings
    app.state.metrics = Metrics()
    app.state.limiter = RateLimiter(settings.rate_per_minute)
    app.state.wrong_keys = WrongKeys(settings.wrong_keys_per_minute)
    app.state.mcp = McpEndpoint(lambda: app.state.service)
    app.router.routes.append(Route(PATH, app.state.mcp, include_in_schema=False))
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    errors.install(app)
    failures.install(app)
    for module in _ROUTES:
        app.include_router(module.router)
    _add_middleware(app)
    return app


@asynccontextmanager
async def _running(app: FastAPI) -> AsyncIterator[None]:
    """Build the service and start what works beside the requests; end it all in turn."""
    settings: Settings = app.state.settings
    service = app.state.service = await run_in_threadpool(build, settings, app.state.metrics)
    issuer = Issuer(settings.oidc_issuer, settings.oidc_jwks_url) if settings.oidc_issuer else None
    app.state.authenticator = Authenticator(service.store.keys, _verifier(settings, issuer), app.state.wrong_keys)
    app.state.sign_on = _sign_on(settings, issuer)
    app.state.systems = systems = Systems(service, settings)
    systems.start()
    shared_use = SharedUse(app.state.limiter, service.store.use)
    if settings.workers > 1 or not service.store.database.is_sqlite:
        shared_use.start()
    service.start()
    try:
        yield
    finally:
        await service.stop()
        await app.state.mcp.stop()
        await systems.stop()
        await run_in_threadpool(shared_use.stop)
        await service.close()


def _add_middleware(app: FastAPI) -> None:
    settings: Settings = app.state.settings
    # The last added is the first passed: identity, then CORS, then the gate, then the body.
    app.add_middleware(HeadRequests)
    app.add_middleware(BodyLimit, largest=settings.max_body_bytes, seconds=settings.body_seconds)
    app.add_middleware(
        Gate,
        authenticator=lambda: app.state.authenticator,
        check_session=lambda token: app.state.service.sessions.check(token),  # noqa: PLW0108 - there once it runs
        wrong_keys=app.state.wrong_keys,
        limiter=app.state.limiter,
        open_paths=open_paths(settings),
        signers=signers(settings.integrations),
    )
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "X-API-Key", "Content-Type", "Idempotency-Key", "traceparent"],
        )
    app.add_middleware(Identity, metrics=app.state.metrics)


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        described = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        described["components"]["schemas"]["ProblemDetails"] = ProblemDetails.model_json_schema()
        describe_security(described, app.state.settings)
        app.openapi_schema = described
    return app.openapi_schema


def _verifier(settings: Settings, issuer: Issuer | None) -> TokenVerifier | None:
    if issuer is None or not settings.oidc_audience:
        return None
    return TokenVerifier(issuer, settings.oidc_audience, settings.oidc_scope_claim)


def _sign_on(settings: Settings, issuer: Issuer | None) -> SignOn | None:
    if issuer is None or not settings.oidc_client_id:
        return None
    everyone = frozenset(settings.oidc_everyone)
    return SignOn(issuer, settings.oidc_client_id, settings.oidc_client_secret, settings.oidc_scope_claim, everyone)
