"""The console's routes: each reads a form or an address, calls, and returns a page."""

from fastapi import APIRouter

from api.console.views import (
    articles,
    events,
    feedback,
    incidents,
    knowledge,
    not_found,
    problems,
    reviews,
    rules,
    search,
    self_service,
    service_report,
    sign_in,
    single_sign_on,
    static,
    surges,
    survey,
)

PAGES = (
    static,
    sign_in,
    single_sign_on,
    incidents,
    feedback,
    search,
    surges,
    articles,
    knowledge,
    problems,
    rules,
    service_report,
    reviews,
    self_service,
    survey,
    events,
    not_found,  # last: it answers every address under /console that no other module has
)

router = APIRouter(include_in_schema=False)
for module in PAGES:
    router.include_router(module.router)
