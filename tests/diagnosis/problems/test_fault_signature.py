"""What one fault is, where nobody says it: never the people who report it, nor a number of single incidents."""

import json

import numpy as np
import pandas as pd
import pytest

from api.cli import main
from diagnosis.errors import InputError
from diagnosis.incident import Incident, IncidentBatch, as_frame
from diagnosis.problems import find_problems
from diagnosis.problems.fault_signature import problem_signature
from diagnosis.problems.index import ProblemIndex
from diagnosis.recurrence import Signature

N = 150
START = pd.Timestamp("2026-01-01", tz="UTC")


def one_fault(**fields):
    """Return incidents of one fault, reported by forty people, one each 17 hours."""
    plain = {
        "number": [f"INC{i:04}" for i in range(N)],
        "opened_at": [(START + pd.Timedelta(hours=17 * i)).isoformat() for i in range(N)],
        "short_description": "VPN does not connect, error 809",
        "cmdb_ci": "vpn-gw-2",
        "category": "Network",
        "caller": [f"u{i % 40}" for i in range(N)],
    }
    return pd.DataFrame({**plain, **fields})


def sizes(frame):
    frame = as_frame(frame)
    report = find_problems(frame, problem_signature(frame), as_of=frame["opened_at"].max(), texts=True)
    return sorted((problem.incidents for problem in report.problems), reverse=True)


def test_one_fault_of_forty_callers_is_one_problem_without_a_signature(tmp_path, capsys) -> None:
    one_fault().to_csv(tmp_path / "incidents.csv", index=False)
    assert main(["problems", "--incidents", str(tmp_path / "incidents.csv"), "--json", "--quiet"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["signature"] == ["cmdb_ci", "category"]
    assert [(p["incidents"], p["callers"]) for p in content["problems"]] == [(N, 40)]


ROWS = np.arange(N)


@pytest.mark.parametrize(
    "fields",
    [
        {"location": [f"site {i % 40}" for i in ROWS], "contact_type": [f"c{i % 4}" for i in ROWS]},
        {"assignment_group": [f"g{i % 5}" for i in ROWS], "opened_by": [f"a{i % 7}" for i in ROWS]},
        {"subcategory": [f"S-{i}" for i in ROWS], "priority": [str(i % 5) for i in ROWS]},
        {"subcategory": ["VPN", "Remote access", "Tunnel"] * 50, "symptom": [f"sym {i % 9}" for i in ROWS]},
        {"category": ["Network", "Remote access", "Software"] * 50},
        {"category": np.where(ROWS % 50, "Network", "Other")},
        {"cmdb_ci": "", "service": "Remote Access"},
        {"cmdb_ci": "", "service": "", "subcategory": [f"REQ{i:05}" for i in ROWS]},
        {"cmdb_ci": [f"CI-{i}" for i in ROWS]},
        {"cmdb_ci": [f"LAPTOP-{i % 40}" for i in ROWS]},
        {"cmdb_ci": "", "category": ""},
        {"cmdb_ci": "N/A", "category": "unknown", "service": "-"},
        {"cmdb_ci": np.where(ROWS % 2, "vpn-gw-2", "")},
        {"cmdb_ci": np.where(ROWS % 5 == 0, "", "vpn-gw-2"), "category": np.where(ROWS % 7 == 0, "", "Network")},
    ],
    ids=[
        *(
            "places",
            "groups",
            "numbers",
            "subcategories",
            "categories",
            "misfiled",
            "service",
            "category",
            "numbers as items",
            "own devices",
        ),
        *("nothing", "placeholders", "half without item", "some without fields"),
    ],
)
def test_no_other_field_splits_one_fault(fields) -> None:
    assert sizes(one_fault(**fields)) == [N]


def test_two_items_and_two_faults_of_one_item_stay_apart() -> None:
    assert sizes(one_fault(cmdb_ci=np.where(ROWS % 3, "vpn-gw-1", "vpn-gw-2"))) == [100, 50]
    texts = np.where(ROWS % 3, "VPN does not connect, error 809", "certificate warning in browser")
    assert sizes(one_fault(short_description=texts, category=np.where(ROWS % 3, "Network", "Security"))) == [100, 50]
    assert sizes(one_fault(short_description=texts, category=["Network", "Security"] * 75)) == [100, 50]
    assert sizes(one_fault(short_description=texts)) == [100, 50]


def unlike(count, **fields):
    """Return incidents of which no two tell the same, each on an item of its own."""
    words = [f"w{i}a w{i}b w{i}c w{i}d" for i in range(count)]
    plain = {
        "number": [f"D{i:04}" for i in range(count)],
        "opened_at": [(START + pd.Timedelta(hours=3 * i)).isoformat() for i in range(count)],
        "short_description": words,
        "cmdb_ci": [f"CI-{i}" for i in range(count)],
        "category": [f"c{i % 7}" for i in range(count)],
    }
    return pd.DataFrame({**plain, **fields})


@pytest.mark.parametrize("fields", [{}, {"cmdb_ci": ""}], ids=["items of their own", "no items"])
def test_a_category_alone_is_no_fault(fields) -> None:
    assert sizes(unlike(500, **fields)) == []


def test_faults_of_one_category_are_told_apart_by_their_texts_and_so_is_a_new_incident() -> None:
    texts = np.where(ROWS % 3, "VPN does not connect, error 809", "wireless drops every few minutes")
    frame = as_frame(pd.concat([one_fault(cmdb_ci="", short_description=texts), unlike(60, category="Network")]))
    assert sizes(frame) == [100, 50]
    index = ProblemIndex.of_history(frame, None)
    new = [
        Incident("N1", category="Network", short_description="VPN does not connect: error 809"),
        Incident("N2", category="Network", short_description="mouse wheel squeaks"),
        Incident("N3", category="Other", short_description="VPN does not connect, error 809"),
    ]
    matches = index.match(IncidentBatch.from_incidents(new))
    assert [match is not None for match in matches] == [True, False, False]
    assert "VPN" in matches[0].title


def test_what_all_incidents_have_in_common_says_nothing_where_nothing_is_written() -> None:
    frame = as_frame(one_fault(short_description="", subcategory=np.where(ROWS % 3, "VPN", "Proxy")))
    assert problem_signature(frame).fields == ("subcategory",)
    frame = as_frame(one_fault(short_description=""))
    assert problem_signature(frame).fields == ("cmdb_ci", "category")


def test_servers_that_one_monitoring_system_reports_are_nobody_s_devices() -> None:
    items = [f"srv-{i % 40}" for i in ROWS]
    assert problem_signature(as_frame(one_fault(cmdb_ci=items, caller="monitoring"))).fields == ("cmdb_ci", "category")
    several = [f"u{i % 7}" for i in ROWS]
    assert problem_signature(as_frame(one_fault(cmdb_ci=items, caller=several))).fields == ("cmdb_ci", "category")


def test_a_signature_that_recurrence_learned_is_taken_without_people() -> None:
    frame = as_frame(one_fault())
    learned = Signature(("category", "symptom"))
    assert problem_signature(frame, learned) is learned
    assert problem_signature(frame, Signature(("caller", "category"))).fields == ("cmdb_ci", "category")


def test_people_alone_are_no_fault() -> None:
    frame = as_frame(one_fault(cmdb_ci="", category="", short_description=""))
    with pytest.raises(InputError, match="no signature fits"):
        problem_signature(frame)
