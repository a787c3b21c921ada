"""The self-service page: for anybody where it is opened, and only from articles that are for everybody."""

import re
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from api.console.service_report import service_report
from api.http.signed_tokens import sign_token
from api.self_service.service import AUDIENCE
from api.settings import Settings
from diagnosis.store import Store
from diagnosis.times import utc_now
from tests.serving import Serving
from tests.waiting import soon
from training.records.stored_facts import facts_of_store

# What people ask that no service desk of computers has an article for.
OTHER_MATTERS = """
how do I bake sourdough bread
what is the capital of France
my cat is sick
the coffee machine is broken
who won the football match yesterday
the lift is stuck on the third floor
can I bring my dog to the office
how many days of holiday do I have left
where can I park my bicycle
the window in the meeting room does not close
the toilet on the second floor is blocked
please water the plants
book a flight to Berlin
I lost my umbrella in the canteen
what is for lunch today
the heating is too warm
when is my salary paid
how do I claim travel expenses
the elevator makes strange noises
please order new business cards
my chair is broken
the light bulb in the corridor flickers
how to write a poem
recommend a good restaurant
car will not start this morning
what time is it in Tokyo
the fire alarm beeps
the door of the garage is locked
please translate this letter into Spanish
how do I register for the marathon
pension contributions statement
my neighbour is too loud on the phone
is there a gym in the building
where is the first aid box
the vending machine took my money
dishwasher leaks water
please clean the carpet
need a parking permit
teach me to play chess
what is the meaning of life
怎么做红烧肉
今天天气怎么样
公司食堂几点开饭
我的椅子坏了
空调太冷了
电梯停在三楼不动
年假还剩几天
工资什么时候发
报销差旅费怎么填
停车位怎么申请
厕所堵了
走廊的灯坏了
推荐一家好吃的餐厅
法国的首都是哪里
我的猫生病了
帮我订一张去上海的机票
会议室的窗户关不上
饮水机没水了
健身房在哪里
名片用完了想再印一盒
消防警报一直响
车库门打不开
咖啡机坏了
谁赢了昨天的比赛
下棋怎么入门
""".strip().splitlines()


@pytest.fixture(scope="module")
def client(models, tmp_path_factory):
    database = tmp_path_factory.mktemp("help") / "faultwise.db"
    with Serving(Settings(database=f"sqlite:///{database}", models=models, self_service=True)) as one:
        expired = {"number": "OLD", "audience": "self_service", "resolution": "Outdated", "valid_to": "2020-01-01"}
        article = {"title": "Printer shows paper jam", "symptoms": "打印机提示卡纸", "language": "en"}
        one.post(
            "/v1/knowledge",
            json=[
                {
                    **article,
                    "number": "SELF",
                    "audience": "self_service",
                    "resolution": "1. Open it 2. Pull <b>gently</b>",
                },
                {**article, "number": "DESK", "audience": "internal", "resolution": "Use the master key"},
                {**article, "number": "NONE", "resolution": "Ask the vendor's hidden line"},
                {**article, **expired},
                {
                    "number": "VPN",
                    "title": "VPN: the client says that the certificate expired",
                    "symptoms": "VPN will not connect",
                    "language": "en",
                    "audience": "self_service",
                    "resolution": "Sign out of the client and in again",
                },
            ],
        )
        service = one.app.state.service
        assert soon(lambda: "SELF" in [hit for hit, _ in service.search.search("printer paper jam", "knowledge", 20)])
        yield one


@pytest.fixture
def anybody(client):
    return TestClient(client.app, raise_server_exceptions=False)


@pytest.mark.parametrize("words", ["the printer shows a paper jam", "打印机提示卡纸"])
def test_only_what_is_meant_for_everybody_is_shown(anybody, words) -> None:
    page = anybody.post("/help", data={"text": words})
    assert page.status_code == 200
    assert "Pull gently" in page.text  # markup is undone before an article is stored
    for hidden in ("master key", "hidden line", "Outdated", "feed rollers", "进纸滚轮"):
        assert hidden not in page.text


@pytest.mark.parametrize("words", ["the printer shows a paper jam"])
def test_what_is_far_less_like_the_words_than_the_best_article_is_not_shown(anybody, words) -> None:
    page = anybody.post("/help", data={"text": words})
    assert "Pull gently" in page.text
    assert "Sign out of the client" not in page.text


@pytest.mark.parametrize("words", ["what is the weather like today", "今天食堂吃什么", "the", "asdf", "你好"])
def test_of_what_nobody_has_written_about_nothing_is_shown(anybody, words) -> None:
    page = anybody.post("/help", data={"text": words})
    assert "No known fix for this yet" in page.text


def test_to_nine_in_ten_questions_of_other_matters_nothing_is_shown(anybody) -> None:
    """The floor is a probability of one half, learned from few questions of a small history: some pass it."""
    pages = {words: anybody.post("/help", data={"text": words}).text for words in OTHER_MATTERS}
    shown = [words for words, text in pages.items() if "No known fix for this yet" not in text]
    assert len(shown) <= len(OTHER_MATTERS) / 10, shown


def test_what_nothing_is_known_for_is_no_fix_that_failed(anybody) -> None:
    page = anybody.post("/help", data={"text": "zzqqxx"})
    assert "No known fix for this yet" in page.text
    assert "Prepare a ticket" in page.text
    assert "did not help" not in page.text


def question_of(page: str) -> str:
    return re.search('name="question" value="([^"]+)"', page)[1]


def acts(client) -> list[dict]:
    return client.get("/v1/audit?limit=100").json()["items"]


def secret_of(client) -> str:
    return client.app.state.service.store.watch_states.secret("self-service").hex()


def share_of_deflected(client):
    measures = service_report(client.app.state.service, utc_now()).key_figures
    return next(((one.value, one.n) for one in measures if one.key == "deflection"), (None, 0))


def test_it_counts_as_deflected_when_they_say_that_it_helped(anybody, client) -> None:
    _, before = share_of_deflected(client)
    pages = [anybody.post("/help", data={"text": "paper jam"}).text for _ in range(2)]
    asked = question_of(pages[0])
    for one in (asked, asked, "01ARZ3NDEKTSV4RRFFQ69G5FAV"):
        assert anybody.post("/help/helped", data={"question": one}).status_code == 200
    found, n = share_of_deflected(client)
    assert n == before + 2
    assert found == pytest.approx(1 / n), "once for each who asked, and never for who did not"


def test_questions_fill_no_table_and_are_counted_by_hour_once_they_are_written(models, tmp_path) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path / 'a.db'}", models=models, self_service=True)
    with Serving(settings) as first:
        for_everyone = {"audience": "self_service", "title": "Printer shows paper jam", "resolution": "Open it"}
        first.post("/v1/knowledge", json=[{"number": "SELF", **for_everyone}])
        search = first.app.state.service.search
        assert soon(lambda: "SELF" in [hit for hit, _ in search.search("printer paper jam", "knowledge", 20)])
        questions = [question_of(first.post("/help", data={"text": "printer paper jam"}).text) for _ in range(20)]
        assert first.post("/help/helped", data={"question": questions[0]}).status_code == 200
        assert not [entry for entry in acts(first) if entry["action"].startswith("help.")]
    with Serving(settings) as second:  # another process: it knows what the first signed
        for question in (questions[1], questions[1], questions[2][:-4] + "aaaa", "x"):
            assert second.post("/help/helped", data={"question": question}).status_code == 200
        long_ago = sign_token(secret_of(second), AUDIENCE, {"question": "x"}, timedelta(hours=-1))[0]
        second.post("/help/helped", data={"question": long_ago})
    with Serving(settings) as third:
        told = [entry for entry in acts(third) if entry["action"].startswith("help.")]
        assert [entry["action"] for entry in told] == ["help.counted"] * 2
        hours = [count for entry in told for count in entry["detail"]["hours"].values()]
        assert sum(count["asked"] for count in hours) == 20
        assert sum(count["solved"] for count in hours) == 2
        assert share_of_deflected(third) == (pytest.approx(2 / 20), 20)
        questions_known = facts_of_store(third.app.state.service.store).questions
        assert (len(questions_known.times), questions_known.met.sum()) == (20, 2)


def test_a_flood_of_questions_moves_a_quarter_no_more_than_a_busy_hour(tmp_path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'a.db'}")
    hours = {f"2026-03-02T0{n}:00:00Z": {"asked": 10, "solved": 5} for n in range(5)}
    store.audit.add("self-service", "help.counted", "self-service", "", {"hours": hours})
    flood = {"2026-03-02T09:00:00Z": {"asked": 4_000_000, "solved": 4_000_001}}
    store.audit.add("self-service", "help.counted", "self-service", "", {"hours": flood})
    questions = facts_of_store(store).questions
    store.close()
    assert (len(questions.times), questions.met.sum()) == (1_050, 1_025)


def test_a_ticket_is_prepared_with_what_was_tried(anybody) -> None:
    page = anybody.post("/help/ticket", data={"text": "<script>x</script>", "tried": ["Open it (SELF)"]})
    assert "&lt;script&gt;" in page.text
    assert "Open it (SELF)" in page.text


def test_nothing_typed_and_other_sites_are_refused(anybody) -> None:
    assert anybody.post("/help", data={"text": " "}).status_code == 422
    assert anybody.post("/help", data={"text": "x"}, headers={"Origin": "https://evil.example"}).status_code == 403


def test_it_is_closed_unless_it_is_opened(models, tmp_path) -> None:
    with Serving(Settings(database=f"sqlite:///{tmp_path / 'a.db'}", models=models)) as closed:
        page = closed.get("/help", headers={"Accept": "text/html"})
        assert page.status_code == 404
        assert "This page does not exist." in page.text
        assert closed.post("/help", data={"text": "x"}).status_code == 404
