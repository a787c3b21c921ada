"""Tracking: what a training was made of and what came of it, in MLflow, where that is installed and set."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from diagnosis.errors import FaultwiseError, InputError
from diagnosis.phrases import Phrase
from diagnosis.release import Manifest
from training.evaluation.scorecard import SCORECARD, Scorecard
from training.reports.model_card import MODEL_CARD
from training.settings import TrainSettings

_LONGEST = 500  # characters of a parameter that MLflow takes on every store


def check_tracking(settings: TrainSettings) -> None:
    """Find out before hours of training whether its result can be logged.

    Raises
    ------
    InputError
        If MLflow is not installed, or the URI holds a password.
    """
    if not settings.mlflow:
        return
    if "@" in urlsplit(settings.mlflow).netloc:
        raise InputError(Phrase("mlflow_with_password"))
    try:
        import mlflow  # noqa: F401, PLC0415 - an extra: pip install 'faultwise[mlflow]'
    except ImportError as error:
        raise InputError(Phrase("mlflow_not_installed")) from error


def log_release(folder: Path, settings: TrainSettings, scorecard: Scorecard | None, report: Path | None) -> str:
    """Log one release as a run and return the run's id.

    Parameters are the settings that count, metrics the numbers of the scorecard (``routing.category.accuracy``),
    artifacts the model card, scorecard and report; the release itself stays where it is, tags name it.

    Raises
    ------
    FaultwiseError
        If MLflow refuses or cannot be reached.
    """
    from mlflow import MlflowClient  # noqa: PLC0415 - see `check_tracking`
    from mlflow.exceptions import MlflowException  # noqa: PLC0415

    manifest = Manifest.read(folder)
    try:
        client = MlflowClient(settings.mlflow)
        experiment = client.get_experiment_by_name(settings.mlflow_experiment)
        experiment_id = experiment.experiment_id if experiment else client.create_experiment(settings.mlflow_experiment)
        tags = {"release": manifest.release, "content": manifest.content, "folder": str(folder.absolute())}
        run: str = client.create_run(experiment_id, run_name=manifest.release, tags=tags).info.run_id
        for name, value in settings.that_count().items():
            client.log_param(run, name, json.dumps(value, ensure_ascii=False)[:_LONGEST])
        for name, number in _numbers(scorecard.to_file() if scorecard else {}):
            client.log_metric(run, name, number)
        for path in (folder / MODEL_CARD, folder / SCORECARD, report):
            if path is not None and path.is_file():
                client.log_artifact(run, str(path))
        client.set_terminated(run)
    except (MlflowException, OSError) as error:
        values = {"release": manifest.release, "fault": str(error)}
        raise FaultwiseError(Phrase("mlflow_refused", values)) from error
    return run


def _numbers(value: Mapping[str, Any], under: str = "") -> Iterator[tuple[str, float]]:
    """Yield the numbers of nested mappings under dotted names, of letters that every store takes.

    The values of a sentence are no figures.
    """
    for name, inner in value.items():
        if str(name).endswith("_phrase"):
            continue
        path = under + "".join(letter if letter.isalnum() or letter in "_-. /" else "_" for letter in str(name))
        if isinstance(inner, Mapping):
            yield from _numbers(inner, f"{path}.")
        elif isinstance(inner, int | float) and not isinstance(inner, bool):
            yield path, float(inner)
