"""A person is masked wherever the store names them, and what still holds them is named."""

import json
import unicodedata
import zlib
from contextlib import closing

import pytest

from api.settings import Settings
from diagnosis.actions import Action
from diagnosis.errors import InputError
from diagnosis.records import IncidentRecords
from diagnosis.releases import Releases
from diagnosis.store import Store, tables
from diagnosis.store.erasure import MASK, Person, erase_person
from diagnosis.store.monitoring import StoredAlert, StoredWindow
from diagnosis.times import utc_now
from tests.serving import Serving
from tests.waiting import soon
from training.erase import erase


@pytest.mark.parametrize(
    ("text", "erased"),
    [
        ("Li Lei called", f"{MASK} called"),
        ("ask LI LEI.", f"ask {MASK}."),
        ("ＬＩ ＬＥＩ来电", f"{MASK}来电"),
        ("转王小明处理", f"转{MASK}处理"),
        ("Lilith Leibniz", "Lilith Leibniz"),
        ("Li Leifeng", "Li Leifeng"),
        ("mail li.lei@example.com", f"mail {MASK}"),
        ("Li Lei, then Ｌｉ Ｌｅｉ", f"{MASK}, then {MASK}"),
        ("ask Li\r\nLei or Li  Lei or Li\u00a0Lei", f"ask {MASK} or {MASK} or {MASK}"),
        ("王　小明 和 王小\n明", f"{MASK} 和 {MASK}"),
        ("Lei Li and LiLei", "Lei Li and LiLei"),
    ],
)
def test_a_person_is_named_in_any_case_and_width_but_never_within_a_word(text, erased):
    assert Person(["Li Lei", "王小明", "li.lei@example.com"]).erased(text) == erased


@pytest.mark.parametrize(
    ("name", "text", "erased"),
    [
        ("Ben", "Prüben", "Prüben"),
        ("Ben", unicodedata.normalize("NFD", "Prüben, Benés, Beń"), unicodedata.normalize("NFD", "Prüben, Benés, Beń")),
        ("Ben", "éBen Benй Benß Ｂｅｎｏ", "éBen Benй Benß Ｂｅｎｏ"),
        ("Ben", "转Ben处理, Benさん, Ben은, Ben_2", f"转{MASK}处理, {MASK}さん, {MASK}은, {MASK}_2"),
        ("Éva", "Séva, Évas, éva", f"Séva, Évas, {MASK}"),
        ("Иван", "Иванов, иван, диван", f"Иванов, {MASK}, диван"),
        ("김철수", "담당자김철수는", f"담당자{MASK}는"),
        ("さくら", "担当さくらさん", f"担当{MASK}さん"),
        ("राम", "रामायण, राम", f"रामायण, {MASK}"),
    ],
)
def test_a_letter_of_any_alphabet_with_spaces_continues_a_word(name, text, erased):
    assert Person([name]).erased(text) == erased


def test_a_person_whose_name_stands_in_the_mask_is_masked_once():
    person = Person(["Person"])
    assert person.erased(person.erased("ask Person")) == f"ask {MASK}"


def test_names_that_are_too_short_are_refused():
    with pytest.raises(InputError, match="2 characters or more"):
        Person(["L"])


def everything_stored(store):
    with store.database.read() as connection:
        rows = {table.name: connection.execute(table.select()).all() for table in tables.metadata.sorted_tables}
    return {
        name: json.dumps([list(map(str, row)) for row in found], ensure_ascii=False) for name, found in rows.items()
    }


def test_a_person_is_erased_from_a_running_service(models, database_url):
    names = ["Zhang Sanfeng", "zhang.sanfeng@example.com"]
    store, releases = Store.open(database_url), Releases(models)
    with Serving(Settings(database=database_url, models=models)) as client:
        for number, caller in (("P1", names[0]), ("P2", names[1]), ("P3", "somebody else")):
            client.post(
                "/v1/incidents",
                json={
                    "number": number,
                    "short_description": f"Quantum printer XQ77 jams 卡纸 {number}",
                    "caller": caller,
                    "close_notes": "Zhang Sanfeng replaced the roller and cleaned the sensor",
                    "resolved_at": "2026-05-01",
                },
            )
        found = {"q": "Quantum printer XQ77 jams 卡纸", "in": "incidents"}
        assert soon(lambda: '"P' in client.get("/v1/search", params=found).text)  # of equal ones the last
        report = {"number": "P4", "short_description": "Zhang Sanfeng: Quantum printer XQ77 jams 卡纸"}
        said = client.post("/v1/diagnoses", json=report).json()
        target = next(iter(said["predictions"]))
        body = {"kind": "overridden", "target": target, "value": "Network", "comment": "as Zhang Sanfeng said"}
        assert client.post(f"/v1/diagnoses/{said['id']}/feedback", json=body).status_code == 201

        looked = erase(store, releases, names, dry_run=True)
        assert {"P1", "P2", "P3", "P4"} <= set(looked["store"]["incidents"])
        assert "Sanfeng" in everything_stored(store)["incidents"]

        done = erase(store, releases, names)
        assert done["store"] == looked["store"]
        assert {"diagnoses", "feedback", "incidents"} <= set(done["store"])
        assert not [name for name, content in everything_stored(store).items() if "Sanfeng" in content]
        assert client.get("/v1/incidents/P2").json()["caller"] == MASK
        assert "<PERSON> replaced the roller" in client.get(f"/v1/diagnoses/{said['id']}").text
        other = {"number": "P5", "short_description": "Quantum printer XQ77 jams 卡纸"}
        assert soon(lambda: "Sanfeng" not in client.post("/v1/diagnoses", json=other).text)
        erase(store, releases, names)  # what was diagnosed before the service had followed
        assert not [name for name, content in everything_stored(store).items() if "Sanfeng" in content]
        again = erase(store, releases, names, dry_run=True)
        assert (again["store"], again["releases"]) == ({}, {})
    store.close()


def test_a_person_is_erased_from_what_people_said_and_from_what_the_watch_remembers(database_url, tmp_path):
    name, moment = "Zhang Sanfeng", utc_now()
    store = Store.open(database_url)
    store.incidents.put({"P1": {"number": "P1"}})
    store.survey_answers.add("P1", 2, f"{name} was rude", "en")
    action = store.actions.add(Action(title=f"train {name}", owner=name), name)
    decision = store.problems.decide(name, "rename", "P0", f"as {name} said", ())
    content = {"data_hash": "0", "voice": [f'"{name}" never called back']}
    review = store.reviews.freeze("2026Q3", content, f"for {name}", name)
    store.reviews.decide("2026Q3", "2026Q3-1", "dropped", None, name)
    store.alerts.put([StoredAlert("A1", moment, None, "Down", f"laptop of {name}", "", body={"contact": name})])
    store.alert_verdicts.say("A1", "P1", True, name)
    store.maintenance.add(StoredWindow(moment, moment, {"location": name}, f"ask {name}"), name)
    store.keys.create(f"of {name}", ("diagnose",))
    assert store.watch_states.hold("surges", "a process", 30)
    remembered = zlib.compress(json.dumps({"arrivals": [{"caller": name}], "counts": {f"PC {name}": 2}}).encode())
    store.watch_states.save("surges", "a process", 1, remembered)

    releases = Releases(tmp_path / "models")
    looked = erase(store, releases, [name], dry_run=True)
    assert looked["store"]["watch_states"] == ["surges"]
    assert store.watch_states.load("surges") is not None
    done = erase(store, releases, [name])
    assert done["store"] == looked["store"]
    assert set(done["kept"]) == {"api_keys"}
    kept = everything_stored(store)
    assert [table for table, rows in kept.items() if "Sanfeng" in rows] == ["api_keys"]
    assert store.actions.get(action.id).owner == MASK
    assert store.problems.decisions()[0].id == decision.id
    assert store.reviews.get(review.id).content["voice"] == [f'"{MASK}" never called back']
    assert store.watch_states.load("surges") is None
    assert not store.watch_states.hold("surges", "a process", 30)  # who watched begins anew, and forgets
    store.close()


class Interrupted(Person):
    """A person; somebody else does something once the first row is read."""

    def __init__(self, names, act):
        super().__init__(names)
        self.act = act

    def erased(self, value):
        act, self.act = self.act, None
        if act:
            act()
        return super().erased(value)


@pytest.fixture
def store(database_url):
    with closing(Store.open(database_url)) as opened:
        yield opened


def test_what_others_write_while_a_person_is_erased_stays(store):
    action = store.actions.add(Action(title="train Zhang Sanfeng"), "key:1")
    change = lambda: store.actions.change(action.id, title="Zhang Sanfeng was trained")  # noqa: E731
    erase_person(store.database, Interrupted(["Zhang Sanfeng"], change))
    assert store.actions.get(action.id).title == f"{MASK} was trained"


def test_a_record_that_is_deleted_while_it_is_looked_at_stays_deleted(store):
    store.incidents.put({"P1": {"number": "P1", "caller": "Zhang Sanfeng"}})
    person = Interrupted(["Zhang Sanfeng"], lambda: store.incidents.delete("P1"))
    erase_person(store.database, person)
    assert store.incidents.find(["P1"]) == {}


def test_what_was_deleted_is_not_brought_back_from_a_release(models, store):
    releases = Releases(models)
    history = IncidentRecords.load(releases.path(releases.published()) / "history").frame()
    caller = next(value for value in history["caller"] if value)
    number = str(history["number"][history["caller"] == caller].iloc[0])
    store.incidents.put({number: {"number": number, "caller": caller}})
    store.incidents.delete(number)
    erase(store, releases, [caller])
    assert store.incidents.find([number]) == {}


def test_a_person_in_a_release_is_masked_in_what_is_served_and_the_release_is_named(models, tmp_path):
    releases = Releases(models)
    history = IncidentRecords.load(releases.path(releases.published()) / "history").frame()
    caller = next(value for value in history["caller"] if value)
    number = history["number"][history["caller"] == caller].iloc[0]
    url = f"sqlite:///{tmp_path / 'x.db'}"
    store = Store.open(url)
    done = erase(store, releases, [caller])
    assert number in done["releases"][releases.published()]
    with Serving(Settings(database=url, models=models)) as client:
        assert client.get(f"/v1/incidents/{number}").json()["caller"] == MASK
    store.close()
