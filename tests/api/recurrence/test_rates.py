"""How often faults come back, and whether a fix has held, over HTTP; and what a resolved incident's diagnosis says."""

import pandas as pd
import pytest

from api.settings import Settings
from diagnosis.phrases import warnings_of
from diagnosis.recurrence import Signature, recurrence_rate
from tests.serving import Serving
from training.fitting.as_of import last_moment


@pytest.fixture
def history(client) -> pd.DataFrame:
    return client.app.state.service.serving.current.diagnoser.parts.history.frame()


def test_rates_are_those_of_the_history_with_bands_and_the_naive_share(client, history) -> None:
    asked = {"by": ["month", "workaround"], "signature": "cmdb_ci,category", "horizons": "7,30"}
    told = client.get("/v1/recurrence", params=asked).json()
    assert (told["signature"], told["origin"]) == (["cmdb_ci", "category"], "opened")
    assert "cmdb_ci, category" in told["definition"]
    signature = Signature(("cmdb_ci", "category"))
    expected = recurrence_rate(history, signature, (7, 30), as_of=pd.Timestamp(told["as_of"]), by="month")
    months = [row for row in told["rates"] if row["by"] == "month"]
    known = expected["rate"].notna()
    assert [row["rate"] is not None for row in months] == known.tolist()
    rates = [row["rate"] for row in months if row["rate"] is not None]
    assert rates == pytest.approx(expected["rate"][known].tolist())
    whole = [row for row in told["rates"] if row["by"] == "all"]
    assert [row["days"] for row in whole] == [7, 30]
    for row in whole:
        assert row["lower"] <= row["rate"] <= row["upper"]
        assert row["naive"] <= row["rate"]
        assert row["target"] == 0.05
    assert {row["by"] for row in told["rates"]} == {"all", "month", "workaround"}


def test_what_is_not_known_yet_is_null(client, history) -> None:
    early = (history["opened_at"].min() + pd.Timedelta(days=10)).isoformat()
    told = client.get("/v1/recurrence", params={"as_of": early, "horizons": "7,30"}).json()["rates"]
    assert [row["rate"] is None for row in told] == [False, True]
    assert told[1]["verdict"] == "not proven"


def test_a_fix_gets_its_verdict(client, history) -> None:
    signature = {"category": str(history["category"].mode()[0])}
    middle = history["opened_at"].median().isoformat()
    told = client.post("/v1/recurrence/fixes", json={"signature": signature, "since": middle}).json()
    assert told["signature"] == signature
    assert told["verdict"] in {"held", "did not hold", "cannot tell yet"}
    assert told["episodes_before"] > 0
    assert told["days_after"] == pytest.approx((last_moment(history) - history["opened_at"].median()).days, abs=1.1)


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"signature": "close_code"}, "known at logging"),
        ({"as_of": "1980-01-01T00:00:00Z"}, "between 1990 and"),
        ({"by": "caller"}, "errors"),
        ({"horizons": "7,x"}, "errors"),
        ({"horizons": "0000"}, "errors"),
        ({"target": 5}, "errors"),
    ],
)
def test_what_cannot_be_asked_is_refused(client, params, why) -> None:
    refused = client.get("/v1/recurrence", params=params)
    assert refused.status_code == 422
    assert why in refused.text


def test_a_fix_without_a_date_outside_the_records_or_of_an_unknown_fault_is_refused(client, history) -> None:
    asked = {"signature": {"category": str(history["category"].mode()[0])}}
    inside = history["opened_at"].median().isoformat()
    for body, why in (
        ({**asked, "since": ""}, "since"),
        ({**asked, "since": "1999-01-01T00:00:00Z"}, "inside the records"),
        ({"signature": {"category": "没有的类别"}, "since": inside}, "found none"),
        ({"signature": {"close_code": "x"}, "since": inside}, "known at logging"),
    ):
        refused = client.post("/v1/recurrence/fixes", json=body)
        assert refused.status_code == 422, body
        assert why in refused.text


def test_only_a_key_that_may_diagnose_reads_it(models, tmp_path) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path / 'k.db'}", models=models)
    with Serving(settings, ("knowledge",)) as other:
        assert other.get("/v1/recurrence").status_code == 403
        assert other.post("/v1/recurrence/fixes", json={}).status_code == 403
        assert other.get("/v1/recurrence", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_without_a_release_it_says_so(tmp_path) -> None:
    (tmp_path / "none").mkdir()
    with Serving(Settings(database=f"sqlite:///{tmp_path / 'n.db'}", models=tmp_path / "none")) as empty:
        assert empty.get("/v1/recurrence").status_code == 503


def test_a_resolved_incident_is_told_its_risk_from_then_on(client, history) -> None:
    like = history[(history["cmdb_ci"] != "") & (history["category"] != "") & history["resolved_at"].notna()].iloc[0]
    base = {
        "opened_at": "2026-11-02T08:00:00Z",
        "cmdb_ci": like["cmdb_ci"],
        "service": like["service"],
        "category": like["category"],
        "caller": like["caller"],
        "subcategory": like["subcategory"],
    }
    chinese = {**base, "number": "RES-1", "short_description": "打印机一直卡纸，重启也没有用"}
    open_ = client.post("/v1/diagnoses", json=chinese).json()
    assert open_["at_resolution"] is None
    closed = {"resolved_at": "2026-11-02T10:00:00Z", "close_notes": "重启打印机，临时恢复", "reassignment_count": 2}
    done = client.post("/v1/diagnoses", json={**chinese, **closed}).json()
    assert done["at_resolution"]["signature"] == done["recurrence"]["signature"]
    assert [one["days"] for one in done["at_resolution"]["horizons"]] == [7, 30, 90]
    assert any("risk to return within 30 days" in warning for warning in done["warnings"]), "all of them in English"
    assert done["warnings"] == [sentence for sentence, _ in warnings_of(done, "en")]
    assert any("天内复发的风险为" in warning for warning, _ in warnings_of(done, "zh"))
    assert done["predictions"] == open_["predictions"], "what came later reaches no prediction"
    assert client.get(f"/v1/diagnoses/{done['id']}").json() == done
    english = {
        **base,
        **closed,
        "number": "RES-2",
        "short_description": "printer jams all the time, restart is no help",
    }
    told = client.post("/v1/diagnoses", json=english).json()
    assert any("risk to return within 30 days" in warning for warning in told["warnings"])
