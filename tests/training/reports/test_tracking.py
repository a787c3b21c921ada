"""A training is logged to MLflow where it is installed and set; a wrong setting is said before anything is learned."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from diagnosis.errors import FaultwiseError, InputError
from diagnosis.release import Manifest
from tests.training.conftest import SETTINGS
from training.evaluation.scorecard import Scorecard
from training.reports.tracking import check_tracking, log_release
from training.settings import TrainSettings

CARD = Scorecard(10, None, None, {"类别": {"accuracy": 0.75, "n": 10, "automatic": None}}, None, None, {}, ("a note",))


def test_a_release_is_a_run(judged, tmp_path, monkeypatch) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    models, older, _ = judged
    (tmp_path / "report.html").write_text("<p>报告</p>", encoding="utf-8")
    settings = replace(SETTINGS, mlflow=(tmp_path / "runs").as_uri(), mlflow_experiment="服务台")
    check_tracking(settings)
    run = log_release(models / older, settings, CARD, tmp_path / "report.html")
    log_release(models / older, settings, None, None)
    client = mlflow.MlflowClient(settings.mlflow)
    experiment = client.get_experiment_by_name("服务台")
    assert len(client.search_runs([experiment.experiment_id])) == 2
    logged = client.get_run(run)
    manifest = Manifest.read(models / older)
    assert logged.info.status == "FINISHED"
    assert (logged.data.tags["release"], logged.data.tags["content"]) == (older, manifest.content)
    assert logged.data.metrics == {"incidents": 10.0, "routing.类别.accuracy": 0.75, "routing.类别.n": 10.0}
    assert logged.data.params["precision"] == "0.95"
    assert "parallel_jobs" not in logged.data.params
    held = {artifact.path for artifact in client.list_artifacts(run)}
    assert held == {"model_card.md", "scorecard.json", "report.html"}


def test_what_cannot_be_logged_is_said_first(monkeypatch) -> None:
    check_tracking(TrainSettings())
    with pytest.raises(InputError, match="without user and password"):
        check_tracking(TrainSettings(mlflow="https://me:secret@example.com"))
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(InputError, match=r"pip install 'faultwise\[mlflow\]'"):
        check_tracking(TrainSettings(mlflow="file:///tmp/runs"))


def test_a_store_that_cannot_be_written_is_one_error(judged, tmp_path, monkeypatch) -> None:
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    (tmp_path / "file").write_text("", encoding="utf-8")
    models, older, _ = judged
    with pytest.raises(FaultwiseError, match=f"{older} was made, but MLflow took no note of it"):
        log_release(models / older, TrainSettings(mlflow=(tmp_path / "file").as_uri()), None, None)


def test_train_writes_the_report_beside_the_release(tmp_path: Path) -> None:
    from api.cli import main
    from diagnosis.releases import Releases
    from tests.training.conftest import solved

    solved(120).to_csv(tmp_path / "i.csv", index=False)
    (tmp_path / "c.toml").write_text("encoder_steps = 60\naudit = false\nevaluate = false\n", encoding="utf-8")
    models = tmp_path / "models"
    words = ["train", "--incidents", str(tmp_path / "i.csv"), "--config", str(tmp_path / "c.toml"), "--quiet"]
    assert main([*words, "--out", str(models)]) == 0
    (made,) = Releases(models).summaries()
    assert made.release in (models / "reports" / f"{made.release}.html").read_text(encoding="utf-8")
