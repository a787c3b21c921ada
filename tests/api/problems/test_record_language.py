"""The record that a system makes of a problem is written in the language of its incidents."""

from datetime import timedelta

import pytest

from api.integrations.settings import Integrations
from api.settings import Settings
from diagnosis.text.atlassian import document_text
from tests.api.integrations.test_problem_records import Jira
from tests.api.integrations.test_writing import SETTINGS
from tests.api.problems.test_board import board, latest, send
from tests.api.remote import Remote
from tests.serving import Serving
from tests.waiting import soon

WORDS = {
    "zh": (
        "起事件，涉及 3 名报障人",
        "预计未来 90 天内",
        "根治后可避免其中",
        "相关事件：",
        "负责人：Ops",
        "期限：2026-12-31",
    ),
    "en": ("4 incidents in 4 episodes of 3 callers since", "Expected within 90 days:", "Owner: Ops", "Due: 2026-12-31"),
}
TEXTS = {"zh": "闸机读卡器红灯常亮，员工无法进门", "en": "turnstile reader blinks red and nobody gets in"}


@pytest.fixture
def jira():
    model = Jira()
    with Remote(model.answer) as remote:
        model.url = remote.url
        yield model


@pytest.fixture
def service(models, tmp_path, jira):
    own = {"write_back": True, "url": jira.url, "problem_project": "PM", **SETTINGS["jira"]}
    settings = Settings(
        database=f"sqlite:///{tmp_path / 'f.db'}",
        models=models,
        problem_seconds=3600,
        allow_private_addresses=True,
        integrations=Integrations.model_validate({"jira": own}),
    )
    with Serving(settings) as client:
        yield client


@pytest.mark.parametrize(("incidents", "asked", "written"), [("zh", "", "zh"), ("en", "", "en"), ("zh", "en", "en")])
def test_a_record_is_written_in_the_language_of_its_incidents_or_the_one_asked_for(
    service, jira, incidents, asked, written
) -> None:
    plain = {"cmdb_ci": "gate-7", "category": "doors", "subcategory": "reader", "service": "Doors"}
    rows = [
        {
            "number": f"DOOR-{i}",
            "opened_at": (latest(service) - timedelta(days=5 * i)).isoformat(),
            "resolved_at": (latest(service) - timedelta(days=5 * i, hours=-3)).isoformat(),
            "short_description": TEXTS[incidents],
            "caller": f"caller {i % 3}",
            **plain,
        }
        for i in range(1, 5)
    ]
    send(service, rows)
    board(service).refresh()
    problems = service.get("/v1/problems", params={"top": 1000}).json()["problems"]
    (name,) = [problem["id"] for problem in problems if "DOOR-1" in problem["numbers"]]
    proposal = {"system": "jira", "owner": "Ops", "due": "2026-12-31", "language": asked}
    assert service.post(f"/v1/problems/{name}/proposal", json=proposal).status_code == 201
    assert soon(lambda: jira.rows)
    (row,) = jira.rows
    assert row["summary"] == TEXTS[incidents]
    text = document_text(row["description"])
    assert [word for word in WORDS[written] if word not in text] == []
    assert text.endswith(f"Faultwise {name}")
