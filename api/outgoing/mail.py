"""Mail: one message to one address by the organisation's own mail server."""

from __future__ import annotations

import smtplib
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Literal

from pydantic import BaseModel, Field, SecretStr, model_validator

from diagnosis.errors import InputError


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
            raise ValueError("a password does not go over a connection without TLS: expected security starttls or tls")
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
        raise InputError(f"expected an address of mail such as desk@example.com; found {text[:200]!r}") from error
    if not address.username or "." not in address.domain:
        raise InputError(f"expected an address of mail such as desk@example.com; found {text[:200]!r}")
    return address


def send(settings: MailSettings, to: str, subject: str, text: str, message: str, timeout: float) -> None:
    """Send one message.

    Parameters
    ----------
    settings : MailSettings
    to, subject, text : str
    message : str
        The same at each attempt, so that a mail program shows a repetition once.
    timeout : float
        Seconds for each answer of the server.

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
    context = ssl.create_default_context()
    with (
        smtplib.SMTP_SSL(settings.host, settings.port, timeout=timeout, context=context)
        if settings.security == "tls"
        else smtplib.SMTP(settings.host, settings.port, timeout=timeout)
    ) as server:
        if settings.security == "starttls":
            server.starttls(context=context)
        if settings.user:
            server.login(settings.user, settings.password.get_secret_value())
        server.send_message(mail)
