"""The pages of problems without a browser: listed, filtered, decided, proposed, done; hostile words harmless."""

import html
import re

import pytest

from api.settings import Settings
from diagnosis.store.keys import SCOPES
from tests.api.console.test_console import HOSTILE, Person
from tests.serving import Serving

PATH = "/console/problems"


@pytest.fixture(scope="module")
def own(models, tmp_path_factory):
    database = tmp_path_factory.mktemp("problems") / "f.db"
    with Serving(Settings(database=f"sqlite:///{database}", models=models, problem_seconds=3600)) as client:
        yield client


@pytest.fixture(scope="module")
def manager(own):
    return Person(own, *SCOPES)


def ids(page):
    return re.findall(rf'href="{PATH}/(P\w+)"', page.text)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_problems_are_listed_as_the_api_has_them_and_filtered(own, manager, language) -> None:
    manager.browser.cookies.set("faultwise_language", language)
    page = manager.get(PATH)
    problems = own.get("/v1/problems", params={"top": 100}).json()["problems"]
    assert ids(page) == [problem["id"] for problem in problems]
    rising = manager.get(PATH, params={"trend": "rising"})
    assert ids(rising) == [problem["id"] for problem in problems if problem["trend"] == "rising"]
    assert ids(manager.get(PATH, params={"service": "no such"})) == []
    for problem in problems[:3]:
        one = manager.get(f"{PATH}/{problem['id']}")
        assert one.status_code == 200
        assert html.escape(problem["title"], quote=True) in one.text.replace("&#39;", "&#x27;")


def test_a_problem_is_renamed_dismissed_merged_split_and_all_of_it_undone(own, manager) -> None:
    a, b = ids(manager.get(PATH))[:2]
    page = manager.post(f"{PATH}/{a}/decisions", {"kind": "rename", "value": f"ours {HOSTILE}"})
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "ours" in manager.get(PATH).text
    manager.post(f"{PATH}/{b}/decisions", {"kind": "merge", "value": a})
    assert manager.get(f"{PATH}/{b}").url.path == f"{PATH}/{a}"
    numbers = own.get(f"/v1/problems/{a}").json()["numbers"][:2]
    split = manager.post(f"{PATH}/{a}/decisions", {"kind": "split", "number": numbers})
    assert split.url.path.startswith(f"{PATH}/P")
    assert split.url.path != f"{PATH}/{a}"
    manager.post(f"{PATH}/{a}/decisions", {"kind": "dismiss", "value": "known"})
    assert a not in ids(manager.get(PATH))
    for decision in own.get(f"/v1/problems/{a}").json()["decisions"][::-1]:
        assert manager.post(f"{PATH}/{a}/decisions/{decision['id']}/undo").status_code == 200
    assert ids(manager.get(PATH))[:2] == [a, b]


def test_a_measure_is_proposed_done_and_its_verdict_is_shown(own, manager) -> None:
    problems = own.get("/v1/problems", params={"top": 100}).json()["problems"]
    busiest = max(problems, key=lambda problem: problem["episodes"])
    path = f"{PATH}/{busiest['id']}"
    page = manager.post(f"{path}/proposal", {"title": "replace it", "kind": "replacement", "owner": "Ops", "due": ""})
    assert "replace it" in page.text
    (action,) = own.get("/v1/actions", params={"source": busiest["id"]}).json()["items"]
    assert (action["kind"], action["owner"], action["due"]) == ("replacement", "Ops", None)
    middle = busiest["last"][:10]
    done = manager.post(f"{path}/actions/{action['id']}", {"status": "done", "done_at": middle})
    assert done.status_code == 200
    (action,) = own.get("/v1/actions", params={"source": busiest["id"]}).json()["items"]
    assert action["status"] == "done"
    assert action["done_at"].startswith(middle)


def test_what_is_refused_is_said_and_what_is_gone_is_not_found(manager) -> None:
    (a, *_) = ids(manager.get(PATH))
    assert manager.post(f"{PATH}/{a}/decisions", {"kind": "merge", "value": a}).status_code == 422
    assert manager.post(f"{PATH}/{a}/decisions", {"kind": "split"}).status_code == 422
    assert manager.post(f"{PATH}/{a}/proposal", {"due": "soon"}).status_code == 422
    assert manager.get(f"{PATH}/Pnone").status_code == 404
    assert manager.post(f"{PATH}/Pnone/proposal", {"title": "x"}).status_code == 404


def test_who_may_not_write_sees_no_forms_and_changes_nothing(own, manager) -> None:
    reader = Person(own, "diagnose", "feedback")
    (a, *_) = ids(manager.get(PATH))
    page = reader.get(f"{PATH}/{a}")
    assert page.status_code == 200, "the page of an incident leads here"
    assert f'href="{PATH}"' not in page.text
    assert f"{PATH}/{a}/proposal" not in page.text
    assert reader.post(f"{PATH}/{a}/proposal", {"title": "x"}).status_code == 403
