"""A training is logged to MLflow where it is installed and set; a wrong setting is said before anything is learned."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from diagnosis.errors import FaultwiseError, InputError
from diagnosis.phrases import Phrase
from diagnosis.release import Manifest
from tests.training.conftest import SETTINGS
from training.evaluation.certificates import LiveCertificate
from training.evaluation.scorecard import Scorecard
from training.reports.tracking import _numbers, check_tracking, log_release
from training.settings import TrainSettings

UNPROVEN = Phrase("too_few_cases", {"n": 3, "needed": 45, "promised": 0.95})
CARD = Scorecard(
    incidents=10,
    opened_from=None,
    opened_to=None,
    routing={"类别": {"accuracy": 0.75, "n": 10, "automatic": None}},
    recurrence=None,
    search=None,
    latency_ms={},
    notes=(Phrase("search_not_measured"),),
    certificates={"类别": LiveCertificate("类别", 0.95, 0.05, 3, 3, float("nan"), 10, 0, 0, UNPROVEN)},
)


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
    assert logged.data.metrics == dict(_numbers(CARD.to_file()))
    assert logged.data.params["precision"] == "0.95"
    assert "parallel_jobs" not in logged.data.params
    held = {artifact.path for artifact in client.list_artifacts(run)}
    assert held == {"model_card.md", "scorecard.json", "report.html"}


def test_metrics_are_the_numbers_of_the_scorecard_and_no_values_of_its_sentences() -> None:
    numbers = dict(_numbers(CARD.to_file()))
    assert (numbers["incidents"], numbers["routing.类别.accuracy"], numbers["routing.类别.n"]) == (10.0, 0.75, 10.0)
    assert numbers["certificates.类别.promised"] == 0.95
    assert [name for name in numbers if "phrase" in name] == []


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
