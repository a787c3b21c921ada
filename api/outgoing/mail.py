"""Mail: one message to one address by the organisation's own mail server."""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
import time
from contextlib import suppress
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Literal

from pydantic import BaseModel, Field, SecretStr, model_validator

from api.http.deadlines import look_up_in_time
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase


class MailSettings(BaseModel):
    """The mail server that messages go through; without `host` none are sent."""

    host: str = Field(default="", description="Mail server; no mail is sent unless it is set")
    port: int = Field(default=587, ge=1, le=65535, description="Its port")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="starttls, tls from the first byte (port 465), or none on a network of your own"
    )
    user: str = Field(default="", description="Name to sign in with; none unless set")
    password: SecretStr = Field(default=SecretStr(""), description="Password to sign in with")
    sender: str = Field(default="", description="Address that mail comes from, such as faultwise@example.com")

    @model_validator(mode="after")
    def _whole(self) -> MailSettings:
        if self.host:
            parse_address(self.sender)
        if self.user and self.security == "none":
            raise InputError(Phrase("mail_without_tls"))
        return self


def parse_address(text: str) -> Address:
    """Return an address of mail.

    Raises
    ------
    InputError
        If the text is not one address such as ``desk@example.com``.
    """
    try:
        address = Address(addr_spec=text)
    except Exception as error:
        raise InputError(Phrase("mail_address_wrong", {"value": text[:200]})) from error
    if not address.username or "." not in address.domain:
        raise InputError(Phrase("mail_address_wrong", {"value": text[:200]}))
    return address


class _MailConnection(smtplib.SMTP):
    """A connection to a mail server that ends `seconds` from now, whatever arrives meanwhile.

    The timeout of a socket alone begins anew with each byte that a slow server sends.
    """

    def __init__(self, settings: MailSettings, seconds: float, context: ssl.SSLContext) -> None:
        self._end = time.monotonic() + seconds
        self._context = context if settings.security == "tls" else None
        self._handle: socket.socket | None = None
        self._timer: threading.Timer | None = None
        super().__init__(settings.host, settings.port, timeout=seconds)

    def close(self) -> None:
        """Close the connection."""
        if self._timer is not None:
            self._timer.cancel()
        super().close()
        if self._handle is not None:
            self._handle.close()

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # noqa: ARG002 - smtplib's name
        plain = _connected(host, port, self._end)
        self._handle = plain.dup()  # of its own: TLS takes the other one over
        self._timer = threading.Timer(max(0.0, self._end - time.monotonic()), self._cut)
        self._timer.start()
        try:
            return plain if self._context is None else self._context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            self.close()
            raise

    def _cut(self) -> None:
        with suppress(OSError):  # it is closed
            assert self._handle is not None
            self._handle.shutdown(socket.SHUT_RDWR)


def _connected(host: str, port: int, end: float) -> socket.socket:
    """Return a connection to the first address of a host that answers; each has an equal share of what is left.

    Raises
    ------
    OSError
        If the name does not resolve, or no address answers, by `end`, a moment of ``time.monotonic``.
    """
    addresses: list[str] = look_up_in_time(host, port, end - time.monotonic())
    failure: OSError = TimeoutError(f"{host} was not reached in time")
    for place, address in enumerate(addresses):
        left = end - time.monotonic()
        if left <= 0:
            break
        try:
            connection = socket.create_connection((address, port), left / (len(addresses) - place))
        except OSError as error:
            failure = error
        else:
            connection.settimeout(max(0.001, end - time.monotonic()))
            return connection
    raise failure


def send(settings: MailSettings, to: str, subject: str, text: str, message: str, timeout: float) -> None:
    """Send one message.

    Parameters
    ----------
    settings : MailSettings
    to, subject, text : str
    message : str
        The same at each attempt, so that a mail program shows a repetition once.
    timeout : float
        Seconds for the whole call, the look-up of the server's name included, however many addresses it has.

    Raises
    ------
    OSError
        If the server cannot be reached or refuses the message (``smtplib.SMTPException`` is one).
    """
    mail = EmailMessage()
    mail["From"], mail["To"] = parse_address(settings.sender), parse_address(to)
    mail["Subject"] = subject
    mail["Message-ID"] = f"<{message}@{parse_address(settings.sender).domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: out-of-office programs do not answer it
    mail.set_content(text)
    context, end = ssl.create_default_context(), time.monotonic() + timeout
    try:
        with _MailConnection(settings, timeout, context) as server:
            if settings.security == "starttls":
                server.starttls(context=context)
            if settings.user:
                server.login(settings.user, settings.password.get_secret_value())
            server.send_message(mail)
    except OSError as error:
        if time.monotonic() < end:
            raise
        raise TimeoutError(f"the mail server did not take the message within {timeout:g} s") from error
