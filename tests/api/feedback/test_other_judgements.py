"""Through whatever door feedback comes, a colleague's judgement stays and a new value is asked about."""

import pytest

from tests.api.diagnoses.test_diagnoses import diagnose

TARGET = {"target": "assignment_group"}
OVERRIDDEN = {"kind": "overridden", **TARGET}


@pytest.fixture(scope="module")
def colleague(client):
    key = client.post("/v1/keys", json={"name": "colleague", "scopes": ["feedback"]}).json()["key"]
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def give(client, request):
    said = diagnose(client, f"JUDGED-{request.node.name}")

    def post(body, headers=None):
        return client.post(f"/v1/diagnoses/{said['id']}/feedback", json=body, headers=headers)

    post.listed = lambda: client.get(f"/v1/diagnoses/{said['id']}/feedback").json()["items"]
    return post


def test_a_colleagues_judgement_stays_unless_it_is_named(give, colleague) -> None:
    first = give({**OVERRIDDEN, "value": "Identity"}).json()
    refused = give({**OVERRIDDEN, "value": "Mail Team"}, colleague)
    assert refused.status_code == 409
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["type"] == "urn:faultwise:problem:conflict"
    assert refused.json()["errors"][0]["pointer"] == "/replaces"
    assert first["id"] in refused.json()["detail"]
    assert '"Identity"' in refused.json()["detail"]
    assert give({"kind": "reverted", **TARGET}, colleague).status_code == 409
    assert [entry["value"] for entry in give.listed()] == ["Identity"]
    replaced = give({**OVERRIDDEN, "value": "Mail Team", "replaces": first["id"]}, colleague)
    assert (replaced.status_code, replaced.json()["value"]) == (201, "Mail Team")
    assert give({**OVERRIDDEN, "value": "Identity", "replaces": first["id"]}).status_code == 409, "that one is gone"
    assert give({**OVERRIDDEN, "value": "Identity"}, colleague).status_code == 201, "what one said oneself is replaced"


def test_an_outcome_that_agrees_with_a_colleague_is_answered_with_theirs(give, colleague) -> None:
    first = give({**OVERRIDDEN, "value": "Identity"})
    again = give({**OVERRIDDEN, "value": "identity"}, colleague)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert len(give.listed()) == 1
    with_words = give({**OVERRIDDEN, "value": "Identity", "comment": "as the caller said"}, colleague)
    assert with_words.status_code == 409, "a comment would be lost"


@pytest.mark.parametrize(("kind", "value"), [("overridden", "Idenntity"), ("accepted", "Identitty")])
def test_a_value_that_nobody_has_used_is_asked_about_and_known_ones_like_it_are_named(give, kind, value) -> None:
    refused = give({"kind": kind, **TARGET, "value": f" {value} "})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:faultwise:problem:confirmation-needed")
    assert '"Identity"' in refused.json()["detail"]
    assert {entry["pointer"] for entry in refused.json()["errors"]} == {"/value", "/confirm"}
    assert give.listed() == []
    saved = give({"kind": kind, **TARGET, "value": f" {value} ", "confirm": True})
    assert (saved.status_code, saved.json()["value"]) == (201, value)


def test_known_is_what_the_release_the_record_or_people_have_used_in_its_own_spelling(client, give) -> None:
    assert give({**OVERRIDDEN, "value": " mail  TEAM "}).json()["value"] == "Mail Team"
    said = diagnose(client, "RECORDED")
    closed = {"number": "RECORDED", "short_description": "VPN", "assignment_group": "Field Service"}
    client.post("/v1/incidents", json=closed)
    outcome = client.post(f"/v1/diagnoses/{said['id']}/feedback", json={**OVERRIDDEN, "value": "Field Service"})
    assert outcome.status_code == 201, "an ITSM system that reports what its own record holds is not asked"
    assert give({**OVERRIDDEN, "value": "field service"}).json()["value"] == "Field Service"
    assert give({**OVERRIDDEN, "value": "   "}).status_code == 422
