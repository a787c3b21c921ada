"""What a request carries through the service: id, W3C trace and language; logs as JSON without personal data."""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime

from ulid import ULID

from diagnosis.phrases import Language

_REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{1,64}")
# https://www.w3.org/TR/trace-context/#traceparent-header
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_TAG = re.compile("[a-z]+")


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The identity of one request and the language of its answer, for its logs and its errors."""

    request_id: str
    trace_id: str
    span_id: str
    flags: str
    language: Language = "en"  # that whoever asks reads

    @classmethod
    def of(cls, request_id: str, traceparent: str, accepted: str = "") -> RequestContext:
        """Return the context of a request from its headers, making new ids where none (or none usable) came."""
        match = _TRACEPARENT.fullmatch(traceparent)
        usable = match is not None and match[1].strip("0") and match[2].strip("0")
        return cls(
            request_id=request_id if _REQUEST_ID.fullmatch(request_id) else str(ULID()),
            trace_id=match[1] if match and usable else secrets.token_hex(16),
            span_id=secrets.token_hex(8),
            flags=match[3] if match and usable else "00",
            language=accepted_language(accepted),
        )

    @property
    def traceparent(self) -> str:
        """The header that names the trace and our part of it."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


context: ContextVar[RequestContext | None] = ContextVar("faultwise_request", default=None)

# The id of the key, token or system that the request being handled came with; "" where it has none.
principal_id: ContextVar[str] = ContextVar("faultwise_principal", default="")


def current_trace() -> str:
    """Return the ``traceparent`` of the request that is being handled, for the calls that it leads to; else ``""``."""
    request = context.get()
    return request.traceparent if request is not None else ""


def accepted_language(header: str) -> Language:
    """Return the first language of ours in ``Accept-Language``, or English."""
    ours = [tag for tag in _TAG.findall(header.lower()) if tag in {"en", "zh"}]
    return "zh" if ours[:1] == ["zh"] else "en"


def current_language() -> Language:
    """Return the language of whoever sent the request that is being handled; English where none is."""
    request = context.get()
    return request.language if request is not None else "en"


class JsonFormatter(logging.Formatter):
    """One JSON object a line; bodies, texts and queries are never among its fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        request = context.get()
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request is not None:
            line |= {"request_id": request.request_id, "trace_id": request.trace_id}
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = _frames(record)
        return json.dumps(line, ensure_ascii=False)


def _frames(record: logging.LogRecord) -> dict[str, object]:
    # Type and place, not the message: it may quote what a person wrote.
    kind, _, trace = record.exc_info or (None, None, None)
    places = []
    while trace is not None:
        places.append(f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}")
        trace = trace.tb_next
    return {"type": kind.__name__ if kind else "", "at": places[-8:]}


def configure_logging(level: str) -> None:
    """Send every log line of the process to standard error as JSON."""
    to_stderr = logging.StreamHandler(sys.stderr)
    to_stderr.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[to_stderr], force=True)
    # Its lines hold whole URLs, and a search's query string is what a person wrote.
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("httpx").setLevel(logging.WARNING)
