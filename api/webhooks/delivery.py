"""Delivery: one event to one subscriber, signed with every secret that is valid at this moment."""

from __future__ import annotations

import base64
import secrets
from datetime import datetime

from standardwebhooks import Webhook

from api.outgoing.addresses import client
from api.outgoing.courier import GivenUpError
from api.webhooks.events import encode
from diagnosis.store.outbox import OutgoingCall
from diagnosis.store.subscriptions import Subscription, Subscriptions
from diagnosis.times import utc_now

TIMEOUT = 20.0  # s, for the whole call; Standard Webhooks: 15 to 30
_SECRET_BYTES = 32


def new_secret() -> str:
    """Return a fresh signing secret: ``whsec_`` and 256 random bits in base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def headers(subscription: Subscription, message: str, body: bytes, moment: datetime) -> dict[str, str]:
    """Return the headers of one delivery: id, time, and a signature for each secret, separated by spaces."""
    signatures = [Webhook(s).sign(message, moment, body.decode()) for s in subscription.secrets(moment)]
    return {
        "Content-Type": "application/json",
        "webhook-id": message,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


class Delivery:
    """Makes the calls of kind ``webhook``.

    Parameters
    ----------
    subscriptions : Subscriptions
    allow_private : bool
        Whether subscribers may live at private addresses.
    """

    def __init__(self, subscriptions: Subscriptions, allow_private: bool) -> None:
        self.subscriptions = subscriptions
        self.allow_private = allow_private

    def __call__(self, owed: OutgoingCall) -> None:
        """Deliver one event; the id is the same at every attempt, so that a receiver can tell a repetition."""
        subscription = self.subscriptions.get(owed.destination)
        if not subscription.enabled:
            raise GivenUpError(f"the subscription is off: {subscription.reason}")
        body, moment = encode(owed.body), utc_now()
        signed = headers(subscription, f"msg_{owed.id}", body, moment)
        with (
            client(self.allow_private, TIMEOUT) as http,
            http.stream("POST", subscription.url, content=body, headers=signed) as response,  # its body is not read
        ):
            if response.status_code == 410:
                self.subscriptions.disable(subscription.id, "the receiver answered 410 Gone")
                raise GivenUpError("the receiver answered 410 Gone; the subscription is switched off")
            response.raise_for_status()
