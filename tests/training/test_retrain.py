"""The whole round from the store: what is better goes into service, what is not stays out, and never two at once."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from api.cli import main
from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import InputError
from diagnosis.releases import Releases
from diagnosis.store import Store
from diagnosis.store.bodies import bodies_of
from diagnosis.store.diagnoses import DiagnosisEntry
from diagnosis.store.feedback import Feedback
from diagnosis.times import utc_now
from tests.history import articles
from training.retrain import alone

_SETTINGS = """
encoder_steps = 60
evaluation_share = 0.4
calibration_share = 0.2
audit = false
seed = 1
"""


@pytest.fixture
def filled(tmp_path: Path, history: pd.DataFrame) -> tuple[str, Store]:
    url = f"sqlite:///{tmp_path / 'f.db'}"
    store = Store.open(url)
    store.incidents.put(bodies_of(history))
    store.articles.put(bodies_of(articles()))
    (tmp_path / "fast.toml").write_text(_SETTINGS, encoding="utf-8")
    return url, store


def retrain(url: str, models: Path, folder: Path, *more: str) -> int:
    words = ["--database", url, "--models", str(models), "--config", str(folder / "fast.toml"), "--quiet", "--json"]
    return main(["retrain", *words, *more])


def test_a_round_learns_what_people_corrected_and_goes_into_service_once(filled, own_judged, tmp_path, capsys) -> None:
    url, store = filled
    models, older, _ = own_judged
    store.diagnoses.add([DiagnosisEntry({"id": "D1", "incident": "INC000007", "release": older}, utc_now())])
    store.feedback.add(Feedback("D1", "INC000007", "overridden", "assignment_group", "x", "Mail Team"))
    store.feedback.add(Feedback("D1", "INC000007", "suggestion_worked", suggestion="knowledge:KB003en"))
    assert retrain(url, models, tmp_path, "--reports", str(tmp_path / "reports")) == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["outcome"], done["instead_of"], done["corrected"]) == ("published", older, 1)
    assert Releases(models).published() == done["release"]
    assert done["release"] in Path(done["report"]).read_text(encoding="utf-8")
    assert any(check["name"] == f"compared with {older}" for check in done["checks"])
    parts = Diagnoser.load(models / done["release"]).parts
    assert parts.history.records(["INC000007"])["INC000007"]["assignment_group"] == "Mail Team"
    (record,) = parts.suggester.outcomes_.of([([], ["knowledge:KB003en"])], utc_now())
    assert record.successes == pytest.approx(1.0, abs=0.01)
    assert main(["releases", "--models", str(models)]) == 0
    rows = "rows of incidents: 560, rows of knowledge: 12, rows of feedback: 1"
    assert f"* {done['release']}  {rows}" in capsys.readouterr().out
    (entry,) = store.audit.page(1)
    assert (entry.action, entry.object, entry.detail["outcome"]) == ("release.retrain", done["release"], "published")
    # Nothing has changed: there is nothing to do, and nothing is made.
    before = {path.name for path in models.iterdir()}
    assert retrain(url, models, tmp_path) == 0
    assert json.loads(capsys.readouterr().out)["outcome"] == "unchanged"
    assert {path.name for path in models.iterdir()} == before


@pytest.mark.system
def test_what_is_worse_stays_out_of_service(filled, own_judged, tmp_path, history, capsys) -> None:
    url, store = filled
    models, older, _ = own_judged
    rng = np.random.default_rng(0)
    wrong = history.assign(assignment_group=rng.permutation(history["assignment_group"]))
    store.incidents.put(bodies_of(pd.concat([wrong.iloc[:300], history.iloc[300:]])))
    assert retrain(url, models, tmp_path) == 1
    done = json.loads(capsys.readouterr().out)
    assert done["outcome"] == "refused"
    assert any(check["passed"] is False for check in done["checks"])
    assert Releases(models).published() == older
    assert (models / done["release"] / "manifest.json").is_file()  # kept, to be looked at


def test_two_rounds_at_once_are_refused(filled, own_judged, tmp_path, capsys) -> None:
    url, _ = filled
    models, older, newer = own_judged
    with alone(models):
        assert retrain(url, models, tmp_path) == 1
        said = capsys.readouterr().err
        assert "expected no other retraining" in said
        assert "found one under way: process " in said
    (models / ".retraining").write_text("left behind by a round that was killed", encoding="utf-8")
    with alone(models), pytest.raises(InputError, match=r"process \d+ on"), alone(models):
        pass
    assert {path.name for path in models.iterdir() if path.is_dir()} == {older, newer}


def test_bad_input_is_one_line_and_makes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models, empty = tmp_path / "models", f"sqlite:///{tmp_path / 'empty.db'}"
    Store.open(empty).close()
    (tmp_path / "fast.toml").write_text("sed = 1", encoding="utf-8")
    for words, said in (
        (["--database", f"sqlite:///{tmp_path / 'missing.db'}"], "no such file"),
        (["--database", empty], "neither an incident nor an article was found"),
        (["--database", empty, "--config", str(tmp_path / "fast.toml")], "did you mean 'seed'"),
    ):
        assert main(["retrain", *words, "--models", str(models), "--quiet"]) == 1
        shown = capsys.readouterr().err.strip()
        assert said in shown
        assert len(shown.splitlines()) == 1
    assert [path.name for path in models.iterdir() if not path.name.startswith(".")] == []
