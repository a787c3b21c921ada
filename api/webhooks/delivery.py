"""Delivery: one event to one subscriber, signed for a program, or in words for people."""

from __future__ import annotations

import base64
import json
import secrets
from datetime import datetime
from itertools import islice
from urllib.parse import urlsplit

import httpx
from standardwebhooks import Webhook

from api.outgoing.addresses import client
from api.outgoing.courier import GivenUpError
from api.outgoing.mail import MailSettings, parse_address, send
from api.webhooks.events import encode
from api.webhooks.formats import chat_request, refusal
from api.webhooks.messages import message_of
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.store.outbox import OutgoingCall
from diagnosis.store.subscriptions import Subscription, Subscriptions
from diagnosis.times import utc_now

TIMEOUT = 20.0  # s, for the whole call; Standard Webhooks: 15 to 30
_SECRET_BYTES = 32
_MOST_OF_A_REPLY = 64 * 1024  # bytes


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
    """Makes the calls of kind ``webhook``: an event to a program that verifies it, or in words to people.

    Parameters
    ----------
    subscriptions : Subscriptions
    allow_private : bool
        Whether subscribers may live at private addresses.
    mail : MailSettings, optional
        The server that mail goes through; without it none is sent.
    """

    def __init__(self, subscriptions: Subscriptions, allow_private: bool, mail: MailSettings | None = None) -> None:
        self.subscriptions = subscriptions
        self.allow_private = allow_private
        self.mail = mail or MailSettings()

    def __call__(self, owed: OutgoingCall) -> None:
        """Deliver one event; the id is the same at every attempt, so that a receiver can tell a repetition."""
        subscription = self.subscriptions.get(owed.destination)
        if not subscription.enabled:
            raise GivenUpError(f"the subscription is off: {subscription.reason}")
        if subscription.format == "webhook":
            self._post_event(subscription, owed)
        elif subscription.format == "email":
            self._mail(subscription, owed)
        else:
            self._post_message(subscription, owed)

    def receivers(self) -> dict[str, str]:
        """Return who is behind each subscription: the one mail server, or the host of its address."""
        return {
            subscription.id: "mail" if subscription.format == "email" else urlsplit(subscription.url).hostname or ""
            for subscription in self.subscriptions.all()
        }

    def _post_event(self, subscription: Subscription, owed: OutgoingCall) -> None:
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

    def _post_message(self, subscription: Subscription, owed: OutgoingCall) -> None:
        message = message_of(owed.body, subscription.language)
        url, body = chat_request(subscription.format, subscription.url, subscription.secret, message, utc_now())
        with client(self.allow_private, TIMEOUT) as http, http.stream("POST", url, json=body) as response:
            response.raise_for_status()
            reply = b"".join(islice(response.iter_bytes(_MOST_OF_A_REPLY), 1))
        if reason := refusal(_json(reply)):
            raise httpx.RemoteProtocolError(reason)  # such as too many messages a minute: it may pass

    def _mail(self, subscription: Subscription, owed: OutgoingCall) -> None:
        if not self.mail.host:
            raise GivenUpError("no mail server is set: FAULTWISE_MAIL__HOST")
        message = message_of(owed.body, subscription.language)
        send(self.mail, mail_address(subscription.url), message.title, message.text, f"msg_{owed.id}", TIMEOUT)


def mail_address(url: str) -> str:
    """Return the address in ``mailto:desk@example.com``.

    Raises
    ------
    InputError
        If it is no such URL with one address.
    """
    scheme, _, address = url.partition(":")
    if scheme != "mailto":
        raise InputError(Phrase("mailto_wrong", {"value": url[:200]}))
    return str(parse_address(address))


def _json(reply: bytes) -> object:
    try:
        return json.loads(reply)
    except ValueError:
        return None
