"""What goes wrong is said in one line, with exit status 1, and never leaves half a release."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from api.cli import main
from diagnosis.release import FORMAT_VERSION
from diagnosis.releases import Releases
from tests.history import articles
from tests.training.conftest import SETTINGS, solved
from training.train import train

_LIMITED = """
import resource, sys
# No file may grow beyond this, as on a disk that has so much left.
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from api.cli import main
sys.exit(main(sys.argv[2:]))
"""
_FAST = "encoder_steps = 60\naudit = false\nevaluate = false\n"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    solved(160).to_csv(folder / "incidents.csv", index=False)
    (folder / "broken.parquet").write_bytes(b"PAR1 this is not Parquet")
    (folder / "columns.csv").write_text("id,words\n1,printer\n", encoding="utf-8")
    (folder / "empty.csv").write_text("number,short_description\n", encoding="utf-8")
    (folder / "fast.toml").write_text(_FAST, encoding="utf-8")
    (folder / "audited.toml").write_text(_FAST.replace("audit = false", "audit = true"), encoding="utf-8")
    return folder


@pytest.mark.parametrize("verb", ["train", "evaluate", "audit", "compare"])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing.csv", "missing.csv"),
        ("broken.parquet", "broken.parquet"),
        ("columns.csv", "number"),
        ("empty.csv", ""),
    ],
)
def test_a_file_that_cannot_be_used_is_named(verb, name, words, files, judged, tmp_path, capsys) -> None:
    folder, older, newer = judged
    more = {
        "train": ["--out", str(tmp_path)],
        "evaluate": ["--release", str(folder / older)],
        "audit": ["--models", str(tmp_path)],
        "compare": [older, newer, "--models", str(folder)],
    }[verb]
    assert main([verb, *more, "--incidents", str(files / name)]) == 1
    said = capsys.readouterr().err.strip()
    assert said.splitlines()[-1].startswith("faultwise: ")
    assert words in said
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", ["tune", "recurrence", "diagnose", "search", "import"])
@pytest.mark.parametrize(
    ("name", "words"), [("missing.csv", "missing.csv"), ("broken.parquet", "broken.parquet"), ("columns.csv", "number")]
)
def test_so_it_is_by_the_other_verbs(verb, name, words, files, judged, tmp_path, tmp_path_factory, capsys) -> None:
    folder, older, _ = judged
    out = ["--release", str(folder / older), "--out", str(tmp_path / "out.jsonl")]
    more = {
        "tune": ["--out", str(tmp_path / "t.toml")],
        "recurrence": [],
        "diagnose": out,
        "search": [*out, "--in", "knowledge"],
        "import": ["--database", f"sqlite:///{tmp_path_factory.mktemp('store') / 'f.db'}"],
    }[verb]
    assert main([verb, *more, "--queries" if verb == "search" else "--incidents", str(files / name)]) == 1
    said = capsys.readouterr().err.strip()
    assert said.splitlines()[-1].startswith("faultwise: ")
    assert words in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("verb", "words"), [("tune", "at least one incident"), ("recurrence", "no incident has a date")]
)
def test_an_empty_slice_is_said(verb, words, files, tmp_path, capsys) -> None:
    more = ["--out", str(tmp_path / "t.toml")] if verb == "tune" else []
    assert main([verb, *more, "--incidents", str(files / "empty.csv")]) == 1
    assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_column_is_quoted(files, tmp_path, capsys) -> None:
    words = ["--incidents", str(files / "incidents.csv"), "--map", "short_description=Kurztext", "--out", str(tmp_path)]
    assert main(["train", *words]) == 1
    assert "Kurztext" in capsys.readouterr().err


def with_an_old_release(judged: tuple[Path, str, str], tmp_path: Path) -> tuple[Path, Path]:
    """Return a folder in whose place of the older release one of another format stands, and that release."""
    folder, older, newer = judged
    models = tmp_path / "models"
    models.mkdir()
    (models / newer).symlink_to(folder / newer)
    (models / "published.json").write_bytes((folder / "published.json").read_bytes())
    old = models / older
    old.mkdir()
    manifest = json.loads((folder / older / "manifest.json").read_text(encoding="utf-8"))
    (old / "manifest.json").write_text(json.dumps(manifest | {"format": 99}), encoding="utf-8")
    return models, old


def test_a_release_of_another_version_in_service_does_not_keep_a_new_one_from_being_made(
    judged, files, tmp_path, capsys
) -> None:
    models, old = with_an_old_release(judged, tmp_path)
    words = ["--incidents", str(files / "incidents.csv"), "--config", str(files / "audited.toml"), "--quiet", "--json"]
    assert main(["train", *words, "--out", str(models)]) == 0
    made = json.loads(capsys.readouterr().out)["release"]
    assert Releases(models).published() == old.name
    assert main(["audit", *words[:4], "--models", str(models), "--json"]) == 0
    assert "has format 99" in json.loads(capsys.readouterr().out)["looked_at"]["changed classes"]
    assert main(["publish", made, "--models", str(models)]) == 1
    assert "has format 99" in capsys.readouterr().out
    assert main(["publish", made, "--models", str(models), "--force", "another version of Faultwise"]) == 0
    assert Releases(models).published() == made


@pytest.mark.parametrize("verb", ["publish", "compare", "report", "evaluate", "diagnose", "search"])
def test_a_release_of_another_version_is_refused_by_every_verb(verb, judged, files, tmp_path, capsys) -> None:
    _, older, newer = judged
    models, old = with_an_old_release(judged, tmp_path)
    words = {
        "publish": [older, "--models", str(models)],
        "compare": [older, newer, "--models", str(models)],
        "report": ["--release", str(old), "--html", str(tmp_path / "r.html")],
        "evaluate": ["--release", str(old), "--incidents", str(files / "incidents.csv")],
        "diagnose": [
            "--release",
            str(old),
            "--incidents",
            str(files / "incidents.csv"),
            "--out",
            str(tmp_path / "r.html"),
        ],
        "search": ["--release", str(old), "--queries", "q.csv", "--in", "knowledge", "--out", str(tmp_path / "r.html")],
    }[verb]
    assert main([verb, *words]) == 1
    assert f"has format 99, this program reads {FORMAT_VERSION}" in capsys.readouterr().err
    assert not (tmp_path / "r.html").exists()


def test_a_full_disk_leaves_no_release_and_the_one_in_service(files, own_judged) -> None:
    models, older, newer = own_judged
    words = ["train", "--incidents", str(files / "incidents.csv"), "--config", str(files / "fast.toml")]
    command = [sys.executable, "-c", _LIMITED, "60000", *words, "--out", str(models), "--quiet", "--publish"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    assert "File too large" in done.stderr
    assert {summary.release for summary in Releases(models).summaries()} == {older, newer}
    assert {path.name for path in models.iterdir() if path.is_dir() and path.name[0] != "."} == {older, newer}
    assert Releases(models).published() == older


@pytest.mark.system
def test_two_trainings_at_once_make_two_whole_releases(files, tmp_path) -> None:
    models = tmp_path / "models"
    base = [sys.executable, "-m", "training.train", "--incidents", str(files / "incidents.csv")]
    base += ["--config", str(files / "fast.toml"), "--out", str(models), "--quiet", "--json"]
    running = [
        subprocess.Popen([*base, "--seed", str(seed)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for seed in (1, 2)
    ]
    made = {json.loads(process.communicate(timeout=180)[0])["release"] for process in running}
    assert {summary.release for summary in Releases(models).summaries()} == made
    for release in made:
        Releases(models).publish(release)  # checks every file
    assert {path.name for path in models.iterdir()} == {*made, "published.json", ".published.lock", "reports"}


@pytest.mark.system
def test_the_same_data_and_seed_make_the_same_content(tmp_path, monkeypatch) -> None:
    from diagnosis.release import Manifest

    monkeypatch.setattr("training.train.FEWEST_EVALUATED", 50)
    # A fit that is never cut by the clock.
    settings = replace(SETTINGS, encoder_steps=1000, audit=True, learning_curve=False)
    frame = solved(160)
    made = [train(frame, articles(), settings, tmp_path / str(turn)).folder for turn in range(2)]
    first, second = (Manifest.read(folder) for folder in made)
    assert {name for name in first.files if first.files[name] != second.files[name]} == set()
    assert first.content == second.content
    assert any(name.startswith("evaluation/") for name in first.files)
