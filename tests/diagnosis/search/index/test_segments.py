"""Views: places among living rows and rows, and vectors read by their bits."""

import numpy as np
import pandas as pd
import pytest

from diagnosis.search.index.ids import Ids
from diagnosis.search.index.neighbours import widened
from diagnosis.search.index.segments import SegmentView, dead_rows, located, ranks, rows_at
from diagnosis.search.passages import microseconds


class Segment:
    settled = True

    def __init__(self, ids):
        self.ids = ids


def views_of(*alive):
    names = iter(range(10_000))
    return [SegmentView(Segment(Ids([str(next(names)) for _ in one])), np.array(one, dtype=bool)) for one in alive]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.9, 1.0])
def test_places_and_rows_are_those_of_the_living_rows_written_out(share):
    rng = np.random.default_rng(0)
    views = views_of(*(rng.random(n) >= share for n in (50, 1, 7, 30)))
    living = np.flatnonzero(np.concatenate([view.alive for view in views]))
    dead, every = dead_rows(views), np.arange(len(living))
    assert rows_at(dead, every).tolist() == living.tolist()
    assert ranks(dead, living).tolist() == every.tolist()


def test_located_names_each_place_once_and_leaves_out_views_without_any():
    views = views_of([True, False, True], [True] * 4, [True, True])
    names = {}
    for view, which, rows in located(views, np.array([7, -1, 0, 1])):
        names |= dict(zip(which.tolist(), view.segment.ids.at(rows), strict=True))
    assert names == {0: "8", 2: "0", 3: "2"}
    assert [view.segment.ids.names for view, _, _ in located(views, np.array([2, 5]))] == [["3", "4", "5", "6"]]
    assert not list(located(views, np.empty(0, dtype=np.intp)))


def test_every_number_of_sixteen_bits_is_read_as_numpy_reads_it():
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    finite = every[np.isfinite(every)].reshape(-1, 16)
    np.testing.assert_array_equal(widened(finite), finite.astype(np.float32))
    np.testing.assert_array_equal(widened(finite[::2, ::-1]), finite[::2, ::-1].astype(np.float32))


def test_a_moment_has_the_microseconds_that_a_frame_gives_it():
    for expected in np.random.default_rng(1).integers(10**15, 2 * 10**15, 500).tolist():
        assert microseconds(pd.Timestamp(expected, unit="us", tz="UTC").to_pydatetime()) == expected
