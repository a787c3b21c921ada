"""Actions over HTTP: kept, changed field by field, filtered, and done from a moment."""

from datetime import date

from api.settings import Settings
from tests.serving import Serving

ACTION = {
    "title": "Renew the certificate before it expires; ask 13800138000",
    "kind": "fix",
    "source_kind": "problem",
    "source": "P-actions-1",
    "evidence": [{"kind": "incident", "number": "INC0010023"}],
    "owner": "Network Operations",
    "due": "2026-12-31",
    "expected_effect": {"preventable_hours": 21.7, "days": 90},
}


def test_a_key_figure_that_no_review_counts_is_refused_with_those_that_there_are(client) -> None:
    refused = client.post("/v1/actions", json={**ACTION, "measure": "mood"})
    assert refused.status_code == 422
    assert "closure, " in refused.text
    action = client.post("/v1/actions", json={**ACTION, "measure": "closure"}).json()
    address = f"/v1/actions/{action['id']}"
    assert client.patch(address, json={"measure": "mood"}).status_code == 422
    assert client.patch(address, json={"measure": "recurrence"}).json()["measure"] == "recurrence"


def test_an_action_is_stored_changed_and_done(client) -> None:
    answer = client.post("/v1/actions", json=ACTION)
    assert answer.status_code == 201
    action = answer.json()
    assert "13800138000" not in action["title"]
    assert {name: action[name] for name in ACTION if name != "title"} == {
        name: ACTION[name] for name in ACTION if name != "title"
    }
    assert (action["status"], action["done_at"], action["result"]) == ("proposed", None, None)
    changed = client.patch(f"/v1/actions/{action['id']}", json={"owner": "Messaging", "due": None}).json()
    assert (changed["owner"], changed["due"], changed["title"]) == ("Messaging", None, action["title"])
    done = client.patch(f"/v1/actions/{action['id']}", json={"status": "done"}).json()
    assert done["done_at"] is not None
    again = client.patch(f"/v1/actions/{action['id']}", json={"status": "done"}).json()
    assert again["done_at"] == done["done_at"]  # the day from which it is judged does not move
    opened = client.patch(f"/v1/actions/{action['id']}", json={"status": "open"}).json()
    assert (opened["done_at"], opened["result"]) == (None, None)
    anew = client.patch(f"/v1/actions/{action['id']}", json={"status": "done"}).json()
    assert anew["done_at"] > done["done_at"]
    moved = client.patch(f"/v1/actions/{action['id']}", json={"done_at": "2026-10-20T09:00:00Z"}).json()
    assert moved.get("done_at") == "2026-10-20T09:00:00Z", moved
    assert client.get(f"/v1/actions/{action['id']}").json() == moved
    acts = [entry["action"] for entry in client.get("/v1/audit").json()["items"] if entry["object"] == action["id"]]
    assert acts == ["action.change"] * 6 + ["action.add"]


def test_actions_are_filtered_and_paged_newest_first(client) -> None:
    body = {"title": "Write the article", "kind": "article", "source_kind": "review", "source": "2031Q3"}
    ids = [client.post("/v1/actions", json=body).json()["id"] for _ in range(3)]
    client.patch(f"/v1/actions/{ids[0]}", json={"status": "dropped"})
    of_quarter = {"source_kind": "review", "source": "2031Q3"}
    first = client.get("/v1/actions", params={**of_quarter, "limit": 2}).json()
    assert [item["id"] for item in first["items"]] == [ids[2], ids[1]]
    rest = client.get("/v1/actions", params={**of_quarter, "limit": 2, "cursor": first["next"]}).json()
    assert [item["id"] for item in rest["items"]] == [ids[0]]
    dropped = client.get("/v1/actions", params={**of_quarter, "status": "dropped"}).json()
    assert [item["id"] for item in dropped["items"]] == [ids[0]]


def test_what_is_due_is_open_and_past_its_day(client) -> None:
    actions = client.app.state.service.store.actions
    late = client.post("/v1/actions", json={"title": "late", "due": "2001-01-02", "status": "open"}).json()["id"]
    client.post("/v1/actions", json={"title": "done", "due": "2001-01-02", "status": "done"})
    client.post("/v1/actions", json={"title": "later", "due": "2001-02-01"})
    assert [action.id for action in actions.due_by(date(2001, 1, 31))] == [late]


def test_what_is_no_action_is_refused(client) -> None:
    assert client.get("/v1/actions/none").status_code == 404
    assert client.patch("/v1/actions/none", json={"owner": "x"}).status_code == 404
    for wrong in ({}, {"title": " "}, {"title": "x", "kind": "magic"}, {"title": "x", "due": "soon"}):
        assert client.post("/v1/actions", json=wrong).status_code == 422


def test_who_may_only_read_changes_nothing(models, tmp_path) -> None:
    with Serving(Settings(database=f"sqlite:///{tmp_path / 'f.db'}", models=models), ("diagnose",)) as reader:
        assert reader.get("/v1/actions").status_code == 200
        assert reader.post("/v1/actions", json={"title": "x"}).status_code == 403
