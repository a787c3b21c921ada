"""Work in pieces gives the same wherever it runs: threads, processes, and a Dask cluster of several processes."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from diagnosis.errors import InputError
from diagnosis.release import Manifest
from diagnosis.releases import find_release
from tests.history import articles, incidents
from tests.training.conftest import solved
from tests.training.pieces import whereabouts
from tests.waiting import soon
from training.parallel.bulk import diagnose_in_pieces
from training.parallel.workers import Workers
from training.settings import TrainSettings
from training.train import train

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def cluster():
    """Yield the address of a scheduler with two workers, each a process of its own."""
    pytest.importorskip("distributed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, quiet = f"tcp://127.0.0.1:{port}", {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    scheduler = ["dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    worker = ["dask_worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny", "--host", "127.0.0.1"]
    started = [
        subprocess.Popen([sys.executable, "-m", f"distributed.cli.{name}", *more], cwd=ROOT, **quiet)
        for name, *more in (scheduler, worker, worker)
    ]
    try:
        yield address
    finally:
        for process in started:
            process.kill()  # a worker that has lost its scheduler would wait for another
        for process in started:
            process.wait()


def waited_for(address: str, workers: int) -> None:
    from distributed import Client

    with Client(address, timeout="60s", set_as_default=False) as client:
        assert soon(lambda: len(client.scheduler_info()["workers"]) == workers, 60)


def test_pieces_come_back_in_order_from_several_processes(cluster) -> None:
    expected = [whereabouts(seed)[0] for seed in range(6)]
    waited_for(cluster, 2)
    for workers in (Workers(), Workers("threading", 3), Workers("loky", 2), Workers("dask", scheduler=cluster)):
        found = workers.each(whereabouts, range(6))
        assert [value for value, _ in found] == expected, workers
        if workers.backend == "dask":
            assert len({process for _, process in found}) == 2
            assert os.getpid() not in {process for _, process in found}


@pytest.mark.system
def test_a_training_on_a_cluster_makes_the_same_release(cluster, tmp_path) -> None:
    settings = TrainSettings(encoder_steps=1000, audit=False, evaluate=False)
    waited_for(cluster, 2)
    frame, made = solved(140), []
    for place, chosen in enumerate((settings, replace(settings, parallel_backend="dask", parallel_scheduler=cluster))):
        made.append(Manifest.read(train(frame, articles(), chosen, tmp_path / str(place)).folder))
    assert made[0].files == made[1].files
    assert made[0].content == made[1].content
    assert made[1].settings["parallel_backend"] == "dask"


class Backwards(Workers):
    """Hands the pieces out from the last to the first, as a cluster may that has lost a machine."""

    def stream(self, work, pieces):
        done = [work(piece) for piece in reversed(pieces)]
        yield from reversed(done)


def test_a_file_is_diagnosed_alike_wherever_its_pieces_are(cluster, models, tmp_path) -> None:
    later = incidents(150, seed=3).sample(frac=1, random_state=0)
    later["number"] = "LATER" + later["number"]
    later["opened_at"] = later["opened_at"].str.replace("2026-", "2027-")
    later["resolved_at"] = later["resolved_at"].str.replace("2026-", "2027-")
    waited_for(cluster, 2)

    def said(workers: Workers) -> list[dict]:
        found = [json.loads(one) for one in diagnose_in_pieces(find_release(models), later, workers, tmp_path)]
        for one in found:
            del one["id"], one["created_at"]
            one["suggestions"] = [each["id"] for each in one["suggestions"]]  # the clock is in their scores
        return found

    expected = said(Workers())
    assert [one["incident"] for one in expected] == sorted(later["number"])
    assert any(like["number"].startswith("LATER") for one in expected for like in one["similar_incidents"])
    assert any(one["at_resolution"] for one in expected)
    assert any(one["problem"] for one in expected)  # of the release's history
    for workers in (Workers("loky", 2), Workers("dask", scheduler=cluster), Backwards()):
        assert said(workers) == expected, workers
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"parallel_backend": "spark"}, "expected one of loky, threading, dask; found 'spark'"),
        ({"parallel_backend": "dask"}, "expected 'dask' and an address together"),
        ({"parallel_scheduler": "tcp://127.0.0.1:1"}, "expected 'dask' and an address together"),
        ({"parallel_jobs": 0}, "expected -1 or at least 1; found 0"),
    ],
)
def test_a_place_that_cannot_be_is_refused(given, words) -> None:
    with pytest.raises(InputError, match=words):
        TrainSettings(**given)


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("training.parallel.workers._PATIENCE", "1s")
    with pytest.raises(InputError, match="no Dask scheduler answers at tcp://127"):
        Workers("dask", scheduler="tcp://127.0.0.1:9").each(whereabouts, [1])
