"""Who sent a webhook: signatures over the raw bytes, checked before anything is parsed, in constant time."""

from __future__ import annotations

import hashlib
import hmac
import time

from diagnosis.store.keys import KeyRefusedError


class SignatureError(KeyRefusedError):
    """A webhook that is unsigned, wrongly signed or signed too long ago."""


def check_hub_signature(body: bytes, header: str | None, secret: str, algorithm: str) -> None:
    """Check ``X-Hub-Signature: <algorithm>=<hex HMAC of the body>`` (Zammad: sha1; Jira: sha256).

    Raises
    ------
    SignatureError
        If the header is missing, of another form, or not made with this secret over this body.
    """
    expected_form = f"X-Hub-Signature: {algorithm}=<hex>"
    if not header:
        raise SignatureError(f"expected a signed webhook ({expected_form}); found no X-Hub-Signature header")
    scheme, _, digest = header.partition("=")
    if scheme.strip().lower() != algorithm:
        raise SignatureError(f"expected {expected_form}; found algorithm {scheme.strip()[:20]!r}")
    _compare(hmac.new(secret.encode(), body, algorithm).hexdigest(), digest, "X-Hub-Signature")


def check_glpi_signature(body: bytes, signature: str | None, timestamp: str | None, secret: str, window: int) -> None:
    """Check GLPI's ``X-GLPI-signature`` (hex HMAC-SHA256 of body and timestamp) and the age of ``X-GLPI-timestamp``.

    Parameters
    ----------
    window : int
        Seconds that the timestamp may lie from now, either way: clocks differ, and GLPI sends from a queue.

    Raises
    ------
    SignatureError
        If either header is missing, the timestamp lies outside the window, or the signature is another's.
    """
    if not signature or not timestamp:
        missing = "X-GLPI-signature" if not signature else "X-GLPI-timestamp"
        raise SignatureError(f"expected X-GLPI-signature and X-GLPI-timestamp; found no {missing} header")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise SignatureError(f"expected X-GLPI-timestamp in seconds since 1970; found {timestamp[:20]!r}")
    expected = hmac.new(secret.encode(), body + timestamp.encode(), hashlib.sha256).hexdigest()
    _compare(expected, signature, "X-GLPI-signature")
    age = time.time() - int(timestamp)
    if abs(age) > window:
        raise SignatureError(f"expected X-GLPI-timestamp within {window} s of now; found one {age:.0f} s old")


def _compare(expected: str, actual: str, header: str) -> None:
    if not hmac.compare_digest(expected.encode(), actual.strip().lower().encode()):
        raise SignatureError(f"expected {header} made with the shared secret over this body; found another signature")
