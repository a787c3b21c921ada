"""The app: `create_app` declares it, its lifespan builds the service, and nothing is loaded before that."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

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
from api.http.problems import Problem
from api.http.ratelimit import RateLimiter, SharedUse
from api.http.security import Authenticator
from api.http.wrong_keys import WrongKeys
from api.integrations import routes as integrations
from api.keys import routes as keys
from api.knowledge import routes as knowledge
from api.maintenance import routes as maintenance
from api.mcp.http import PATH, McpEndpoint
from api.metrics import Metrics
from api.monitoring import routes as monitoring_routes
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

if TYPE_CHECKING:
    pass

log = logging.getLogger(__name__)

DESCRIPTION = """Diagnoses incidents from what your organisation has lived through: routing with proven precision,
recurrence risk, similar incidents and the fix that worked before. 中文与英文同样支持。"""


def create_app(settings: Settings) -> FastAPI:
    """Return the app for these settings; it loads release and store when it starts."""
    metrics = Metrics()
    limiter = RateLimiter(settings.rate_per_minute)
    wrong_keys = WrongKeys(settings.wrong_keys_per_minute)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service = await run_in_threadpool(build, settings, metrics)
        app.state.service = service
        issuer = Issuer(settings.oidc_issuer, settings.oidc_jwks_url) if settings.oidc_issuer else None
        app.state.authenticator = Authenticator(service.store.keys, _verifier(settings, issuer), wrong_keys)
        app.state.sign_on = _sign_on(settings, issuer)
        app.state.systems = systems = Systems(service, settings)
        systems.start()
        shared = SharedUse(limiter, service.store.use)
        if settings.workers > 1 or not service.store.database.is_sqlite:
            shared.start()
        service.monitoring.start()
        service.housekeeping.start()
        service.problems.start()
        service.surges.start()
        service.service_levels.start()
        service.reviews.reminders.start()
        try:
            yield
        finally:
            await run_in_threadpool(service.surges.stop)
            await run_in_threadpool(service.service_levels.stop)
            await run_in_threadpool(service.monitoring.stop)
            await run_in_threadpool(service.problems.stop)
            await run_in_threadpool(service.reviews.reminders.stop)
            await mcp.stop()
            service.housekeeping.stop()
            await systems.stop()
            await run_in_threadpool(shared.stop)
            await service.close()

    app = FastAPI(
        title="Faultwise", version="1", description=DESCRIPTION, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    app.state.settings = settings
    app.state.limiter = limiter
    app.state.wrong_keys = wrong_keys
    mcp = McpEndpoint(lambda: app.state.service)
    app.router.routes.append(Route(PATH, mcp, include_in_schema=False))
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    errors.install(app)
    failures.install(app)
    routed = (
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
        monitoring_routes,
        service_levels,
        surges,
        alerts,
        changes,
        maintenance,
    )
    for module in (*routed, health, console, panel):
        app.include_router(module.router)
    _add_middleware(app, settings, metrics, limiter)
    return app


def _add_middleware(app: FastAPI, settings: Settings, metrics: Metrics, limiter: RateLimiter) -> None:
    # The last added is the first passed: identity, then CORS, then the gate, then the body.
    app.add_middleware(HeadRequests)
    app.add_middleware(BodyLimit, largest=settings.max_body_bytes, seconds=settings.body_seconds)
    app.add_middleware(
        Gate,
        authenticator=lambda: app.state.authenticator,
        limiter=limiter,
        open_paths=open_paths(settings),
    )
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "X-API-Key", "Content-Type", "Idempotency-Key", "traceparent"],
        )
    app.add_middleware(Identity, metrics=metrics)


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        described = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        described["components"]["schemas"]["Problem"] = Problem.model_json_schema()
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
