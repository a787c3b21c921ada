"""Every choice of a training run, with its default and what it means, in one place.

Read from a TOML file, overridden on the command line, and stored in the release's manifest.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import date
from difflib import get_close_matches
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import BeforeValidator, ConfigDict, Field, Strict, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from diagnosis.calendars import calendar_from
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.routing import FeatureWeights
from diagnosis.service_levels import ServiceLevelRules
from diagnosis.validation import describe_error
from training.parallel.workers import Workers

Setting = TypeVar("Setting")
Class = TypeVar("Class", bound=type[Any])


def in_input_errors(cls: Class) -> Class:
    """Let a pydantic dataclass raise `InputError` for a value that cannot be used."""
    validate: Callable[..., None] = cls.__init__

    @wraps(validate)
    def init(self: object, *args: Any, **values: Any) -> None:  # noqa: ANN401 - values of any setting
        try:
            validate(self, *args, **values)
        except ValidationError as error:
            raise InputError(_describe(error, [f.name for f in fields(cls)])) from error

    cls.__init__ = init
    return cls


def _describe(error: ValidationError, names: list[str]) -> Phrase:
    """Return the first fault in words; a name that is not a setting's with the nearest that is."""
    first = error.errors()[0]
    if first["type"] == "unexpected_keyword_argument":
        unknown = str(first["loc"][0])
        near = get_close_matches(unknown, names, n=1)
        values = {"name": unknown, "names": tuple(names)}
        return Phrase("setting_mistyped", {**values, "near": near[0]}) if near else Phrase("setting_unknown", values)
    place = ".".join(map(str, first["loc"]))
    fault = describe_error(first)
    return Phrase("setting_wrong", {"name": place, "fault": fault}) if place else fault


def _setting(default: Setting, meaning: str, *, counts: bool = True) -> Setting:
    """Describe one setting; what does not count bears on how a training is run, never on what comes of it."""
    return Field(default_factory=lambda: default, description=meaning, json_schema_extra={"counts": counts})


def _without_time(value: Any) -> Any:  # noqa: ANN401 - what TOML holds
    """Return TOML's own dates as ISO 8601."""
    return value.isoformat() if isinstance(value, date) else value


Names = tuple[str, ...]
Share = Annotated[float, Strict(), Field(gt=0, lt=1)]
Positive = Annotated[float, Strict(), Field(gt=0)]
Count = Annotated[int, Strict(), Field(ge=1)]
Whole = Annotated[int, Strict()]
Horizons = Annotated[tuple[Count, ...], Field(min_length=1)]
Flag = Annotated[bool, Strict()]
Moment = Annotated[str, BeforeValidator(_without_time)]


def _checked_service_levels(value: Any) -> Any:  # noqa: ANN401 - what TOML holds
    """Return the table ``[service_levels]`` as plain JSON values, checked; without rules as it is."""
    if not value:
        return {}
    plain = ServiceLevelRules.from_settings(value).to_dict()
    if value.get("rules") is not None:
        return plain
    calendar = calendar_from(value.get("calendar", "24x7")).to_dict()
    return {"calendar": calendar, "at_risk": plain["at_risk"]}


ServiceLevels = Annotated[Mapping[str, Any], BeforeValidator(_checked_service_levels)]


@in_input_errors
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class TrainSettings:
    """Settings of `faultwise train`; `docs/settings.md` is printed from here.

    Raises
    ------
    InputError
        With the name of the first setting that cannot be used, what was expected and what was found.
    """

    targets: Names = _setting(("category", "assignment_group"), "fields to predict; any column of the incidents")
    signature: Names = _setting(
        (), "fields that together say 'the same fault'; empty: configuration item or service, with category"
    )
    horizons: Horizons = _setting((7, 30, 90), "days within which recurrence is predicted")
    as_of: Moment = _setting("", "date up to which the data are known (ISO 8601); empty: the last time in the data")
    encoder: str = _setting(
        "history", "'history' learns from this data; a path or name adds that SentenceTransformer to search and routing"
    )
    encoder_start: str = _setting(
        "",
        "the history encoder starts from: a SentenceTransformer's path, 'multilingual'; empty: see docs/search.md",
    )
    allow_download: Flag = _setting(False, "whether `encoder` may be fetched from a hub")
    encoder_steps: Count = _setting(8_000, "most steps, of 256 pairs each, for training the history encoder once")
    precision: Share = _setting(0.95, "precision that automatic decisions are certified for")
    risk: Share = _setting(0.10, "probability with which a certificate may be wrong")
    hierarchy: Mapping[str, Mapping[str, str]] = _setting(
        {}, "per target, the parent of each class: routing backs off to a parent that is certain"
    )
    evaluate: Flag = _setting(True, "measure on the latest data first, with a model that has not seen it")
    evaluation_share: Share = _setting(0.15, "share of the incidents, the latest, kept for evaluation")
    calibration_share: Share = _setting(0.25, "share of the incidents, the latest, kept for calibration")
    smallest_target: Count = _setting(50, "fewest incidents with a value for which a target is trained")
    searched_fields: Names = _setting(
        ("title", "symptoms", "cause", "keywords", "resolution"), "fields of an article that search looks into"
    )
    masked: Names = _setting(
        ("EMAIL", "PHONE", "NATIONAL_ID", "CARD", "IP", "MAC", "SECRET"), "kinds of personal data that are masked"
    )
    ignored_fields: Names = _setting((), "fields that no model may look at; those that the audit refuses are added")
    audit: Flag = _setting(True, "look for leakage, repeats, changed classes and personal data before fitting")
    learning_curve: Flag = _setting(
        False, "fit on shares of the history too, for the report's curve; about doubles the time of routing"
    )
    title_weight: Positive = _setting(0.1, "squared length that the words of the title bring to routing")
    text_weight: Positive = _setting(0.2, "the same for the words and character n-grams of the whole text")
    topic_weight: Positive = _setting(0.67, "the same for latent topics; values of fields bring what they tell")
    topics: Count = _setting(64, "most latent topics of routing")
    service_levels: ServiceLevels = _setting(
        {}, "hours of response and restoration by rule, see docs/service-levels.md; empty: the programme's"
    )
    seed: Whole = _setting(0, "seed of every random draw")
    parallel_backend: str = _setting(
        "loky", "where independent pieces of work run: 'loky' (processes), 'threading' or 'dask'", counts=False
    )
    parallel_jobs: Whole = _setting(1, "pieces at once on this machine, -1 for one a processor", counts=False)
    parallel_scheduler: str = _setting(
        "", "address of Dask's scheduler for the backend 'dask', such as tcp://10.0.0.5:8786", counts=False
    )
    report: Flag = _setting(True, "write the report beside the release, `reports/<release>.html`", counts=False)
    mlflow: str = _setting("", "tracking URI of MLflow to log to; empty: nothing is logged", counts=False)
    mlflow_experiment: str = _setting("faultwise", "name of the experiment in MLflow", counts=False)

    @model_validator(mode="after")
    def _parallel_settings_agree(self) -> Self:
        self.workers  # noqa: B018 - checks itself
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain JSON values."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in plain.items()}

    @property
    def workers(self) -> Workers:
        """Where independent pieces of work run."""
        return Workers(self.parallel_backend, self.parallel_jobs, self.parallel_scheduler)

    @property
    def weights(self) -> FeatureWeights:
        """What each kind of feature brings to routing."""
        return FeatureWeights(self.text_weight, self.title_weight, self.topic_weight, self.topics)

    def changed(self) -> dict[str, Any]:
        """Return, as plain JSON values, the settings that are not the default: what a TOML file has to say."""
        usual = TrainSettings().to_dict()
        return {name: value for name, value in self.to_dict().items() if value != usual[name]}

    def that_count(self) -> dict[str, Any]:
        """Return, as plain JSON values, the settings that bear on what is learned."""
        counting = {name for name, described in _described().items() if described["counts"]}
        return {name: value for name, value in self.to_dict().items() if name in counting}


def load_settings(config: Path | None = None, overrides: Mapping[str, Any] | None = None) -> TrainSettings:
    """Return the defaults, overridden by a TOML file, overridden by `overrides`.

    Raises
    ------
    InputError
        If the file cannot be read, or a name or type is not one of a setting's.
    """
    values: dict[str, Any] = {}
    if config is not None:
        try:
            values = tomllib.loads(config.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise InputError(Phrase("toml_unreadable", {"path": str(config), "fault": str(error)})) from error
    values.pop("review", None)  # the quarter's review reads its table from the same file
    return TrainSettings(**{**values, **(overrides or {})})


def to_toml(values: Mapping[str, Any]) -> str:
    """Return settings as the text of a TOML file."""
    return "".join(f"{name} = {_toml(value)}\n" for name, value in values.items())


def settings_table() -> str:
    """Return every setting, its default and its meaning as a Markdown table."""
    defaults = TrainSettings().to_dict()
    rows = [f"| `{name}` | `{_toml(defaults[name])}` | {d['meaning']} |" for name, d in _described().items()]
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows])


def _described() -> dict[str, dict[str, Any]]:
    """Return the meaning of each setting, and whether it bears on what is learned."""
    schema = TypeAdapter(TrainSettings).json_schema()["properties"]
    return {name: {"meaning": field["description"], "counts": field["counts"]} for name, field in schema.items()}


def _toml(value: Any) -> str:  # noqa: ANN401 - a setting's value
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_toml(name)} = {_toml(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(inner) for inner in value) + "]"
    return json.dumps(value, ensure_ascii=False)  # scalars of JSON are TOML's too
