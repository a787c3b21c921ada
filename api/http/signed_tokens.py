"""Short-lived tokens for one purpose: JSON Web Tokens (RFC 7519), signed with a secret of the service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import jwt

from diagnosis.phrases import Phrase
from diagnosis.store.keys import KeyRefusedError
from diagnosis.times import utc_now

_ALGORITHM = "HS256"


class TokenOverError(KeyRefusedError):
    """A token that is signed with our secret and over: nobody guesses with it."""


def sign_token(secret: str, audience: str, claims: Mapping[str, Any], lifetime: timedelta) -> tuple[str, datetime]:
    """Return a token with these claims, and until when it can be used, to the second.

    Parameters
    ----------
    audience : str
        What it is for; a token for something else is not read.
    """
    moment = utc_now()
    expires = (moment + lifetime).replace(microsecond=0)
    return jwt.encode({**claims, "aud": audience, "iat": moment, "exp": expires}, secret, algorithm=_ALGORITHM), expires


def read_token(
    secret: str, token: str, audience: str, required: Sequence[str], *, leeway_seconds: int = 0
) -> dict[str, Any]:
    """Return the claims of a token; times and audience are always required of it.

    Raises
    ------
    TokenOverError
        If it was signed with this secret and is over.
    KeyRefusedError
        If it is not signed with this secret, lacks a claim, or is for something else.
    """
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            secret,
            algorithms=[_ALGORITHM],
            audience=audience,
            leeway=leeway_seconds,
            options={"require": ["exp", "iat", "aud", *required]},
        )
    except jwt.ExpiredSignatureError as error:
        raise TokenOverError(Phrase("token_over")) from error
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise KeyRefusedError(Phrase("token_invalid", {"fault": type(error).__name__})) from error
    return claims
