"""The console's routes: each reads a form or an address, calls, and returns a page."""

from fastapi import APIRouter

from api.console.views import (
    articles,
    feedback,
    incidents,
    live,
    nowhere,
    outcome,
    rules,
    search,
    self_service,
    sign_in,
    sign_on,
    static,
)

router = APIRouter(include_in_schema=False)
for module in (
    static, sign_in, sign_on, incidents, feedback, search, articles, rules, outcome, self_service, live, nowhere,
):  # fmt: skip
    router.include_router(module.router)
