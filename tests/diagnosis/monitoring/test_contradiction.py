"""Which certificates live answers disprove: hardly ever one that holds, and the right one where one does not."""

import numpy as np
import pytest

from diagnosis.monitoring.answers import TargetAnswers, is_right, target_answers
from diagnosis.monitoring.contradiction import disproved_promises
from diagnosis.monitoring.quality import LiveShare, certified_values, live_quality
from diagnosis.routing import Router
from diagnosis.routing.certification import Certificate, Certification
from diagnosis.routing.labels import hierarchy_of
from diagnosis.store.observations import Observation
from tests.diagnosis.store.test_observations import AT

CLASSES = ("Desktop", "Identity", "Mail", "Network")


@pytest.fixture
def router() -> Router:
    """Return a router that promises 95 %, and 80 % of each of four certified classes."""
    one = Router("group")
    proven = {name: Certificate(0.8, 0.025, 0.6, 100, 99) for name in CLASSES}
    one.certificates_ = Certification(Certificate(0.95, 0.1, 0.6, 400, 396), proven)
    one.parent_certificates_ = None
    one.hierarchy_ = None
    return one


def answers(value: np.ndarray, wrong: np.ndarray, known: np.ndarray | None = None) -> TargetAnswers:
    known = np.ones(len(value), dtype=bool) if known is None else known
    everything = np.ones(len(value), dtype=bool)
    return TargetAnswers("group", value.astype(object), everything, ~everything, known, known & ~wrong)


def test_promises_that_hold_at_their_edge_are_hardly_ever_disproved(router: Router) -> None:
    rng = np.random.default_rng(3)
    runs, risk = 300, 0.1
    alarms = 0
    for _ in range(runs):
        value = rng.choice(CLASSES, 800, p=[0.7, 0.1, 0.1, 0.1])
        # All together just at 5 %, one class just at its own 20 %.
        share = np.where(value == "Mail", 0.2, np.where(value == "Desktop", 0.0, 0.15))
        alarms += bool(disproved_promises(answers(value, rng.random(800) < share), router, risk))
    assert alarms <= runs * risk + 3.1 * np.sqrt(runs * risk * (1 - risk))


def test_the_class_that_breaks_its_floor_is_found_alone(router: Router) -> None:
    rng = np.random.default_rng(4)
    value = rng.choice(CLASSES, 1200)
    wrong = rng.random(1200) < np.where(value == "Mail", 0.6, 0.01)
    [found] = disproved_promises(answers(value, wrong), router, 0.05)
    assert (found.target, found.value, found.of_all) == ("group", "Mail", False)
    assert found.promised == pytest.approx(0.8)
    assert found.evidence.evidence >= 2 * 4 / 0.05
    assert disproved_promises(answers(value, wrong), router, 0.05, ["Mail"]) == []


def test_where_all_together_break_the_promise_the_worst_goes_first(router: Router) -> None:
    rng = np.random.default_rng(5)
    value = rng.choice(CLASSES, 3000)
    wrong = rng.random(3000) < np.where(value == "Mail", 0.16, np.where(value == "Network", 0.12, 0.01))
    found = disproved_promises(answers(value, wrong), router, 0.05)
    assert [one.value for one in found][:1] == ["Mail"]
    assert all(one.of_all for one in found)
    assert found[0].promised == 0.95


def test_silence_is_no_evidence(router: Router) -> None:
    value, wrong = np.array(["Mail"] * 50), np.ones(50, dtype=bool)
    assert disproved_promises(answers(value, wrong, np.zeros(50, dtype=bool)), router, 0.05) == []
    assert disproved_promises(answers(value[:0], wrong[:0]), router, 0.05) == []


def observation(number: int, value: str, truth: str | None, decision: str = "automatic", **more) -> Observation:
    about = {"incident": f"N{number}", "target": "group", "shadow": "", "release": "r", "predicted_at": AT}
    unknown = {"probability": 0.9, "seconds": None, "seconds_in_service": None, "taken_back": False, "settled_at": None}
    said = {"value": value, "truth": truth, "decision": decision}
    return Observation(**{**about, **unknown, **said, **more})


def test_quality_is_counted_by_hand(router: Router) -> None:
    seen = [
        observation(0, "Mail", "mail "),  # another spelling
        observation(1, "Mail", "Network"),
        observation(2, "Mail", None),
        observation(3, "Mail", None, taken_back=True),
        observation(4, "Mail", "Mail", "suggested"),
        observation(5, "Network", "Mail", "suggested"),
        observation(6, "", None, "abstained"),
    ]
    [found] = live_quality(seen, {"group": router}, {"group": frozenset({"Mail"})})
    assert found.all.automatic == LiveShare.of(4, 7)
    assert found.all.precision == LiveShare.of(1, 3)
    assert found.all.suggested == LiveShare.of(1, 2)
    mail, network = found.classes
    assert (mail.value, mail.answers, mail.settled, mail.revoked, mail.certified) == ("Mail", 5, 4, True, False)
    assert mail.precision == LiveShare.of(1, 3)
    assert mail.recall.n == 2
    assert (network.precision, network.suggested) == (LiveShare(None, 0.0, 1.0, 0), LiveShare.of(0, 1))
    assert network.certified
    assert certified_values(router) == list(CLASSES)


def test_a_parent_is_right_for_each_of_its_classes(router: Router) -> None:
    router.hierarchy_ = hierarchy_of(["vpn", "wlan", "mail"], {"vpn": "Network", "wlan": "Network"})
    router.suggester_ = type("Fitted", (), {"classes_": np.array(["mail", "vpn", "wlan"], dtype=object)})()
    router.classifier_ = router.suggester_
    assert is_right("Network", "VPN", router)
    assert is_right("network", "wlan", router)
    assert not is_right("Network", "mail", router)
    assert not is_right("Network", "printer", router)
    assert not is_right("Network", "vpn")
    one = target_answers([observation(0, "Network", "vpn"), observation(1, "Network", "mail")], "group", router)
    assert one.right.tolist() == [True, False]
