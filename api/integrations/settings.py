"""Settings of the systems around us (``FAULTWISE_INTEGRATIONS__<SYSTEM>__…``); all of them are off unless set."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from api.integrations.report import checked_fields
from api.integrations.rt import INTAKE_GROUPS as RT_INTAKE
from api.integrations.zammad import INTAKE_GROUPS
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.web import check_url

FieldMap = Annotated[dict[str, str], AfterValidator(checked_fields)]


def check_table(name: str) -> str:
    """Return the name of a table whose rows are no incidents.

    Raises
    ------
    ValueError
        If it is the one that incidents are read from: what is made in it would come back and be diagnosed.
    """
    if name == "incident":
        raise ValueError("expected a table whose rows are not read as incidents, such as task; found incident")
    return name


def check_place(setting: str, name: str, intake_groups: tuple[str, ...]) -> None:
    """Check that records of ours have a group or queue of their own; its tickets are no incidents.

    Raises
    ------
    ValueError
        If incidents wait there to be routed: none of them would be diagnosed.
    """
    if name and name in intake_groups:
        raise ValueError(f"{setting}: expected none of intake_groups, whose tickets are incidents; found {name}")


class System(BaseModel):
    """What every system that sends us incidents may have set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    secret: SecretStr = Field(
        default=SecretStr(""), description="Shared secret that signs its webhooks; then it needs no key"
    )
    fields: FieldMap = Field(default_factory=dict, description="Its own fields: their name to ours, as JSON")
    write_back: bool = Field(default=False, description="Whether a diagnosis is written to its records")
    url: str = Field(default="", description="Base URL of its REST API; required with write_back and sync_minutes")
    user: str = Field(default="", description="User of its REST API, where it asks for one")
    token: SecretStr = Field(
        default=SecretStr(""),
        description="Password or token of its REST API; required with write_back and sync_minutes",
    )
    tags: tuple[str, ...] = Field(
        default=("faultwise",), description="Tags or labels put on a diagnosed record, as JSON"
    )
    intake_groups: tuple[str, ...] = Field(default=(), description="Groups where incidents wait to be routed, as JSON")

    sync_minutes: float = Field(
        default=0,
        ge=0,
        le=1440,
        description="How often what its webhooks did not bring is read over its REST API; 0 for never",
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for name, is_on in (("write_back", self.write_back), ("sync_minutes", self.sync_minutes > 0)):
            if is_on and not (self.url and self.token.get_secret_value()):
                raise InputError(Phrase("integration_incomplete", {"name": name}))
        if self.url:
            check_url(self.url)
        return self


class ServiceNow(System):
    """ServiceNow."""

    action_table: Annotated[str, AfterValidator(check_table)] = Field(
        default="task", pattern=r"^[a-z0-9_]+$", description="Table of the rows that are made of actions"
    )
    solutions: dict[str, str] = Field(
        default_factory=dict, description="Predictive Intelligence solution names to targets, as JSON"
    )
    answer_seconds: float = Field(
        default=20.0, gt=0, le=300, description="After this long several rows are answered 202; their script waits 30 s"
    )


class Jira(System):
    """Jira Cloud; `user` is the e-mail address that the API token belongs to."""

    problem_project: str = Field(default="", description="Key of the project where issues of problems are made")
    problem_type: str = Field(default="Problem", description="Type of those issues")
    action_project: str = Field(default="", description="Key of the project where issues of actions are made")
    action_type: str = Field(default="Task", description="Type of those issues")


class Zammad(System):
    """Zammad."""

    intake_groups: tuple[str, ...] = INTAKE_GROUPS
    action_group: str = Field(
        default="", description="Group where tickets of actions are made; its tickets are no incidents"
    )

    @model_validator(mode="after")
    def _apart(self) -> Self:
        check_place("action_group", self.action_group, self.intake_groups)
        return self


class Glpi(System):
    """GLPI; `token` is the user's API token."""

    app_token: SecretStr = Field(default=SecretStr(""), description="Application token of the API client")
    window_seconds: int = Field(default=300, ge=1, description="How far X-GLPI-timestamp may lie from now")
    answer_seconds: float = Field(
        default=3.0, gt=0, le=5, description="After this long GLPI is answered 202; it waits 5 s"
    )


class RequestTracker(System):
    """Request Tracker; `token` is an authentication token of our user there, or its password beside `user`."""

    intake_groups: tuple[str, ...] = RT_INTAKE
    problem_queue: str = Field(
        default="", description="Queue where tickets of problems are made; its tickets are no incidents"
    )
    action_queue: str = Field(default="", description="The same for tickets of actions")
    answer_seconds: float = Field(
        default=1.5, gt=0, le=30, description="After this long RT is answered 202; its scrip waits 2 s"
    )

    @model_validator(mode="after")
    def _apart(self) -> Self:
        check_place("problem_queue", self.problem_queue, self.intake_groups)
        check_place("action_queue", self.action_queue, self.intake_groups)
        return self


class Alertmanager(BaseModel):
    """Alertmanager."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reopen_minutes: float = Field(
        default=60, ge=0, description="A fault that fires again this soon reopens its incident; later it is a new one"
    )
    answer_seconds: float = Field(
        default=8.0, gt=0, le=300, description="After this long a group is answered 202; Alertmanager waits 10 s"
    )


class Integrations(BaseModel):
    """Every system around us."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    servicenow: ServiceNow = ServiceNow()
    jira: Jira = Jira()
    zammad: Zammad = Zammad()
    glpi: Glpi = Glpi()
    rt: RequestTracker = RequestTracker()
    alertmanager: Alertmanager = Alertmanager()

    def with_write_back(self) -> tuple[str, ...]:
        """Return the systems that may be written to."""
        return tuple(name for name in ("servicenow", "jira", "zammad", "glpi", "rt") if getattr(self, name).write_back)
