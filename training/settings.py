"""Every choice of a training run, with its default and what it means, in one place.

Read from a TOML file, overridden on the command line, and stored in the release's manifest.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from diagnosis.errors import InputError
from diagnosis.routing import FeatureWeights
from training.parallel import Workers


def _setting(default: Any, meaning: str, *, counts: bool = True) -> Any:  # noqa: ANN401 - as dataclasses.field
    """Describe one setting; what does not count bears on how a training is run, never on what comes of it."""
    metadata = {"meaning": meaning, "counts": counts}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """Settings of `faultwise train`; `docs/settings.md` is printed from here."""

    targets: tuple[str, ...] = _setting(
        ("category", "assignment_group"), "fields to predict; any column of the incidents"
    )
    signature: tuple[str, ...] = _setting(
        (), "fields that together say 'the same fault'; empty: configuration item or service, with category"
    )
    horizons: tuple[int, ...] = _setting((7, 30, 90), "days within which recurrence is predicted")
    as_of: str = _setting("", "date up to which the data are known (ISO 8601); empty: the last time in the data")
    encoder: str = _setting(
        "history", "'history' learns from this data; a path or name adds that SentenceTransformer to search and routing"
    )
    encoder_start: str = _setting(
        "", "path or name of a SentenceTransformer that the history encoder is distilled from; empty: from nothing"
    )
    allow_download: bool = _setting(False, "whether `encoder` may be fetched from a hub")
    encoder_steps: int = _setting(8_000, "most steps, of 256 pairs each, for training the history encoder once")
    precision: float = _setting(0.95, "precision that automatic decisions are certified for")
    risk: float = _setting(0.10, "probability with which a certificate may be wrong")
    hierarchy: Mapping[str, Mapping[str, str]] = _setting(
        {}, "per target, the parent of each class: routing backs off to a parent that is certain"
    )
    evaluate: bool = _setting(True, "measure on the latest data first, with a model that has not seen it")
    evaluation_share: float = _setting(0.15, "share of the incidents, the latest, kept for evaluation")
    calibration_share: float = _setting(0.15, "share of the incidents, the latest, kept for calibration")
    smallest_target: int = _setting(50, "fewest incidents with a value for which a target is trained")
    searched_fields: tuple[str, ...] = _setting(
        ("title", "symptoms", "cause", "keywords", "resolution"), "fields of an article that search looks into"
    )
    masked: tuple[str, ...] = _setting(
        ("EMAIL", "PHONE", "NATIONAL_ID", "CARD", "IP", "MAC", "SECRET"), "kinds of personal data that are masked"
    )
    ignored_fields: tuple[str, ...] = _setting(
        (), "fields that no model may look at; those that the audit refuses are added"
    )
    audit: bool = _setting(True, "look for leakage, repeats, changed classes and personal data before fitting")
    learning_curve: bool = _setting(
        False, "fit on shares of the history too, for the report's curve; about doubles the time of routing"
    )
    title_weight: float = _setting(0.1, "squared length that the words of the title bring to routing")
    text_weight: float = _setting(0.2, "the same for the words and character n-grams of the whole text")
    topic_weight: float = _setting(0.67, "the same for latent topics; values of fields bring what they tell")
    topics: int = _setting(64, "most latent topics of routing")
    seed: int = _setting(0, "seed of every random draw")
    parallel_backend: str = _setting(
        "loky", "where independent pieces of work run: 'loky' (processes), 'threading' or 'dask'", counts=False
    )
    parallel_jobs: int = _setting(1, "pieces at once on this machine, -1 for one a processor", counts=False)
    parallel_scheduler: str = _setting(
        "", "address of Dask's scheduler for the backend 'dask', such as tcp://10.0.0.5:8786", counts=False
    )
    report: bool = _setting(True, "write the report beside the release, `reports/<release>.html`", counts=False)
    mlflow: str = _setting("", "tracking URI of MLflow to log to; empty: nothing is logged", counts=False)
    mlflow_experiment: str = _setting("faultwise", "name of the experiment in MLflow", counts=False)

    def __post_init__(self) -> None:
        for name in ("precision", "risk", "evaluation_share", "calibration_share"):
            value = getattr(self, name)
            if not 0 < value < 1:
                raise InputError(f"setting {name}: a share between 0 and 1 was expected, {value} found")
        for name in ("title_weight", "text_weight", "topic_weight"):
            if not getattr(self, name) > 0:
                raise InputError(f"setting {name}: a number above 0 was expected, {getattr(self, name)} found")
        self.workers  # noqa: B018 - checks itself
        if not self.horizons or min(self.horizons) < 1:
            raise InputError(f"setting horizons: days of at least 1 were expected, {list(self.horizons)} found")

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
        counting = {f.name for f in fields(self) if f.metadata["counts"]}
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
            raise InputError(f"{config}: not a readable TOML file ({error})") from error
    values |= dict(overrides or {})
    defaults = TrainSettings()
    return replace(defaults, **{name: _checked(name, value, defaults) for name, value in values.items()})


def to_toml(values: Mapping[str, Any]) -> str:
    """Return settings as the text of a TOML file."""
    return "".join(f"{name} = {_toml(value)}\n" for name, value in values.items())


def settings_table() -> str:
    """Return every setting, its default and its meaning as a Markdown table."""
    defaults = TrainSettings().to_dict()
    rows = [f"| `{f.name}` | `{_toml(defaults[f.name])}` | {f.metadata['meaning']} |" for f in fields(TrainSettings)]
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows])


def _checked(name: str, value: Any, defaults: TrainSettings) -> Any:  # noqa: ANN401 - a setting's value
    names = [f.name for f in fields(TrainSettings)]
    if name not in names:
        near = get_close_matches(name, names, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise InputError(f"unknown setting {name!r}{hint} Settings are {', '.join(names)}")
    expected = getattr(defaults, name)
    if isinstance(expected, tuple) and isinstance(value, list | tuple):
        return tuple(value)
    if isinstance(expected, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(expected, str) and hasattr(value, "isoformat"):
        return value.isoformat()  # TOML's own dates
    if not isinstance(value, type(expected)) or (isinstance(value, bool) and not isinstance(expected, bool)):
        raise InputError(f"setting {name}: {type(expected).__name__} was expected, {value!r} found")
    return value


def _toml(value: Any) -> str:  # noqa: ANN401 - a setting's value
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_toml(name)} = {_toml(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(inner) for inner in value) + "]"
    return json.dumps(value, ensure_ascii=False)  # scalars of JSON are TOML's too
