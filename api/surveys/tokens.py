"""Links that ask one caller about one incident: the service signs them."""

from __future__ import annotations

from datetime import datetime, timedelta

from api.http.signed_tokens import read_token, sign_token
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.store.keys import KeyRefusedError

AUDIENCE = "faultwise-survey"


def sign(secret: str, incident: str, lifetime: timedelta) -> tuple[str, datetime]:
    """Return a token for one incident, and until when it can be used.

    Raises
    ------
    InputError
        If no secret is set: then nobody is asked.
    """
    if not secret:
        raise InputError(Phrase("survey_secret_missing"))
    return sign_token(secret, AUDIENCE, {"incident": incident}, lifetime)


def read(secret: str, token: str) -> str:
    """Return the incident that a token asks about.

    Raises
    ------
    KeyRefusedError
        If it is not signed with our secret, is over, or is for something else.
    """
    if not secret:
        raise KeyRefusedError(Phrase("no_survey_here"))
    return str(read_token(secret, token, AUDIENCE, ("incident",))["incident"])
