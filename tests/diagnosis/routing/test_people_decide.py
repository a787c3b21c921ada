from __future__ import annotations

import numpy as np
import pytest

from diagnosis.decisions import ExclusionRule, HumanDecisions
from diagnosis.routing import Router

TEXT = "vpn tunnel drops please help"


def ask(router, prepared, decisions):
    return router.predict(prepared, decisions=[decisions] * len(prepared))[0]


def test_a_reverted_value_is_never_answered_again_and_the_rest_sums_to_one(calibrated, batch):
    prepared = batch([TEXT])
    (free,) = calibrated.predict(prepared)
    assert (free.decision, free.value) == ("automatic", "Network")
    answer = ask(calibrated, prepared, HumanDecisions(reverted={"assignment_group": frozenset({" network "})}))
    assert answer.decision == "suggested"
    assert "Network" not in {a.value for a in answer.alternatives}
    assert sum(a.probability for a in answer.alternatives) == pytest.approx(1)
    assert "a person marked" in answer.reason


def test_every_value_reverted_leaves_nothing_to_say(calibrated, batch):
    everything = frozenset({"Network", "Printing", "Accounts"})
    answer = ask(calibrated, batch([TEXT]), HumanDecisions(reverted={"assignment_group": everything}))
    assert (answer.decision, answer.value, answer.alternatives) == ("abstained", None, ())


def test_what_a_person_has_decided_is_not_moved(calibrated, batch):
    answer = ask(calibrated, batch([TEXT]), HumanDecisions(decided={"assignment_group": "Printing"}))
    assert (answer.decision, answer.value) == ("abstained", "Printing")
    assert answer.reason == "a person has already set assignment_group to 'Printing': it stays"
    assert ask(calibrated, batch([TEXT]), HumanDecisions(decided={"category": "x"})).decision == "automatic"


@pytest.mark.parametrize(
    ("rule", "decision"),
    [
        (ExclusionRule("1", "machines", fields={"contact_type": "MONIT*"}), "suggested"),
        (ExclusionRule("1", "machines", fields={"contact_type": "phone"}), "automatic"),
        (ExclusionRule("1", "vip", text="VPN  Tunnel"), "suggested"),
        (ExclusionRule("1", "vip", text="not there"), "automatic"),
        (ExclusionRule("1", "no network", value="network"), "suggested"),
        (ExclusionRule("1", "no printing", value="Printing"), "automatic"),
        (ExclusionRule("1", "other", target="category"), "automatic"),
    ],
)
def test_a_rule_leaves_to_a_person_what_it_matches(calibrated, batch, rule, decision):
    answer = ask(calibrated, batch([TEXT], contact_type=["monitoring"]), HumanDecisions(rules=(rule,)))
    assert (answer.decision, answer.value) == (decision, "Network")
    assert decision == "automatic" or f"the rule '{rule.name}'" in answer.reason


def test_a_rule_takes_a_value_out_of_the_answer(calibrated, batch):
    rule = ExclusionRule("1", "closed team", value="Network", action="never_predict")
    answer = ask(calibrated, batch([TEXT]), HumanDecisions(rules=(rule,)))
    assert answer.value != "Network"
    assert answer.decision == "suggested"
    assert answer.reason == "the rule 'closed team' excludes 'Network'"


def test_decisions_of_one_incident_do_not_touch_another(calibrated, batch):
    prepared = batch([TEXT, TEXT])
    taken = HumanDecisions(reverted={"assignment_group": frozenset({"Network"})})
    first, second = calibrated.predict(prepared, decisions=[taken, HumanDecisions()])
    assert first.value != "Network"
    assert (second.decision, second.value) == ("automatic", "Network")
    assert np.isclose(second.probability, calibrated.predict(prepared)[1].probability)


@pytest.fixture(scope="module")
def of_departments(batch):
    """A router of six groups of two departments, told apart only as departments."""
    rng = np.random.default_rng(5)
    departments = rng.choice(["Infrastructure", "工作场所"], 700)
    words = {"Infrastructure": "vpn tunnel 网络", "工作场所": "printer toner 打印机"}
    groups = [f"{d} {rng.integers(3)}" for d in departments]
    texts = [f"{words[d]} {rng.integers(99)}" for d in departments]
    router = Router("assignment_group", hierarchy=dict(zip(groups, departments.tolist(), strict=True)))
    rows = np.arange(700)
    return router.fit_and_calibrate(batch(texts), groups, rows[:400], rows[400:])


def test_a_department_given_by_hand_is_answered_where_its_groups_are_not_sure(of_departments, batch):
    (answer,) = of_departments.predict(batch(["vpn tunnel 网络 7"]))
    assert (answer.decision, answer.value) == ("automatic", "Infrastructure")
    assert "answered with its parent 'Infrastructure', which was tested" in answer.reason
    assert len([a for a in answer.alternatives if a.value.startswith("Infrastructure")]) == 3


@pytest.mark.parametrize(
    ("decisions", "reason"),
    [
        (
            HumanDecisions(reverted={"assignment_group": frozenset({"infrastructure"})}),
            "marked 'infrastructure' as wrong",
        ),
        (HumanDecisions(rules=(ExclusionRule("1", "by hand", value="Infrastructure"),)), "the rule 'by hand'"),
        (
            HumanDecisions(rules=(ExclusionRule("1", "gone", value="INFRASTRUCTURE", action="never_predict"),)),
            "the rule 'gone' excludes 'INFRASTRUCTURE'",
        ),
    ],
)
def test_what_people_say_of_a_parent_holds_and_is_said(of_departments, batch, decisions, reason):
    answer = ask(of_departments, batch(["vpn tunnel 网络 7"]), decisions)
    assert answer.decision == "suggested"
    assert answer.value.startswith("Infrastructure ")
    assert reason in answer.reason
