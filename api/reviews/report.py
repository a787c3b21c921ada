"""A review's report as an answer over HTTP."""

from __future__ import annotations

from fastapi import Response

MEDIA_TYPES = {
    "html": "text/html; charset=utf-8",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "csv": "text/csv; charset=utf-8",
}
# The page stands alone: its style is in it, and nothing in it may run or fetch.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox allow-modals"


def report_response(data: bytes, name: str, kind: str) -> Response:
    """Return a report as a file; a page opens where it is."""
    disposition = "inline" if kind == "html" else "attachment"
    headers = {
        "Content-Disposition": f'{disposition}; filename="review-{name}.{kind}"',
        "Content-Security-Policy": _POLICY,
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return Response(data, media_type=MEDIA_TYPES[kind], headers=headers)
