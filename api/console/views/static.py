"""Style sheet and scripts, under an address that changes when they do."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import FileResponse

from api.console.pages import STATIC

router = APIRouter()

# Named, so that no address can ask for anything else.
_FILES = {
    "style.css": "text/css",
    "console.js": "text/javascript",
    "charts.js": "text/javascript",
    "panel.js": "text/javascript",
    "icon.svg": "image/svg+xml",
    "vendor/htmx.min.js": "text/javascript",
    "vendor/chart.umd.min.js": "text/javascript",
}


@router.get("/console/static/{version}/{name:path}")
def static(version: str, name: str) -> Response:
    """Return one of our files; `version` only keeps old ones from being shown."""
    if name not in _FILES or len(version) > 64:
        raise HTTPException(404, "there is no such file")
    return FileResponse(
        str(STATIC.joinpath(name)), media_type=_FILES[name], headers={"Cache-Control": "max-age=31536000, immutable"}
    )
