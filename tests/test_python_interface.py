"""From Python: a dict, a frame or a raw record goes in, a table comes out, and what is printed is short."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd
import pytest

import diagnosis
from diagnosis import Diagnoser, Diagnoses, Incident
from diagnosis.errors import InputError
from diagnosis.findings import Alternative
from diagnosis.incident import IncidentBatch
from diagnosis.releases import Releases
from tests.history import incidents

VPN = {"short_description": "VPN drops", "description": "the VPN tunnel drops after a minute", "category": ""}


@pytest.fixture(scope="module")
def diagnoser(models) -> Diagnoser:
    return Diagnoser.load(models)


def test_a_folder_of_releases_means_the_one_in_service(diagnoser, models) -> None:
    assert diagnoser.release == Releases(models).published()
    assert diagnoser.release in repr(diagnoser)
    assert len(repr(diagnoser)) < 200


def test_a_dict_a_frame_and_a_raw_record_are_diagnosed_as_the_incident_is(diagnoser) -> None:
    expected = diagnoser.diagnose(
        Incident("A", short_description=VPN["short_description"], description=VPN["description"])
    )
    title, text = VPN["short_description"], VPN["description"]
    raw = {
        "Number": "A",
        "Short description": {"display_value": title, "value": "x"},
        "Description": text,
    }
    forms = [
        diagnoser.diagnose({"number": "A", **VPN}),
        diagnoser.diagnose(raw),
        *diagnoser.diagnose_batch([{"number": "A", **VPN}]),
        *diagnoser.diagnose_batch(pd.DataFrame([{"number": "A", **VPN}])),
        *diagnoser.diagnose_batch(pd.DataFrame([{"Number": "A", "Short Description": title, "Description": text}])),
    ]
    for found in forms:
        assert found.predictions == expected.predictions
        assert found.incident == "A"


def test_what_names_no_field_is_an_error_that_names_what_was_found(diagnoser) -> None:
    with pytest.raises(InputError, match="found summary, text"):
        diagnoser.diagnose({"Summary": "x", "Text": "y"})
    with pytest.raises(InputError, match="found summary"):
        diagnoser.diagnose_batch(pd.DataFrame({"Summary": ["x"]}))
    assert IncidentBatch.of({"short_description": "x"}).column("number") == [""]


def test_diagnoses_are_a_table_with_short_reprs(diagnoser) -> None:
    found = diagnoser.diagnose_batch(incidents(8))
    assert isinstance(found, Diagnoses)
    table = found.to_frame()
    assert table["number"].tolist() == [one.incident for one in found]
    best = [one.predictions["category"].alternatives[0] for one in found]
    assert table["category_probability"].tolist() == [one.probability for one in best]
    assert {"category", "category_decision", "assignment_group", "language", "suggestion", "similar"} <= set(table)
    assert found[0].to_frame().shape[0] == 1
    assert len(repr(found[0])) < 200
    assert found[0].incident in repr(found[0])
    assert "8 diagnoses" in repr(found)
    nearly_sure = replace(found[0].predictions["category"], alternatives=(Alternative("VPN", 0.9968),), value="VPN")
    assert "VPN >99% (" in repr(replace(found[0], predictions={"category": nearly_sure}))
    assert "<table" in found._repr_html_()
    assert "<table" in found[0]._repr_html_()
    assert repr(Incident("A", opened_at=datetime(2026, 1, 2, tzinfo=UTC), extra={})).startswith("Incident(number='A', ")
    assert len(repr(Incident("A", description="x" * 5000))) < 120


def test_html_of_a_diagnosis_escapes_what_the_data_hold(diagnoser) -> None:
    found = diagnoser.diagnose({"number": "<script>", **VPN})
    assert "<script>" not in found._repr_html_()


def test_a_router_has_the_parameters_and_the_score_of_an_estimator(diagnoser) -> None:
    router = diagnoser.parts.routers["category"]
    parameters = router.get_params()
    assert parameters["target"] == "category"
    assert type(router)(**parameters).get_params() == parameters
    frame = incidents(60)
    prepared, labels = diagnoser.prepare(frame), frame["category"].tolist()
    predicted = router.classes_[router.predict_proba(prepared).argmax(axis=1)]
    assert router.score(prepared, labels) == pytest.approx((predicted == frame["category"].to_numpy()).mean())
    with pytest.raises(InputError, match="found depth"):
        type(router)("category").set_params(depth=3)
    assert type(router)("category").set_params(precision=0.8).precision == 0.8


def test_the_public_names_are_read_when_they_are_asked_for() -> None:
    code = "import sys, diagnosis.errors; assert 'pandas' not in sys.modules; from diagnosis import Diagnoser, Incident"
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        getattr(diagnosis, "Nothing")  # noqa: B009 - as a typing error does
