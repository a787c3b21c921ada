"""Vectors in pgvector on a real PostgreSQL server: the same answers as in process, for every replica."""

import numpy as np
import pytest

from api.settings import Settings
from api.shared_vectors import SharedReleases, SharedVectors
from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import InputError
from diagnosis.releases import Releases
from diagnosis.search import Filters
from diagnosis.search.index.ids import Ids
from diagnosis.search.index.vectors import VectorIndex
from diagnosis.store.database import Database
from diagnosis.store.vectors import VectorRows
from tests.api.diagnoses.test_diagnoses import diagnose
from tests.api.records.test_records import found
from tests.serving import Serving
from tests.waiting import soon

QUERIES = ["printer shows paper jam", "打印机提示卡纸", "VPN certificate expired", "mailbox 邮箱 quota", ""]


@pytest.fixture
def rows(postgres_url: str):
    database = Database(postgres_url)
    yield VectorRows(database)
    database.close()


def everything(names):
    return np.ones(len(names), dtype=bool)


def test_nearest_rows_and_cosines_are_those_of_the_index_in_process(rows) -> None:
    rng = np.random.default_rng(7)
    vectors = rng.normal(size=(300, 24)).astype(np.float32)
    vectors[200:205], vectors[9] = vectors[3], 0  # equal rows stand in order of insertion; a zero row never matches
    ids, queries = [f"I{i}" for i in range(300)], np.vstack([vectors[3], rng.normal(size=(4, 24)), np.zeros(24)])
    here, there = VectorIndex(24), SharedVectors(rows, "r/one")
    other = SharedVectors(rows, "r/two")
    for index in (here, there):
        index.add(ids, vectors)
        index.add(["I5", "new"], vectors[[7, 8]])
        index.remove(["I1", "unknown"])
    other.add(["I3"], vectors[[4]])
    wanted = Ids(["I3", "I1", "I9", "new", "unknown"])
    for query in queries.astype(np.float32):
        nearest = here.search(query[None], 10)[0]
        assert there.search(query[None], 10, everything)[0] == nearest
        assert there.similarities(wanted, query[None]).tolist() == here.similarities(wanted, query[None]).tolist()
    few = {"I250", "I3", "I1"}
    assert there.search(queries[:1], 10, lambda names: np.isin(names, list(few))) == here.search(queries[:1], 10, few)
    assert [name for name, _ in other.search(queries[:1], 10, everything)[0]] == ["I3"]


def test_the_first_replica_fills_an_index_and_what_is_no_longer_served_goes(rows) -> None:
    vectors = np.eye(3, dtype=np.float32)
    rows.fill("old/x", ["a"], vectors[:1])
    rows.fill("new/x", ["a", "b"], vectors[:2])
    rows.fill("new/x", ["c"], vectors[2:])
    assert sorted(rows.get("new/x", ["a", "b", "c"])[0]) == ["a", "b"]
    rows.keep(["new/"])
    assert rows.get("old/x", ["a"])[0] == []
    assert len(rows.get("new/x", ["a", "b"])[0]) == 2


@pytest.mark.parametrize("corpus", ["knowledge", "incidents"])
def test_a_release_answers_the_same_whole_and_filtered(models, rows, corpus) -> None:
    releases = Releases(models)
    folder = releases.path(releases.published())
    here, there = Diagnoser.load(folder), SharedReleases(rows, releases).load(folder)
    number = here.search(QUERIES[:1], corpus, 1)[0][0].number
    for filters in (None, Filters(service="Printing"), Filters(exclude=frozenset({number}))):
        assert there.search(QUERIES, corpus, 8, filters) == here.search(QUERIES, corpus, 8, filters)


def test_replicas_share_vectors_and_hear_of_each_other(postgres_url, models) -> None:
    settings = Settings(database=postgres_url, models=models, vectors="pgvector")
    with Serving(settings) as one, Serving(settings) as other:
        text = "zebra-4711 scanner beeps twice"
        one.post("/v1/incidents", json={"number": "SHARED", "short_description": text, "description": text})
        for replica in (one, other):
            assert soon(lambda replica=replica: found(replica, text, "incidents")[:1] == ["SHARED"])
        assert diagnose(other, "BOTH")["similar_incidents"]
        one.delete("/v1/incidents/SHARED")
        assert soon(lambda: "SHARED" not in found(other, text, "incidents"))


def test_sqlite_has_no_pgvector(tmp_path) -> None:
    with pytest.raises(InputError, match="expected a PostgreSQL database"):
        VectorRows(Database(f"sqlite:///{tmp_path / 'a.db'}"))
