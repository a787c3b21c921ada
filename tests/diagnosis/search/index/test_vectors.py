"""VectorIndex against NumPy brute force, on values and order."""

import sys
import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from diagnosis.errors import InputError
from diagnosis.search import VectorIndex
from diagnosis.search.index import segments
from diagnosis.search.index.ids import Ids

DIMENSIONS = 16


def unit(n, seed, dimensions=DIMENSIONS):
    rows = np.random.default_rng(seed).normal(size=(n, dimensions)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def clustered(n, seed, dimensions=32):
    centres = np.random.default_rng(99).normal(size=(60, dimensions))
    rng = np.random.default_rng(seed)
    rows = centres[rng.integers(60, size=n)] + 0.6 * rng.normal(size=(n, dimensions))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def brute_force(rows, query, k, allowed=None):
    """The k nearest of a dict of id to vector in order of insertion, equal ones in that order."""
    kept = {i: v for i, v in rows.items() if v.any() and (allowed is None or i in allowed)}
    if not kept or not query.any():
        return []
    similarities = np.array([v.astype(float) @ query.astype(float) for v in kept.values()])
    order = np.argsort(-np.round(similarities, 9), kind="stable")[:k]
    return [(list(kept)[i], similarities[i]) for i in order]


def check(hits, expected, tolerance=1e-6):
    """Values and order; only what differs, yet by less than float32 tells apart, may change places."""
    np.testing.assert_allclose([s for _, s in hits], [s for _, s in expected], atol=tolerance)
    true = dict(expected)
    for (name, _), (wanted, similarity) in zip(hits, expected, strict=True):
        assert name == wanted or 0 < abs(true.get(name, -1) - similarity) < 1e-7


def test_values_and_order_are_those_of_brute_force():
    rows = dict(zip([f"n{i}" for i in range(900)], unit(900, 0), strict=True))
    index = VectorIndex(DIMENSIONS)
    for start in range(0, 900, 70):
        part = list(rows)[start : start + 70]
        index.add(part, np.array([rows[i] for i in part]))
    queries = unit(30, 1)
    for k in (0, 1, 7, 900, 2_000):
        for query, hits in zip(queries, index.search(queries, k), strict=True):
            check(hits, brute_force(rows, query, k))


def test_similarities_of_named_rows_are_those_that_a_search_gives():
    index, rows = VectorIndex(DIMENSIONS), unit(60, 3)
    rows[7] = 0.0
    index.add([f"n{i}" for i in range(60)], rows)
    index.add([f"n{i}" for i in range(40, 45)], unit(5, 4))
    index.remove(["n3"])
    wanted = ["n1", "n3", "n7", "n41", "n59", "nowhere"]
    query = unit(1, 5)
    cosines = dict(zip(wanted, index.similarities(Ids(wanted), query).tolist(), strict=True))
    found = dict(index.search(query, 60, frozenset(wanted))[0])
    assert cosines == {identifier: found.get(identifier, 0.0) for identifier in wanted}
    assert not index.similarities(Ids(wanted), np.zeros((1, DIMENSIONS), dtype=np.float32)).any()


def test_many_equal_rows_stand_in_order_of_insertion_and_none_is_missed():
    rows = np.repeat(unit(3, 0), 200, axis=0)
    index = VectorIndex(DIMENSIONS)
    for start in range(0, 600, 50):
        index.add([str(i) for i in range(start, start + 50)], rows[start : start + 50])
    hits = index.search(rows[:1], 250)[0]
    assert [name for name, _ in hits][:200] == [str(i) for i in range(200)]
    assert hits[0][1] == pytest.approx(1.0, abs=1e-6)


def test_added_replaced_and_removed_rows_count_at_once():
    index, vectors = VectorIndex(DIMENSIONS), unit(4, 0)
    index.add(["a", "b", "c"], vectors[:3])
    index.add(["b"], vectors[3:])
    assert index.search(vectors[3:], 1)[0][0] == ("b", pytest.approx(1.0, abs=1e-6))
    assert index.ids == ["a", "c", "b"]
    index.remove(["a", "unknown"])
    assert index.ids == ["c", "b"]
    assert len(index) == 2
    assert "a" not in dict(index.search(vectors[:1], 3)[0])


def test_of_an_id_given_twice_the_last_row_counts():
    index, vectors = VectorIndex(DIMENSIONS), unit(2, 0)
    index.add(["a", "a"], vectors)
    check(index.search(vectors[1:], 5)[0], [("a", 1.0)])


def test_a_zero_row_is_kept_and_never_matches_and_a_zero_query_finds_nothing():
    index, zero = VectorIndex(DIMENSIONS), np.zeros((1, DIMENSIONS), dtype=np.float32)
    index.add(["zero"], zero)
    index.add(["one"], unit(1, 0))
    assert index.ids == ["zero", "one"]
    assert [name for name, _ in index.search(unit(1, 1), 5)[0]] == ["one"]
    assert index.search(zero, 5) == [[]]
    assert VectorIndex(DIMENSIONS).search(unit(2, 0), 5) == [[], []]


def test_rows_are_scaled_to_unit_length():
    index = VectorIndex(2)
    index.add(["a"], np.array([[3.0, 4.0]], dtype=np.float32))
    assert index.search(np.array([[5.0, 0.0]]), 1)[0][0][1] == pytest.approx(0.6, abs=1e-6)


@pytest.mark.parametrize("form", ["mask", "set", "list", "function"])
def test_every_form_of_filter_gives_what_brute_force_gives(form):
    rows = dict(zip([f"n{i}" for i in range(300)], unit(300, 0), strict=True))
    index = VectorIndex(DIMENSIONS)
    index.add(list(rows), np.array(list(rows.values())))
    index.remove(["n4", "n5"])
    del rows["n4"], rows["n5"]
    allowed = {f"n{i}" for i in range(0, 300, 3)}
    forms = {
        "mask": np.array([i in allowed for i in index.ids]),
        "set": allowed,
        "list": sorted(allowed),
        "function": lambda ids: np.array([i in allowed for i in ids]),
    }
    queries = unit(5, 1)
    for query, hits in zip(queries, index.search(queries, 12, forms[form]), strict=True):
        check(hits, brute_force(rows, query, 12, allowed))


@pytest.mark.parametrize(
    ("ids", "vectors", "message"),
    [
        (["a"], np.zeros((1, 3)), r"shape \(1, 16\); found \(1, 3\)"),
        (["a", "b"], np.zeros((1, 16)), r"shape \(2, 16\); found \(1, 16\)"),
        (["a"], np.full((1, 16), np.nan), "found 1 rows that are not"),
    ],
)
def test_wrong_vectors_are_refused(ids, vectors, message):
    with pytest.raises(InputError, match=message):
        VectorIndex(DIMENSIONS).add(ids, vectors)


def test_a_mask_of_another_length_is_refused():
    index = VectorIndex(DIMENSIONS)
    index.add(["a", "b"], unit(2, 0))
    with pytest.raises(InputError, match="each of the 2 rows; found shape"):
        index.search(unit(1, 0), 1, np.ones(3, dtype=bool))


@pytest.fixture(scope="module")
def approximate():
    rows = clustered(4_000, 0)
    index = VectorIndex(32, exact_up_to=1_000)
    index.add([str(i) for i in range(4_000)], rows)
    assert index.wait(120)
    assert index.structure_ == "ivf"
    return index, rows


def test_approximate_search_meets_its_recall_and_its_similarities_are_true(approximate):
    index, rows = approximate
    assert index.recall_ >= 0.98
    queries = clustered(200, 1)
    true = -np.sort(-(queries @ rows.T), axis=1)[:, :10]
    found = index.search(queries, 10)
    recall = np.mean([sum(s >= t[-1] - 1e-3 for _, s in hits) / 10 for hits, t in zip(found, true, strict=True)])
    assert recall >= 0.96  # new questions are a little harder than the sample of own rows
    for query, hits in zip(queries, found, strict=True):
        np.testing.assert_allclose([s for _, s in hits], [rows[int(n)] @ query for n, _ in hits], atol=5e-4)
        assert [s for _, s in hits] == sorted((s for _, s in hits), reverse=True)


@pytest.mark.parametrize("kept", ["most", "more than half", "few", "far away"])
def test_approximate_search_finds_what_a_filter_leaves(approximate, kept, monkeypatch):
    index, rows = approximate
    monkeypatch.setattr("diagnosis.search.index.vectors.FEW", 200)
    drawn = np.random.default_rng(2).random(len(rows))
    far = rows @ rows[0] > np.quantile(rows @ rows[0], 0.8)
    mask = {"most": drawn < 0.9, "more than half": drawn < 0.6, "few": drawn < 0.02, "far away": far}[kept]
    queries = clustered(60, 3)
    true = -np.sort(-np.where(mask, queries @ rows.T, -2), axis=1)[:, :10]
    found = index.search(queries, 10, mask)
    assert all(mask[int(name)] for hits in found for name, _ in hits)
    recall = np.mean([sum(s >= t[-1] - 1e-3 for _, s in hits) / 10 for hits, t in zip(found, true, strict=True)])
    assert recall >= 0.95


def test_the_same_rows_and_seed_give_the_same_answers_and_loading_does_not_change_them(approximate, tmp_path):
    index, rows = approximate
    again = VectorIndex(32, exact_up_to=index.exact_up_to)
    again.add([str(i) for i in range(4_000)], rows)
    assert again.wait(120)
    queries = clustered(50, 4)
    assert again.search(queries, 10) == index.search(queries, 10)
    index.save(tmp_path)
    loaded = VectorIndex.load(tmp_path)
    assert loaded.search(queries, 10) == index.search(queries, 10)
    assert (loaded.recall_, loaded.structure_) == (index.recall_, index.structure_)


def test_an_empty_index_and_a_changed_one_survive_saving(tmp_path):
    VectorIndex(DIMENSIONS, seed=3).save(tmp_path / "empty")
    assert VectorIndex.load(tmp_path / "empty").search(unit(1, 0), 3) == [[]]
    index, rows = VectorIndex(DIMENSIONS), unit(50, 0)
    index.add([f"数{i}" for i in range(50)], rows)
    index.remove(["数7"])
    index.save(tmp_path / "some")
    loaded = VectorIndex.load(tmp_path / "some")
    assert loaded.search(rows, 5) == index.search(rows, 5)
    loaded.add(["new"], unit(1, 9))
    assert loaded.search(unit(1, 9), 1)[0][0][0] == "new"


def halted_merges(monkeypatch):
    """Let merges wait; return what says that one has begun, and what lets it go on."""
    merging, go_on = threading.Event(), threading.Event()
    merge = VectorIndex._merge

    def slow(self, views):
        merging.set()
        assert go_on.wait(30)
        return merge(self, views)

    monkeypatch.setattr(VectorIndex, "_merge", slow)
    return merging, go_on


def test_what_is_saved_while_rows_come_and_go_is_one_whole_state(tmp_path, monkeypatch):
    index, rows = VectorIndex(DIMENSIONS), unit(50, 0)
    index.add([str(i) for i in range(49)], rows[:49])
    monkeypatch.setattr(segments, "SMALL", 0)
    index.remove(["0"])
    merging, go_on = halted_merges(monkeypatch)
    saving = threading.Thread(target=index.save, args=(tmp_path,))
    changing = threading.Thread(target=index.add, args=(["new"], rows[49:]))
    saving.start()
    assert merging.wait(30)
    changing.start()
    changing.join(0.1)  # it may have to wait until all is saved
    go_on.set()
    saving.join(30)
    changing.join(30)
    assert set(VectorIndex.load(tmp_path).ids) | {"new"} == set(index.ids) == {"new", *map(str, range(1, 49))}


def test_rows_added_and_removed_during_a_rebuild_are_right_when_it_swaps_in(monkeypatch):
    rows = unit(600, 0)
    index = VectorIndex(DIMENSIONS)
    index.add([str(i) for i in range(500)], rows[:500])
    monkeypatch.setattr(segments, "SMALL", 0)
    index.remove(["0"])
    merging, go_on = halted_merges(monkeypatch)
    thread = threading.Thread(target=index.rebuild)
    thread.start()
    assert merging.wait(30)
    index.add(["500"], rows[500:501])
    index.remove(["1"])
    index.add(["2"], rows[501:502])
    before = index.search(rows[:40], 20)
    go_on.set()
    thread.join(30)
    assert index.wait(30)
    assert index.search(rows[:40], 20) == before
    assert len(index) == 499
    expected = {str(i): rows[i] for i in range(3, 501)} | {"2": rows[501]}
    for query in rows[:5]:
        check(index.search(query[None], 20)[0], brute_force(expected, query, 20))


def test_a_failing_rebuild_leaves_the_index_as_it_was(monkeypatch):
    index, rows = VectorIndex(DIMENSIONS), unit(9, 0)
    index.add([str(i) for i in range(9)], rows)
    index.remove([])
    before = index.search(rows, 3)

    def broken(self, views):
        raise MemoryError

    monkeypatch.setattr(VectorIndex, "_merge", broken)
    monkeypatch.setattr(segments, "SMALL", 0)
    index._views[0].segment.settled = False
    with pytest.raises(MemoryError):
        index.rebuild()
    assert index.wait(1)
    assert index.search(rows, 3) == before


@pytest.fixture
def quick_switches():
    """Let threads take turns so often that one is stopped between any two steps of another."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


def test_searches_while_rows_come_and_go_always_see_a_whole_state(quick_switches):
    """Each id always has one of two vectors, so a search sees each living id once, never twice and never not at all."""
    one, other = unit(200, 0), unit(200, 1)
    index, names = VectorIndex(DIMENSIONS), [str(i) for i in range(200)]
    index.add(names, one)
    wrong, stop = [], threading.Event()
    each, either = Ids(names), np.stack([one @ one[0], other @ one[0]])

    def read():
        while not stop.is_set():
            found = [name for name, _ in index.search(one[:1], 200)[0]]
            if sorted(found) != sorted(names):
                wrong.append(found)
            cosines = index.similarities(each, one[:1])
            if np.abs(either - cosines).min(axis=0).max() > 1e-5:
                wrong.append(cosines)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    rng = np.random.default_rng(0)
    for _ in range(150):
        part = rng.choice(200, size=rng.integers(1, 40), replace=False)
        index.add([names[i] for i in part], (one if rng.random() < 0.5 else other)[part])
    stop.set()
    for reader in readers:
        reader.join()
    assert not wrong


class Changes(RuleBasedStateMachine):
    """Any order of adding, replacing, removing and rebuilding leaves the index equal to brute force over a dict."""

    def __init__(self):
        super().__init__()
        self.index = VectorIndex(4)
        self.rows = {}

    @rule(names=st.lists(st.integers(0, 30), min_size=1, max_size=12), seed=st.integers(0, 999))
    def add(self, names, seed):
        vectors = unit(len(names), seed, 4)
        vectors[0] *= seed % 4 > 0
        self.index.add([str(n) for n in names], vectors)
        last = {str(n): v for n, v in zip(names, vectors, strict=True)}
        for name in last:
            self.rows.pop(name, None)
        self.rows |= last

    @rule(names=st.lists(st.integers(0, 30), max_size=8))
    def remove(self, names):
        self.index.remove([str(n) for n in names])
        for name in names:
            self.rows.pop(str(name), None)

    @rule()
    def rebuild(self):
        self.index.rebuild()

    @invariant()
    def equals_brute_force(self):
        assert self.index.ids == list(self.rows)
        query = unit(1, 7, 4)
        check(self.index.search(query, 6)[0], brute_force(self.rows, query[0], 6))


TestChanges = Changes.TestCase
TestChanges.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


def test_a_build_ends_where_twice_the_effort_does_not_yet_tell_equal_rows_apart():
    """Thousands of equal reports before a few that differ from them by less than the codes can say."""
    rng = np.random.default_rng(0)
    topics = rng.normal(size=(60, DIMENSIONS))
    unlike = topics[rng.integers(1, 60, size=15_000)]
    nearly = topics[0] + 0.01 * rng.normal(size=(600, DIMENSIONS))
    rows = np.vstack([np.repeat(topics[:1], 4_400, axis=0), unlike, nearly]).astype(np.float32)
    index = VectorIndex(DIMENSIONS, exact_up_to=5_000)
    index.add([f"n{i}" for i in range(len(rows))], rows)
    assert index.wait(60)
    assert index.structure_ == "ivf"
    assert index.recall_ >= 0.98
