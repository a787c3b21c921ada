"""What a diagnosis says of recurrence where a field is missing, and once the incident is resolved."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from diagnosis.findings import Factor, HorizonRisk, Prediction, RecurrenceRisk
from diagnosis.incident import as_frame
from diagnosis.phrases import Phrase, in_words
from diagnosis.prepared import PreparedIncidents
from diagnosis.recurrence import HistoryState, RecurrenceModel, Signature
from diagnosis.recurrence.assessment import Assessment, assess, assess_resolved
from diagnosis.recurrence.factors import advice, code_of, groups, in_language
from diagnosis.recurrence.outcomes import definition
from diagnosis.recurrence.state import HISTORY_FIELDS, HISTORY_PAIRS

START = pd.Timestamp("2026-01-01", tz="UTC")


@dataclass
class Learned:
    """The two parts of a release that recurrence reads."""

    recurrence: RecurrenceModel
    state: HistoryState = field(init=False)


@pytest.fixture(scope="module")
def history() -> pd.DataFrame:
    draw = np.random.default_rng(0)
    opened = START + pd.to_timedelta(np.sort(draw.uniform(0, 90, 600)), unit="D")
    chronic = draw.random(600) < 0.4
    return as_frame(
        pd.DataFrame(
            {
                "number": [f"INC{i}" for i in range(600)],
                "opened_at": opened,
                "short_description": "磁盘满了",
                "cmdb_ci": np.where(chronic, draw.choice(["ci-a", "ci-b"], 600), [f"ci-{i % 200}" for i in range(600)]),
                "category": np.where(chronic, "存储", "network"),
                "resolved_at": opened + pd.to_timedelta(draw.exponential(0.3, 600), unit="D"),
                "close_notes": np.where(chronic, "重启后恢复", "replaced the cable"),
            }
        )
    )


@pytest.fixture(scope="module")
def parts(history) -> Learned:
    model = RecurrenceModel(Signature(("cmdb_ci", "category"))).fit(history, as_of=START + pd.Timedelta(days=90))
    learned = Learned(model)
    learned.state = model.state(history)
    return learned


def batch(**fields) -> PreparedIncidents:
    row = {"number": "N1", "opened_at": datetime(2026, 4, 2, 9, tzinfo=UTC), "cmdb_ci": "ci-a", **fields}
    return PreparedIncidents(as_frame(pd.DataFrame([row])), ["磁盘满了"], np.zeros((1, 4), dtype=np.float32))


def said(value: str | None, decision: str) -> dict[str, Prediction]:
    return {"category": Prediction(decision, value, 0.97, None, None)}


def test_a_certified_prediction_stands_in_for_a_missing_field_and_an_uncertain_one_does_not(parts) -> None:
    lacking = batch()
    model, state = parts.recurrence, parts.state
    assert assess(model, state, lacking, [{}]) == [Assessment()]
    (assessment,) = assess(model, state, lacking, [said("存储", "automatic")])
    assert assessment.predicted_fields == ("category",)
    (complete,) = assess(model, state, batch(category="存储"), [{}])
    assert assessment.risk == complete.risk
    assert complete.predicted_fields == ()
    assert assessment.risk.signature == {"cmdb_ci": "ci-a", "category": "存储"}
    assert assess(model, state, lacking, [said("存储", "suggested")]) == [Assessment()]
    assert assess(model, state, batch(cmdb_ci=""), [said("存储", "automatic")]) == [Assessment()]
    assert assess(None, None, lacking, [{}]) == [Assessment()]


def test_a_resolved_incident_sees_what_was_logged_until_then(parts, history) -> None:
    later = as_frame(
        pd.DataFrame(
            {
                "number": ["R1", "R2", "R3", "R4"],
                "opened_at": [START + pd.Timedelta(days=91 + d) for d in (0, 0.5, 1, 2)],
                "short_description": "磁盘满了",
                "cmdb_ci": ["ci-new", "ci-new", "ci-new", ""],
                "category": "存储",
                "resolved_at": [START + pd.Timedelta(days=d) if d else pd.NaT for d in (91.4, 92.2, 0, 94)],
                "close_notes": "重启后恢复",
            }
        )
    )
    risks = assess_resolved(parts.recurrence, parts.state, later, logged=False)
    assert [risk is None for risk in risks] == [False, False, True, True]
    assert len(parts.state) == len(history), "the history is as it was"
    again = parts.recurrence.state(pd.concat([history, later], ignore_index=True))
    direct = parts.recurrence.assess_resolution(later[:1], again)[0]
    assert assess_resolved(parts.recurrence, again, later[:1], logged=True) == [direct]


def test_a_resolution_before_the_opening_is_no_resolution(parts) -> None:
    row = batch(category="存储").frame.assign(resolved_at=START)
    assert assess_resolved(parts.recurrence, parts.state, row, logged=False) == [None]


def test_advice_names_the_risk_in_both_languages_and_a_problem_where_it_is_chronic() -> None:
    risk = RecurrenceRisk(
        {}, (HorizonRisk(7, 0.2), HorizonRisk(30, 0.42)), 0.15, (Factor("symptom", "slow", 0.1, "factor_symptom"),)
    )
    assert str(advice(risk)) == "this closes with a 42% risk to return within 30 days: consider a Problem"
    assert in_words(advice(risk), "zh") == "关闭后 30 天内复发的风险为 42%：建议建立问题记录"
    usual = RecurrenceRisk({}, (HorizonRisk(30, 0.16),), 0.15)
    assert str(advice(usual)) == "this closes with a 16% risk to return within 30 days"
    resolved = replace(risk, signature={"cmdb_ci": "a"}, origin="resolved")
    assert in_language(resolved, "zh").definition == in_words(definition(["cmdb_ci"], "resolved"), "zh")
    assert in_language(resolved, "en").definition == str(definition(["cmdb_ci"], "resolved"))
    assert in_language(risk, "zh").factors[0].name == "故障现象"
    assert in_language(risk, "en").factors == risk.factors


def test_every_factor_of_a_model_has_words_in_both_languages(parts) -> None:
    model = parts.recurrence
    fields = (f"{name}: rate" for name in (*HISTORY_FIELDS, *HISTORY_PAIRS))
    for factor in groups((*model.columns_, *model.closure_.columns, *fields, "text: 1")):
        assert in_words(Phrase(code_of(factor)), "en") != in_words(Phrase(code_of(factor)), "zh")
