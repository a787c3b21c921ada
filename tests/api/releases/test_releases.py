"""Releases change in service without one failed request; a bad one is refused and the one in service stays."""

import errno
import gc
import json
import shutil
import threading
import time
import weakref
from pathlib import Path

import pytest

from api.settings import Settings
from diagnosis.diagnoser import Diagnoser
from diagnosis.releases import Releases
from diagnosis.store import Store
from tests.api.diagnoses.test_diagnoses import CHINESE
from tests.serving import Serving
from tests.waiting import soon

FORCE = {"force": "a test"}  # what was trained without evaluation cannot be compared


@pytest.fixture
def client(own_models: Path, tmp_path: Path):
    with Serving(Settings(database=f"sqlite:///{tmp_path / 'f.db'}", models=own_models)) as one:
        yield one


def test_releases_are_swapped_under_load_without_a_failed_request(client, own_models) -> None:
    listed = client.get("/v1/releases").json()["items"]
    (first,) = [one["release"] for one in listed if one["in_service"]]
    (second,) = [one["release"] for one in listed if not one["in_service"]]
    stop, answers = threading.Event(), []

    def ask() -> None:
        while not stop.is_set():
            answer = client.post("/v1/diagnoses", json={"number": "SWAP", **CHINESE})
            answers.append((answer.status_code, answer.json().get("release")))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for one in threads:
        one.start()
    try:
        assert client.post(f"/v1/releases/{second}/publish", params=FORCE).json() == {"release": second}
        assert client.post("/v1/diagnoses", json={"number": "SWAP", **CHINESE}).json()["release"] == second
        assert client.post("/v1/releases/rollback").json() == {"release": first}
    finally:
        stop.set()
        for one in threads:
            one.join()
    assert {status for status, _ in answers} == {200}
    assert {release for _, release in answers} <= {first, second}
    assert Releases(own_models).published() == first
    assert client.get("/health/ready").json()["release"] == first
    assert client.post("/v1/releases/rollback").status_code == 409


def test_a_release_that_cannot_be_compared_is_put_into_service_by_a_person_alone(client, own_models) -> None:
    (other,) = [one["release"] for one in client.get("/v1/releases").json()["items"] if not one["in_service"]]
    refused = client.post(f"/v1/releases/{other}/publish")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:faultwise:problem:gate-refused")
    assert "could not be compared with" in refused.json()["detail"]
    assert Releases(own_models).published() != other
    assert client.post(f"/v1/releases/{other}/publish", params=FORCE).json() == {"release": other}


def test_what_was_stored_before_a_swap_is_found_after_it(client) -> None:
    record = {"number": "BEFORE", "short_description": "quokka-17 feeder is empty", "description": "quokka-17 feeder"}
    client.post("/v1/incidents", json=record)
    (other,) = [one["release"] for one in client.get("/v1/releases").json()["items"] if not one["in_service"]]
    client.post(f"/v1/releases/{other}/publish", params=FORCE)
    hits = client.get("/v1/search", params={"q": "quokka-17 feeder", "in": "incidents"}).json()["hits"]
    assert hits[0]["number"] == "BEFORE", "the new release caught up before it answered"


def test_a_bad_release_is_refused_and_the_old_one_stays(client, own_models) -> None:
    good = client.get("/health/ready").json()["release"]
    bad = own_models / "2026-01-01T00-00-00Z-dead"
    shutil.copytree(own_models / good, bad, symlinks=False)
    manifest = bad / "manifest.json"
    manifest.write_text(manifest.read_text("utf-8").replace(good, bad.name), "utf-8")
    altered = next(path for path in sorted(bad.rglob("*")) if path.is_file() and path != manifest)
    altered.write_bytes(altered.read_bytes() + b" ")
    refused = client.post(f"/v1/releases/{bad.name}/publish")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:faultwise:problem:release-refused")
    assert "altered" in refused.json()["detail"]
    assert client.post("/v1/releases/none/publish").status_code == 404
    assert Releases(own_models).published() == good
    assert client.post("/v1/diagnoses", json={"number": "BAD"}).json()["release"] == good
    assert "faultwise_releases_refused_total 1.0" in client.get("/metrics").text


def test_a_replica_follows_the_pointer_that_another_moved(client, own_models, monkeypatch) -> None:
    read, failed = Path.read_text, threading.Event()

    def stale(path: Path, *how: object, **options: object) -> str:
        if path.parent == own_models:
            failed.set()
            raise OSError(errno.ESTALE, "stale file handle")
        return read(path, *how, **options)

    with monkeypatch.context() as away:  # as a folder on the network may be for a moment
        away.setattr(Path, "read_text", stale)
        assert soon(failed.is_set)
    (other,) = [one["release"] for one in client.get("/v1/releases").json()["items"] if not one["in_service"]]
    Releases(own_models).publish(other)
    assert soon(lambda: client.get("/health/ready").json()["release"] == other)
    assert f'faultwise_release_info{{release="{other}"}} 1.0' in client.get("/metrics").text


def test_a_service_without_a_release_takes_the_first_that_is_published(models: Path, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    with Serving(Settings(database=f"sqlite:///{tmp_path / 'g.db'}", models=folder)) as waiting:
        assert waiting.get("/health/ready").status_code == 503
        release = Releases(models).published()
        assert release is not None
        (folder / release).symlink_to(models / release)
        Releases(folder).publish(release)
        time.sleep(0.5)
        assert soon(lambda: waiting.get("/health/ready").status_code == 200)


def test_a_release_that_goes_is_let_go_of_without_a_collection(models) -> None:
    releases = Releases(models)
    diagnoser = Diagnoser.load(releases.path(releases.published()))
    parts = diagnoser.parts
    held = [weakref.ref(one) for one in (parts.retriever, parts.history, parts.suggester, *parts.routers.values())]
    del parts
    gc.disable()
    try:
        del diagnoser
        assert [one() for one in held] == [None] * len(held)
    finally:
        gc.enable()


def test_publishing_loads_one_release_into_the_service_and_leaves_none_behind(client, monkeypatch) -> None:
    load, loaded = Diagnoser.load, []

    def noted(folder: Path) -> Diagnoser:
        diagnoser = load(folder)
        loaded.append(weakref.ref(diagnoser.parts))
        return diagnoser

    monkeypatch.setattr(Diagnoser, "load", noted)
    monkeypatch.setattr(client.app.state.service.serving, "load", noted)
    for turn in range(4):
        (other,) = [one["release"] for one in client.get("/v1/releases").json()["items"] if not one["in_service"]]
        assert client.post(f"/v1/releases/{other}/publish", params=FORCE).status_code == 200
        assert client.post("/v1/diagnoses", json={"number": f"LEFT{turn}", **CHINESE}).status_code == 200
        assert client.post("/v1/incidents", json={"number": f"KEPT{turn}", **CHINESE}).is_success
    assert len(loaded) == 4, "what the gate compares is loaded by a process of its own"
    assert soon(lambda: sum(parts() is not None for parts in loaded) == 1)


@pytest.mark.parametrize(("same_store", "found"), [(True, ["AFTER"]), (False, ["AFTER", "BEFORE"])])
def test_what_a_release_was_trained_from_is_not_read_again(models, tmp_path, same_store, found) -> None:
    url = f"sqlite:///{tmp_path / 'f.db'}"
    store = Store.open(url)
    store.incidents.put({"BEFORE": {"number": "BEFORE", "short_description": "zeppelin mooring mast"}})
    heard = store.changes.cursor()
    store.incidents.put({"AFTER": {"number": "AFTER", "short_description": "zeppelin hangar door"}})
    store.close()
    published = Releases(models).published()
    shutil.copytree(models / published, tmp_path / "models" / published)
    path = tmp_path / "models" / published / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["data"]["store"] = heard.to_dict() if same_store else {**heard.to_dict(), "store": 1}
    path.write_text(json.dumps(manifest))
    Releases(tmp_path / "models").publish(published)
    with Serving(Settings(database=url, models=tmp_path / "models")) as client:
        hits = client.get("/v1/search", params={"q": "zeppelin", "in": "incidents"}).json()["hits"]
        assert sorted(hit["number"] for hit in hits if hit["number"] in ("AFTER", "BEFORE")) == found
