"""A release is refused by name before anything in it is loaded; the pointer never shows half a change."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import ReleaseError
from diagnosis.incident import Incident
from diagnosis.phrases import Phrase, in_words
from diagnosis.release import FORMAT_VERSION, MANIFEST, Manifest, check_release, write_release
from diagnosis.releases import Releases, find_release


def make(models: Path, text: str = "网络 network", second: int = 0) -> Path:
    def write(folder: Path) -> None:
        (folder / "part").mkdir()
        (folder / "part" / "words.txt").write_text(text, encoding="utf-8")

    now = datetime(2026, 11, 22, 10, 15, second, tzinfo=UTC)
    return write_release(models, write, settings={"seed": 0}, seed=0, data={"incidents": {"rows": 3}}, now=now)


def test_a_written_release_passes_its_own_check(tmp_path: Path) -> None:
    release = make(tmp_path)
    assert check_release(release) == Manifest.read(release)
    assert release.name.startswith("2026-11-22T10-15-00Z-")


def test_the_same_parts_have_the_same_content_hash(tmp_path: Path) -> None:
    first, again, other = make(tmp_path), make(tmp_path, second=1), make(tmp_path, "else", second=2)
    assert Manifest.read(first).content == Manifest.read(again).content != Manifest.read(other).content


def test_a_missing_an_altered_and_a_stray_file_are_refused_by_name(tmp_path: Path) -> None:
    release = make(tmp_path)
    words = release / "part" / "words.txt"
    words.write_text("other", encoding="utf-8")
    with pytest.raises(ReleaseError, match=r"part/words\.txt was altered"):
        check_release(release)
    words.unlink()
    with pytest.raises(ReleaseError, match=r"part/words\.txt is missing"):
        check_release(release)
    words.write_text("网络 network", encoding="utf-8")
    (release / "part" / "extra.joblib").write_bytes(b"x")
    with pytest.raises(ReleaseError, match=r"part/extra\.joblib is not named"):
        check_release(release)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, f"has format 99, this program reads {FORMAT_VERSION}"),
        ({"files": "gone"}, "not a readable manifest"),
    ],
)
def test_a_foreign_version_is_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    release = make(tmp_path)
    raw = json.loads((release / MANIFEST).read_text(encoding="utf-8"))
    raw.update(change)
    if change.get("files") == "gone":
        del raw["files"]
    (release / MANIFEST).write_text(json.dumps(raw), encoding="utf-8")
    with pytest.raises(ReleaseError, match=message):
        check_release(release)


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise SystemExit('unpickled')",))


def test_a_planted_pickle_is_never_opened(tmp_path: Path) -> None:
    from diagnosis.diagnoser import Diagnoser

    release = make(tmp_path)
    (release / "part" / "words.txt").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ReleaseError, match="was altered"):
        Diagnoser.load(release)


def test_a_failure_while_writing_leaves_nothing_behind(tmp_path: Path) -> None:
    def full_disk(folder: Path) -> None:
        (folder / "half").write_text("half", encoding="utf-8")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_release(tmp_path, full_disk, settings={}, seed=0, data={})
    assert list(tmp_path.iterdir()) == []


def test_publish_and_roll_back(tmp_path: Path) -> None:
    a, b, c = (make(tmp_path, second=s).name for s in range(3))
    releases = Releases(tmp_path)
    assert releases.published() is None
    for name in (a, b, c, c):
        releases.publish(name)
    assert releases.published() == c
    assert find_release(tmp_path) == tmp_path / c
    assert releases.rollback() == b
    assert releases.rollback() == a
    with pytest.raises(ReleaseError, match="nothing to roll back to"):
        releases.rollback()
    assert [s.release for s in releases.summaries() if s.published] == [a]


def test_why_a_release_came_into_service_is_kept_by_code_and_in_english(tmp_path: Path) -> None:
    first, second = (make(tmp_path, second=s).name for s in range(2))
    releases = Releases(tmp_path)
    releases.publish(first, "because I say so")
    releases.publish(second, Phrase("gate_passed"))
    releases.rollback()
    assert [entry.reason for entry in releases.history()] == ["because I say so", "gate passed", "rolled back"]
    assert [in_words(entry.phrase, "zh") for entry in releases.history()] == ["because I say so", "通过门禁", "已回退"]
    pointer = tmp_path / "published.json"
    kept = json.loads(pointer.read_text(encoding="utf-8"))
    kept["history"][1] = {"release": second, "at": "2026-01-01T00:00:00Z", "reason": "gate passed", "of_a_later": "one"}
    pointer.write_text(json.dumps(kept), encoding="utf-8")
    assert in_words(releases.history()[1].phrase, "zh") == "gate passed", "an older program kept no code"


def test_a_bad_release_is_not_published_and_the_old_one_stays(tmp_path: Path) -> None:
    good, bad = make(tmp_path), make(tmp_path, second=1)
    releases = Releases(tmp_path)
    releases.publish(good.name)
    (bad / "part" / "words.txt").write_text("altered", encoding="utf-8")
    with pytest.raises(ReleaseError, match="was altered"):
        releases.publish(bad.name)
    assert releases.published() == good.name
    with pytest.raises(ReleaseError, match="no release 'nowhere'"):
        releases.publish("nowhere")


def test_a_folder_that_means_no_one_release_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="holds no release"):
        find_release(tmp_path)
    only = make(tmp_path)
    assert find_release(tmp_path) == only == find_release(only)
    make(tmp_path, second=1)
    with pytest.raises(ReleaseError, match="holds 2 releases and none is published"):
        find_release(tmp_path)


def test_a_copy_over_a_loaded_release_as_the_docs_advise_leaves_it_answering(own_models: Path) -> None:
    folder = find_release(own_models)
    diagnoser = Diagnoser.load(folder)
    copy = own_models.parent / "copy"
    shutil.copytree(folder, copy)
    subprocess.run(["cp", "-a", "--remove-destination", f"{copy}/.", str(folder)], check=True)
    number = next(iter(diagnoser.parts.history.frame()["number"]))
    assert diagnoser.diagnose(Incident("X", short_description="VPN")).similar_incidents
    assert diagnoser.parts.history.records([number])[number]["number"] == number


def test_a_release_made_with_other_library_versions_is_loaded(tmp_path: Path) -> None:
    release = make(tmp_path)
    raw = json.loads((release / MANIFEST).read_text(encoding="utf-8"))
    raw["libraries"]["scikit-learn"] = "0.1.0"
    (release / MANIFEST).write_text(json.dumps(raw), encoding="utf-8")
    assert check_release(release).libraries["scikit-learn"] == "0.1.0"


PLAIN = {".json", ".npy", ".npz", ".arrow", ".safetensors", ".faiss", ".md"}


def test_a_trained_release_holds_plain_arrays_and_texts_and_no_pickle(models: Path) -> None:
    files = [path for path in find_release(models).rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= PLAIN
    assert any("routing" in path.parts for path in files)
    for path in files:
        if path.suffix in (".npy", ".npz"):
            loaded = np.load(path, allow_pickle=False)  # raises where an array holds objects
            arrays = [loaded] if path.suffix == ".npy" else [loaded[name] for name in loaded.files]
            assert all(array.dtype != object for array in arrays), path
        elif path.suffix == ".json":
            json.loads(path.read_text(encoding="utf-8"))
        else:
            assert path.read_bytes()[:1] != pickle.PROTO, path


def test_the_record_of_what_was_in_service_is_read_whatever_the_format_of_its_releases(tmp_path: Path) -> None:
    old, new = make(tmp_path), make(tmp_path, second=1, text="b")
    releases = Releases(tmp_path)
    releases.publish(old.name)
    releases.publish(new.name)
    manifest = json.loads((old / MANIFEST).read_text(encoding="utf-8"))
    (old / MANIFEST).write_text(json.dumps({**manifest, "format": 5}), encoding="utf-8")
    assert [entry.release for entry in releases.history()] == [old.name, new.name]
    assert [summary.release for summary in releases.summaries()] == [new.name]
    with pytest.raises(ReleaseError, match=f"has format 5, this program reads {FORMAT_VERSION}: train anew"):
        releases.rollback()
    assert releases.published() == new.name


def test_the_files_of_a_release_are_read_only(models):
    """A running service has them mapped: a copy over them would end it, and is refused to all but root."""
    folder = find_release(models)
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()} == {0o444}
