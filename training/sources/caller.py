"""Caller: GET requests to one system, asked again when it is busy or away, and given up with words that help."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from diagnosis.errors import FaultwiseError
from diagnosis.phrases import Phrase
from diagnosis.web import check_url, requested_wait

_log = logging.getLogger(__name__)

Parameters = Mapping[str, str | int]
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_TRIES = 8
_BACKOFF = 1.0  # seconds before the second try
_LONGEST_WAIT = 300.0  # seconds; a server that asks for more has to be asked again by a person
TIMEOUT = 60.0  # seconds


class SourceError(FaultwiseError):
    """A system that could not be read; what was read so far is kept.

    Attributes
    ----------
    status : int
        Of the answer; 0 if there was none.
    """

    def __init__(self, message: str | Phrase, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Caller:
    """GET requests under one base URL.

    Parameters
    ----------
    url : str
    authorization : str or None
        Header that is sent with every request.
    first_wait : float
        Seconds before the second try; each further wait is twice as long, unless the server says how long.
    wait : callable of seconds
    http : httpx.Client, optional
        What sends the requests, where only some addresses may be called; it is closed with this.
    """

    def __init__(
        self,
        url: str,
        authorization: str | None = None,
        *,
        first_wait: float | None = None,
        wait: Callable[[float], None] = time.sleep,
        http: httpx.Client | None = None,
    ) -> None:
        self.url = check_url(url).rstrip("/")
        headers = {"Accept": "application/json", "User-Agent": "Faultwise/1"}
        if authorization:
            headers["Authorization"] = authorization
        # A redirect would take the credentials to another place.
        self._client = http or httpx.Client(timeout=TIMEOUT, follow_redirects=False)
        self._client.base_url = httpx.URL(self.url)
        self._client.headers.update(headers)
        self._first_wait = _BACKOFF if first_wait is None else first_wait
        self._wait = wait

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._client.close()

    def get(
        self,
        path: str,
        parameters: Parameters | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        tries: int = _TRIES,
    ) -> tuple[Any, httpx.Headers]:
        """Return the JSON of an answer, and its headers.

        Raises
        ------
        SourceError
            If the system refuses, answers something else than JSON, or stays away.
        """
        outcome: str | Phrase = ""
        attempt = 0
        for attempt in range(tries):
            seconds = self._first_wait * 2**attempt
            try:
                response = self._client.get(path, params=dict(parameters or {}), headers=dict(headers or {}))
            except httpx.TransportError as error:
                outcome = Phrase("no_answer", {"fault": str(error) or type(error).__name__})
            else:
                if response.status_code not in _BUSY:
                    return _content(response), response.headers
                outcome = f"{response.status_code} {response.reason_phrase}"
                requested = requested_wait(response.headers)
                seconds = seconds if requested is None else requested.total_seconds()
            if seconds > _LONGEST_WAIT:
                break
            if attempt + 1 < tries:
                # Seen by who waits: eight tries take two minutes, and a mistyped name is worth none of them.
                _log.warning("%s%s: %s; asked again in %.0f s", self.url, path, outcome, seconds)
                self._wait(seconds)
        values = {"address": f"{self.url}{path}", "n": attempt + 1, "outcome": outcome}
        raise SourceError(Phrase("source_given_up", values))


def _content(response: httpx.Response) -> Any:  # noqa: ANN401 - any JSON value
    address = f"{response.request.url.copy_with(query=None)}"
    status = response.status_code
    if status in (401, 403):
        raise SourceError(Phrase("source_refused_credentials", {"address": address, "status": status}), status)
    if not response.is_success:
        answer = f"{status} {response.reason_phrase}: {response.text[:200].strip()}"
        raise SourceError(Phrase("source_refused", {"address": address, "answer": answer}), status)
    try:
        return response.json() if response.content else None
    except ValueError as error:
        raise SourceError(Phrase("source_without_json", {"address": address}), status) from error
