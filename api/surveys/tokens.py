"""Links that ask one caller about one incident: JSON Web Tokens (RFC 7519) that the service signs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import jwt

from diagnosis.errors import InputError
from diagnosis.store.keys import KeyRefusedError
from diagnosis.times import utc_now

AUDIENCE = "faultwise-survey"


def sign(secret: str, incident: str, lifetime: timedelta) -> tuple[str, datetime]:
    """Return a token for one incident, and until when it can be used.

    Raises
    ------
    InputError
        If no secret is set: then nobody is asked.
    """
    if not secret:
        raise InputError("expected the setting FAULTWISE_SURVEY_SECRET; found none, so that nobody can be asked")
    moment = utc_now()
    expires = (moment + lifetime).replace(microsecond=0)
    claims = {"aud": AUDIENCE, "incident": incident, "iat": moment, "exp": expires}
    return jwt.encode(claims, secret, algorithm="HS256"), expires


def read(secret: str, token: str) -> str:
    """Return the incident that a token asks about.

    Raises
    ------
    KeyRefusedError
        If it is not signed with our secret, is over, or is for something else.
    """
    if not secret:
        raise KeyRefusedError("nobody is asked here")
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            secret,
            algorithms=["HS256"],
            audience=AUDIENCE,
            options={"require": ["exp", "iat", "aud", "incident"]},
        )
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise KeyRefusedError(f"the link is not valid: {type(error).__name__}") from error
    return str(claims["incident"])
