"""A long history is learned beside the requests, by a process of its own, and teaches the same."""

import pytest

from api.surges import learning
from api.surges.learning import learn_history, new_detector
from api.surges.settings import SurgeSettings
from benchmarks.surge_histories import half_year
from diagnosis.processes import InterruptedComputationError


def test_a_process_of_its_own_learns_what_this_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    arrivals, settings = half_year(100, planted=5)[0][:3000], SurgeSettings()
    monkeypatch.setattr(learning, "LARGE", len(arrivals) + 1)
    here = learn_history(arrivals, settings, "", lambda: False)
    monkeypatch.setattr(learning, "LARGE", len(arrivals))
    assert learn_history(arrivals, settings, "", lambda: False) == here
    assert here.surges
    assert here.courses.keys() <= here.surges.keys()
    with pytest.raises(InterruptedComputationError):
        learn_history(arrivals, settings, "", lambda: True)
    detector = new_detector(settings, "")
    detector.restore(here.state)
    assert detector.latest == arrivals[-1].at
