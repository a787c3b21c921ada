"""Ids, and the best of many scores, against what Python itself says."""

import numpy as np
import pytest

from diagnosis.search.index import ids as module
from diagnosis.search.index.ids import Ids
from diagnosis.search.index.segments import highest

NAMES = ["INC1", "工单二", "", "a\x1f0", "INC10", "inc1"]


@pytest.fixture(params=["hashes", "one hash for all"])
def hashed(request, monkeypatch):
    if request.param != "hashes":
        monkeypatch.setattr(module, "hash_array", lambda names, **_: np.full(len(names), 7, dtype=np.uint64))


@pytest.mark.usefixtures("hashed")
def test_rows_are_found_by_name_in_memory_on_disk_and_joined(tmp_path):
    wanted = ["nobody", *reversed(NAMES), "INC"]
    expected = [-1, *reversed(range(len(NAMES))), -1]
    Ids(NAMES).save(tmp_path)
    marked = [np.array([True] * 4 + [False] * 2), np.array([False] * 4 + [True] * 2)]
    for ids in (Ids(NAMES), Ids.load(tmp_path), Ids.joined([(Ids(NAMES), part) for part in marked])):
        assert ids.find(Ids(wanted)).tolist() == expected
        assert ids.names == NAMES
        assert ids.at(np.array([4, 0, 4])) == ["INC10", "INC1", "INC10"]
    assert Ids([]).find(Ids(NAMES)).tolist() == [-1] * len(NAMES)


@pytest.mark.parametrize("n", [0, 1, 70, 5_003])
@pytest.mark.parametrize("k", [0, 1, 9, 400])
def test_the_highest_scores_are_those_of_a_stable_sort(n, k):
    rng = np.random.default_rng(n + k)
    for scores in (rng.normal(size=n), rng.integers(0, 30, size=n).astype(float), np.zeros(n)):
        for above in (-np.inf, 0.0):
            order = [place for place in np.argsort(-scores, kind="stable").tolist() if scores[place] > above]
            assert highest(scores, k, above).tolist() == order[:k]
