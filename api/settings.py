"""Settings of the service, read from the environment (``FAULTWISE_…``); each is documented in docs/operations.md."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from api.integrations.settings import Integrations
from api.outgoing.mail import MailSettings
from api.reviews.settings import ReviewOptions
from api.surges.settings import SurgeSettings
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.validation import describe_error


def _upper(value: Any) -> Any:  # noqa: ANN401 - what the environment holds
    return value.upper() if isinstance(value, str) else value


class Settings(BaseSettings):
    """What an operator may set; every default is safe on a laptop and on a server."""

    model_config = SettingsConfigDict(env_prefix="FAULTWISE_", env_nested_delimiter="__", frozen=True)

    database: str = Field(
        default="sqlite:///var/faultwise.db", description="SQLAlchemy URL: sqlite:///… or postgresql://…"
    )
    models: Path = Field(default=Path("models"), description="Folder of releases; the published one is served")
    vectors: Literal["process", "pgvector"] = Field(
        default="process", description="Where vectors are compared: in each process, or by pgvector in the database"
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on; loopback unless told otherwise")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one")
    workers: int = Field(default=1, ge=1, le=64, description="Processes; each holds the release in memory")
    tls_certificate: Path | None = Field(
        default=None, description="Certificate chain (PEM) where TLS ends here and not at a proxy; none unless set"
    )
    tls_key: Path | None = Field(default=None, description="Private key of that certificate (PEM)")
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_upper)] = Field(
        default="INFO", description="DEBUG, INFO, WARNING or ERROR"
    )
    poll_seconds: float = Field(
        default=0.25, gt=0, le=60, description="How often to look for what other replicas stored"
    )
    max_body_bytes: int = Field(default=8 * 2**20, ge=1024, description="Largest request body; more is answered 413")
    body_seconds: float = Field(
        default=30.0, gt=0, description="How long a client may take to send its body; more is 408"
    )
    max_url_bytes: int = Field(
        default=32 * 1024, ge=1024, le=1_000_000, description="Longest address of a request; more is answered 414"
    )
    max_header_bytes: int = Field(
        default=64 * 1024,
        ge=2048,
        le=2_000_000,
        description="Largest head of a request, its request line among it; more is answered 431",
    )
    max_headers: int = Field(default=100, ge=10, le=1000, description="Header fields of a request; more is 431")
    header_seconds: float = Field(
        default=10.0,
        gt=0,
        le=300,
        description="How long a client may take to send a request's head, and a new connection to send its first",
    )
    idle_seconds: float = Field(
        default=75.0, gt=0, le=3600, description="How long a connection is kept open between two requests"
    )
    send_seconds: float = Field(default=60.0, gt=0, le=3600, description="How long a client may leave an answer unread")
    max_connections: int = Field(
        default=1000,
        ge=1,
        description="Connections of a process; then the one that has waited longest for its client gives way",
    )
    max_unfinished_bytes: int = Field(
        default=256 * 2**20,
        ge=1024,
        description="Bodies of a process that are not whole yet; then the one that has waited longest is answered 503",
    )
    wrong_keys_per_minute: int = Field(
        default=20,
        ge=1,
        description="Wrong keys, sign-ins, signatures, tokens, sessions from one address; then only those known from "
        "there are let in for a while",
    )
    max_waiting: int = Field(
        default=2000,
        ge=1,
        description="Incidents that come alone and may wait for diagnosis, and a tenth of those of batches",
    )
    rate_per_minute: int = Field(
        default=12_000, ge=1, description="Requests per key and minute, on average and in one burst"
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Origins whose pages may call the API, separated by commas; none unless set"
    )
    metrics_key: bool = Field(default=False, description="Whether /metrics asks for a key; it holds no personal data")
    session_hours: float = Field(default=12.0, gt=0, le=720, description="How long a console session lasts")
    oidc_issuer: str = Field(
        default="", description="OpenID Connect issuer whose bearer tokens are accepted; none unless set"
    )
    oidc_audience: str = Field(
        default="", description="Audience that those tokens must name; none, no token is accepted"
    )
    oidc_jwks_url: str = Field(default="", description="Where the issuer's keys are; found by discovery unless set")
    oidc_scope_claim: str = Field(
        default="scope", description="Claim that lists diagnose, feedback, knowledge or admin"
    )
    oidc_client_id: str = Field(
        default="", description="Our name at the issuer; with it people sign in to the console there; none unless set"
    )
    oidc_client_secret: str = Field(default="", description="Our secret at the issuer; none for a public client")
    oidc_everyone: Annotated[tuple[Literal["diagnose", "feedback", "knowledge", "admin"], ...], NoDecode] = Field(
        default=(), description="Scopes of everyone whom the issuer lets in to the console, separated by commas"
    )

    panel_secret: str = Field(
        default="",
        description="Signs tokens of the embedded panel, 32 characters or more; none, no panel",
    )
    panel_ancestors: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Sites that may frame the panel, separated by commas; none unless set"
    )
    self_service: bool = Field(
        default=False, description="Whether /help answers end users, without a key, from articles for everyone"
    )

    survey_secret: str = Field(
        default="",
        description="Signs the links by which callers are asked how satisfied they are, 32 characters or more; none, "
        "nobody is asked",
    )
    survey_days: int = Field(default=30, ge=1, le=365, description="Days for which such a link can be answered")

    retention_incident_days: int | None = Field(
        default=None, ge=1, description="Days after its closure until an incident is erased; kept unless set"
    )
    retention_diagnosis_days: int | None = Field(
        default=None, ge=1, description="Days until a diagnosis and what people said of it are deleted; kept unless set"
    )
    retention_monitoring_days: int | None = Field(
        default=None, ge=1, description="Days after their end until alerts, changes and surges go; kept unless set"
    )

    service_levels: Path | None = Field(
        default=None,
        description="TOML file with [service_levels] in place of the release's rules; see docs/service-levels.md",
    )
    service_level_seconds: float = Field(
        default=60.0, gt=0, le=3600, description="How often the clocks of open incidents are looked at"
    )
    watch_seconds: float = Field(
        default=10.0, gt=0, le=3600, description="How often to look at what became of the answers"
    )
    problem_seconds: float = Field(
        default=30.0, gt=0, le=86400, description="How often to look whether problems have to be found anew"
    )
    holidays: str = Field(
        default="", description="Country whose public holidays are quiet, such as CN or DE-BY; none unless set"
    )
    revocation_risk: float = Field(
        default=0.05,
        gt=0,
        lt=1,
        description="Chance for each target, over a release's life, that a certificate is revoked although it holds",
    )

    surges: SurgeSettings = Field(default=SurgeSettings(), description="The watch for surges, see docs/surges.md")

    allow_private_addresses: bool = Field(
        default=False,
        description="Whether webhooks and write-backs may go to private, loopback and link-local addresses",
    )
    mail: MailSettings = Field(default=MailSettings(), description="The mail server that messages to people go through")
    review: ReviewOptions = Field(
        default=ReviewOptions(),
        description="Zone, limits and targets of the quarter's review, such as FAULTWISE_REVIEW__ZONE",
    )
    integrations: Integrations = Field(
        default=Integrations(), description="The systems around us, a page each in docs/integrations"
    )

    @field_validator("cors_origins", "panel_ancestors", "oidc_everyone", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:  # noqa: ANN401 - what the environment holds
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("panel_ancestors")
    @classmethod
    def _sites(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [site for site in value if not re.fullmatch(r"https?://[A-Za-z0-9.*:\[\]-]+", site)]
        if wrong:
            raise InputError(Phrase("sites_wrong", {"wrong": tuple(wrong)}))
        return value

    @field_validator("database")
    @classmethod
    def _of_ours(cls, value: str) -> str:
        scheme, separator, _ = value.partition("://")  # the rest may hold a password
        if not separator or scheme.partition("+")[0] not in ("sqlite", "postgresql"):
            raise InputError(Phrase("database_scheme_wrong", {"value": scheme[:40]}))
        return value

    @field_validator("panel_secret", "survey_secret")
    @classmethod
    def _long(cls, value: str) -> str:
        if 0 < len(value) < 32:
            raise InputError(Phrase("secret_too_short", {"found": len(value)}))
        return value

    @model_validator(mode="after")
    def _audience(self) -> Self:
        if self.oidc_issuer and not (self.oidc_audience or self.oidc_client_id):
            raise InputError(Phrase("oidc_without_audience"))
        if self.oidc_client_id and not self.oidc_issuer:
            raise InputError(Phrase("oidc_without_issuer"))
        return self


def settings_from(**options: Any) -> Settings:  # noqa: ANN401 - options of the command line, by a setting's name
    """Return the settings of the environment, those given in their place.

    Raises
    ------
    InputError
        With the name of the first that cannot be used, what was expected and what was found.
    """
    try:
        return Settings(**options)
    except ValidationError as error:
        first = error.errors()[0]
        values = {"name": ".".join(map(str, first["loc"])), "fault": describe_error(first)}
        raise InputError(Phrase("setting_wrong", values)) from error
    except SettingsError as error:
        raise InputError(Phrase("setting_not_json", {"fault": str(error)})) from error
