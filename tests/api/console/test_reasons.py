"""Every reason that the core gives is said in Chinese too: the core is run through them, and none may stay English."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from api.console.reasons import in_language
from diagnosis.decisions import ExclusionRule, HumanDecisions
from diagnosis.diagnoser import Diagnoser
from diagnosis.errors import InputError
from diagnosis.findings import Alternative
from diagnosis.incident import Incident, as_frame
from diagnosis.recurrence import RecurrenceModel, Signature
from diagnosis.releases import Releases
from diagnosis.routing.answers import Verdict, answer
from diagnosis.routing.certainty import Certificate
from diagnosis.routing.certification import Certification
from diagnosis.routing.constraints import Constraints, constraints_for
from diagnosis.store.database import now
from diagnosis.store.revocations import Revocation
from training.fitting.fit import _why_untrainable

FREE = Constraints({}, ())
CLASSES = ["Network; core", "网络"]


def by_people() -> list[str]:
    rules = [
        ExclusionRule("1", "r's", action="never_predict"),
        ExclusionRule("2", "留", value="VPN", action="never_predict"),
        ExclusionRule("3", "all"),
        ExclusionRule("4", "one", value="网络"),
        *(Revocation("5", "r", "category", v, now(), {"wrong": 3, "answered": 40}).as_rule() for v in ("", "VPN")),
    ]
    found = constraints_for("category", HumanDecisions(tuple(rules), {"category": frozenset({"A", "B"})}), {})
    return [found.why_removed() or "", *(why for _, why in found.manual)]


def of_answers() -> list[str]:
    shown = np.array([0.6, 0.4])
    uncertain = Verdict(
        "'Network; core' was not met in calibration: 0 accepted calibration cases", Alternative("上级", 0.9)
    )
    given = [
        answer("category", CLASSES, shown, uncertain, FREE, 0.95, ()),
        answer("category", CLASSES, np.zeros(2), uncertain, FREE, 0.95, ()),
        answer("category", CLASSES, shown, uncertain, Constraints({}, (), "网络"), 0.95, ()),
    ]
    return [one.reason or "" for one in given]


def of_certificates() -> list[str]:
    certificates = [
        Certificate(0.95, 0.1, None, 1, 1), Certificate(0.95, 0.1, None, 12, 12), Certificate(0.95, 0.1, None, 99, 80)
    ]  # fmt: skip
    proven = Certificate(0.95, 0.1, 0.5, 99, 99)
    reasons = []
    for bare in certificates:
        classes = {"a": bare, "b": Certificate(0.9, 0.1, 0.7, 99, 99)}
        reasons += [
            Certification(bare, classes).why_not("a", 0.9),
            *(Certification(proven, classes).why_not(value, 0.6) for value in ("a", "b", "new")),
        ]
    return [reason for reason in reasons if reason]


def of_training() -> list[str]:
    frame = pd.DataFrame({"category": ["a"] * 60, "service": ["a"] * 5 + [""] * 55})
    reasons = [_why_untrainable(frame, target, 50) for target in ("category", "service", "location")]
    opened = pd.Timestamp("2026-01-01", tz="UTC")
    rows = as_frame(
        pd.DataFrame({"number": ["1", "2"], "cmdb_ci": ["a", "a"], "category": ["b", "b"], "opened_at": [opened] * 2})
    )
    for frame in (rows, rows.assign(cmdb_ci=""), rows.assign(opened_at=pd.to_datetime([None, None], utc=True))):
        with pytest.raises(InputError) as error:
            RecurrenceModel(Signature(("cmdb_ci", "category"))).fit(frame, as_of=opened + pd.Timedelta(days=90))
        reasons.append(f"recurrence was not trained: {error.value}")
    return [reason for reason in reasons if reason]


@pytest.mark.parametrize("reasons", [by_people, of_answers, of_certificates, of_training], ids=lambda one: one.__name__)
def test_what_the_core_says_is_said_in_chinese(reasons) -> None:
    said = reasons()
    assert len(said) >= 3
    for reason in said:
        chinese, language = in_language(reason, "zh")
        assert language == "zh", reason
        assert not any(word in chinese for word in (" is ", " was ", " the ", "needed", " not ")), chinese
        assert in_language(reason, "en") == (reason, "en")


def test_every_warning_of_a_release_is_said_in_chinese(models) -> None:
    releases = Releases(models)
    diagnoser = Diagnoser.load(releases.path(releases.published()))
    incidents = [
        Incident("1", datetime.now(UTC)),
        Incident("2", datetime.now(UTC), cmdb_ci="prn-3f"),
        Incident("3", datetime.now(UTC), short_description="打印机提示卡纸"),
        Incident("4", datetime.now(UTC), short_description="打印机提示卡纸", cmdb_ci="prn-3f"),
    ]
    warnings = {warning for said in diagnoser.diagnose_batch(incidents) for warning in said.warnings}
    assert len(warnings) >= 3
    assert {in_language(warning, "zh")[1] for warning in warnings} == {"zh"}, warnings


def test_values_are_kept_as_they_are_and_fields_are_named() -> None:
    reason = (
        "'<b>{0}' is not certified: 12 accepted calibration cases; 45 without an error are needed to prove 95%; "
        "answered with its parent 'A; B', which is certified"
    )
    said = "“<b>{0}”未获认证：校准中可采纳 12 例；要证明 95% 需要 45 例无误；改以其上级“A; B”作答，该上级已获认证"
    assert in_language(reason, "zh") == (said, "zh")
    warning = "recurrence cannot be judged: the signature needs cmdb_ci, category"
    assert in_language(warning, "zh") == ("无法判断复发：同一故障的判据需要配置项、类别", "zh")


def test_what_is_not_known_stays_as_it_was_said() -> None:
    assert in_language("'A' is not certified: the moon is full", "zh")[1] == "en"
