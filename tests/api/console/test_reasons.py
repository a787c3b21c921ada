"""Reasons and warnings are shown in the language of the reader; the core is run through all of them."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from diagnosis.decisions import ExclusionRule, HumanDecisions
from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import InputError
from diagnosis.findings import Alternative
from diagnosis.incident import Incident, as_frame
from diagnosis.phrases import Phrase, in_words, reason_of, warnings_of
from diagnosis.recurrence import RecurrenceModel, Signature
from diagnosis.releases import Releases
from diagnosis.routing.certification import Certificate, Certification
from diagnosis.routing.decision import Constraints, RoutingDecision, answer, constraints_for
from diagnosis.store.revocations import Revocation
from diagnosis.times import utc_now
from training.fitting.fit import _why_untrainable

FREE = Constraints({}, ())
CLASSES = ["Network; core", "网络"]


def by_people() -> list[Phrase]:
    rules = [
        ExclusionRule("1", "r's", action="never_predict"),
        ExclusionRule("2", "留", value="VPN", action="never_predict"),
        ExclusionRule("3", "all"),
        ExclusionRule("4", "one", value="网络"),
        *(Revocation("5", "r", "category", v, utc_now(), {"wrong": 3, "answered": 40}).as_rule() for v in ("", "VPN")),
    ]
    constraints = constraints_for("category", HumanDecisions(tuple(rules), {"category": frozenset({"A", "B"})}), {})
    return [reason for reason in (constraints.why_removed(), *(why for _, why in constraints.manual)) if reason]


def of_answers() -> list[Phrase]:
    shown = np.array([0.6, 0.4])
    uncertain = RoutingDecision(
        Phrase("value_not_in_calibration", {"value": "Network; core"}), Alternative("上级", 0.9)
    )
    given = [
        answer("category", CLASSES, shown, uncertain, FREE, 0.95, ()),
        answer("category", CLASSES, np.zeros(2), uncertain, FREE, 0.95, ()),
        answer("category", CLASSES, shown, uncertain, Constraints({}, (), "网络"), 0.95, ()),
    ]
    return [Phrase(one.reason_code or "", one.reason_values) for one in given]


def of_certificates() -> list[Phrase]:
    certificates = [
        Certificate(0.95, 0.1, None, 1, 1),
        Certificate(0.95, 0.1, None, 12, 12),
        Certificate(0.95, 0.1, None, 99, 80),
    ]
    proven = Certificate(0.95, 0.1, 0.5, 99, 99)
    reasons = []
    for bare in certificates:
        classes = {"a": bare, "b": Certificate(0.9, 0.1, 0.7, 99, 99)}
        reasons += [
            Certification(bare, classes).why_not("a", 0.9),
            *(Certification(proven, classes).why_not(value, 0.6) for value in ("a", "b", "new")),
        ]
    return [reason for reason in reasons if reason]


def of_training() -> list[Phrase]:
    frame = pd.DataFrame({"category": ["a"] * 60, "service": ["a"] * 5 + [""] * 55})
    reasons = [_why_untrainable(frame, target, 50) for target in ("category", "service", "location")]
    opened = pd.Timestamp("2026-01-01", tz="UTC")
    rows = as_frame(
        pd.DataFrame({"number": ["1", "2"], "cmdb_ci": ["a", "a"], "category": ["b", "b"], "opened_at": [opened] * 2})
    )
    for frame in (rows, rows.assign(cmdb_ci=""), rows.assign(opened_at=pd.to_datetime([None, None], utc=True))):
        with pytest.raises(InputError) as error:
            RecurrenceModel(Signature(("cmdb_ci", "category"))).fit(frame, as_of=opened + pd.Timedelta(days=90))
        assert error.value.phrase
        reasons.append(Phrase("recurrence_not_trained", {"reason": error.value.phrase}))
    return [reason for reason in reasons if reason]


@pytest.mark.parametrize("reasons", [by_people, of_answers, of_certificates, of_training], ids=lambda one: one.__name__)
def test_what_the_core_says_is_said_in_chinese(reasons) -> None:
    phrases = reasons()
    assert len(phrases) >= 3
    for phrase in phrases:
        chinese = in_words(phrase, "zh")
        assert not any(word in chinese for word in (" is ", " was ", " the ", "needed", " not ")), chinese


def test_every_warning_of_a_release_is_said_in_chinese(models) -> None:
    releases = Releases(models)
    diagnoser = Diagnoser.load(releases.path(releases.published()))
    incidents = [
        Incident("1", datetime.now(UTC)),
        Incident("2", datetime.now(UTC), cmdb_ci="prn-3f"),
        Incident("3", datetime.now(UTC), short_description="打印机提示卡纸"),
        Incident("4", datetime.now(UTC), short_description="打印机提示卡纸", cmdb_ci="prn-3f"),
    ]
    shown = [warnings_of(diagnosis.to_dict(), "zh") for diagnosis in diagnoser.diagnose_batch(incidents)]
    warnings = {warning for of_incident in shown for warning in of_incident}
    assert len(warnings) >= 3
    assert {language for _, language in warnings} == {"zh"}
    assert not any(" the " in sentence for sentence, _ in warnings), warnings


def test_a_reason_is_shown_by_its_code_and_an_older_one_as_it_was_stored() -> None:
    prediction = {"reason": "no class is left", "reason_code": "no_class_left", "reason_values": {}}
    assert reason_of(prediction, "zh") == ("没有剩余的类别", "zh")
    assert reason_of({"reason": "no class is left"}, "zh") == ("no class is left", "en")
    assert warnings_of({"warnings": ["something"]}, "zh") == [("something", "en")]


def test_fields_have_the_names_that_agents_know_and_the_api_those_of_the_import_format() -> None:
    values = {"fields": ["contact_type", "cmdb_ci", "category"]}
    phrase = Phrase("lacks_expected_fields", values)
    prediction = {"reason": str(phrase), "reason_code": phrase.code, "reason_values": values}
    assert "without contact_type, cmdb_ci, category" in str(phrase)
    assert "without channel, configuration item, category" in reason_of(prediction, "en")[0]
    assert "缺少报障渠道、配置项、分类" in reason_of(prediction, "zh")[0]
    nested = Phrase("several", {"phrases": (Phrase("recurrence_needs_signature", values), phrase)}).to_dict()
    ((warning, _),) = warnings_of({"warning_phrases": [nested]}, "en")
    assert "cmdb_ci" not in warning
    assert warning.count("configuration item") == 2
