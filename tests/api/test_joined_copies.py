"""A start from a copy with what is stored answers as one that joins it anew, and whatever differs is not used."""

import json
import shutil
from pathlib import Path

import pytest

from api.joined_copies import JoinedCopies, make_copy
from api.joining import join_next, load_release
from api.settings import Settings
from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import ReleaseError
from diagnosis.locks import locked
from diagnosis.release import MANIFEST
from diagnosis.releases import Releases
from diagnosis.store import Store
from tests.api.records.test_records import found
from tests.serving import Serving
from training.erase import erase

REPORTS = {
    f"KEPT{n}": {"number": f"KEPT{n}", "short_description": text, "opened_at": f"2026-11-0{n + 1}T09:00:00Z"}
    for n, text in enumerate(["zebra-4711 scanner beeps", "斑马扫描枪不亮", "VPN drops", "printer jam 卡纸", "no mail"])
}
# A copy is made and used alike whatever holds the records: one database is enough for every day.
pytestmark = pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("postgres", marks=pytest.mark.system)], indirect=True
)
QUESTION = {"number": "ASKED", "short_description": "zebra-4711 scanner beeps twice 斑马扫描枪"}


@pytest.fixture
def releases(models: Path, tmp_path: Path) -> Releases:
    folder = tmp_path / "models"
    shutil.copytree(models, folder)
    return Releases(folder)


@pytest.fixture
def store(database_url):
    store = Store.open(database_url)
    store.incidents.put({**REPORTS, "KEPT4": {**REPORTS["KEPT4"], "caller": "Zhang Sanfeng"}})
    yield store
    store.close()


@pytest.fixture
def copies(store: Store, releases: Releases) -> JoinedCopies:
    """Return copies of which one was made, in a process of its own, and has everything that is stored."""
    copies = JoinedCopies(store, releases, worthwhile=len(REPORTS))
    copies.renew(releases.published())
    assert len(made(releases)) == 1
    return copies


def made(releases: Releases) -> list[Path]:
    return sorted(path.parent for path in releases.copies.glob(f"*/*/{MANIFEST}"))


def answered(diagnoser: Diagnoser) -> dict:
    answer = diagnoser.diagnose(QUESTION).to_dict()
    suggested = [(suggestion["number"], suggestion["score"]) for suggestion in answer["suggestions"]]
    return {**answer, "id": "", "created_at": "", "suggestions": suggested}


def test_a_copy_answers_as_what_is_joined_anew(copies, releases, store):
    release = releases.published()
    copied, joined = copies.load(release), load_release(releases.path(release), Diagnoser.load, store)
    assert copied.applied == store.changes.last()
    while not join_next(joined, store).complete:
        pass
    assert answered(copied.diagnoser) == answered(joined.diagnoser)
    assert copied.diagnoser.search(["zebra-4711"], "incidents")[0][0].number == "KEPT0"


def test_a_service_starts_from_it_and_takes_in_what_came_since(copies, releases, store, database_url):
    store.incidents.put({"LATER": {"number": "LATER", "short_description": "quagga-0815 does not start"}})
    with Serving(Settings(database=database_url, models=releases.folder)) as client:
        assert client.post("/v1/diagnoses", json=QUESTION).json()["release"] == releases.published()
        for word, number in (("zebra-4711", "KEPT0"), ("quagga-0815", "LATER")):
            assert found(client, word, "incidents")[0] == number


def test_nothing_is_made_for_a_few_changes_and_one_copy_stays(copies, releases, store):
    release, first = releases.published(), made(releases)
    copies.renew(release)
    store.incidents.put({"NEXT": {"number": "NEXT", "short_description": "okapi-1 is slow"}})
    copies.renew(release)
    assert made(releases) == first
    store.incidents.put({f"NEXT{n}": {"number": f"NEXT{n}", "short_description": "okapi"} for n in range(4)})
    copies.renew(release)
    assert made(releases) != first
    assert len(made(releases)) == 1
    assert copies.load(release).applied == store.changes.last()


@pytest.mark.parametrize("where", ["copy", "release"])
def test_what_was_altered_is_not_used(copies, releases, where):
    folder = made(releases)[0] if where == "copy" else releases.path(releases.published())
    file = folder / "parts.json"
    file.chmod(0o644)
    file.write_text(file.read_text() + " ")
    assert copies.load(releases.published()) is None
    if where == "release":
        with pytest.raises(ReleaseError, match=r"parts\.json was altered"):
            Diagnoser.load(folder)


@pytest.mark.parametrize("entry", ["release", "content", "program", "erasures"])
def test_a_copy_of_something_else_is_not_used_and_goes(copies, releases, entry):
    manifest = made(releases)[0] / MANIFEST
    content = json.loads(manifest.read_text())
    content["data"][entry] = "another"
    manifest.chmod(0o644)
    manifest.write_text(json.dumps(content))
    assert copies.load(releases.published()) is None
    copies.worthwhile = 100
    copies.renew(releases.published())
    assert not made(releases)


def test_another_store_does_not_use_it(copies, releases, tmp_path):
    other = Store.open(f"sqlite:///{tmp_path / 'other.db'}")
    assert JoinedCopies(other, releases).load(releases.published()) is None
    other.close()


def test_what_was_deleted_does_not_stay_in_a_copy(copies, releases, store):
    store.incidents.delete("KEPT4")
    assert copies.load(releases.published()) is None
    copies.renew(releases.published())  # as much is stored as makes a copy worthwhile
    assert "Sanfeng" not in _callers(made(releases)[0])


def test_who_was_erased_does_not_stay_in_a_copy(copies, releases, store):
    kept = made(releases)[0]
    shutil.copytree(kept, aside := releases.folder.with_name("aside"))
    assert "Sanfeng" in _callers(kept)
    erase(store, releases, ["Zhang Sanfeng"])
    assert not made(releases)
    shutil.copytree(aside, kept)  # one that was being made meanwhile
    assert copies.load(releases.published()) is None
    copies.renew(releases.published())
    assert all("Sanfeng" not in _callers(folder) for folder in made(releases))


def _callers(copy: Path) -> str:
    return " ".join(map(str, Diagnoser.load(copy).parts.history.frame(("number", "caller"))["caller"]))


def test_only_one_process_makes_a_copy(copies, releases, store):
    before, url = made(releases), store.database.url.render_as_string(hide_password=False)
    with locked(before[0].parent / ".lock"):
        make_copy(url, releases.folder, releases.published())
    assert made(releases) == before
