"""Each system's payload to an incident, and its own form of answer."""

import json
from datetime import UTC, datetime

import pytest
from fastapi.exceptions import RequestValidationError

from api.integrations import alertmanager, glpi, jira, servicenow, zammad
from api.integrations.examples import ALERTMANAGER, GLPI, JIRA, SERVICENOW, ZAMMAD
from api.integrations.note import note_text
from api.integrations.payload import parse
from api.integrations.report import ListOutcome, checked_fields
from diagnosis.errors import InputError
from diagnosis.text.atlassian import document_text

AT = datetime(2026, 1, 31, 8, 15, tzinfo=UTC)


def read(model, payload):
    return parse(model, json.dumps(payload).encode())


def wrong(model, body):
    with pytest.raises(RequestValidationError) as caught:
        parse(model, body if isinstance(body, bytes) else json.dumps(body).encode())
    return ["/".join(map(str, one["loc"])) for one in caught.value.errors()]


class TestServiceNow:
    def incident(self, row, fields=None):
        [one] = read(servicenow.Rows, row).result
        return servicenow.incident_of(one, fields or {})

    def test_a_row_of_strings_and_references(self):
        row = {
            "sys_id": "a" * 32,
            "number": "INC1",
            "short_description": "VPN 断线",
            "caller_id": {"link": "l", "value": "u1"},
            "cmdb_ci": {"display_value": "vpn-gw-2", "link": "l"},
            "assignment_group": "",
            "reassignment_count": "",
            "reopen_count": "2",
            "opened_at": "2026-01-31 08:15:00",
            "resolved_at": "",
            "u_site": "Köln",
        }
        found = self.incident(row, {"u_site": "location"})
        incident = found.incident
        assert (incident.number, incident.short_description, incident.caller) == ("INC1", "VPN 断线", "u1")
        assert (incident.cmdb_ci, incident.assignment_group, incident.location) == ("vpn-gw-2", "", "Köln")
        assert (incident.reassignment_count, incident.reopen_count) == (None, 2)
        assert (incident.opened_at, incident.resolved_at) == (AT, None)
        assert found.record == "a" * 32
        assert incident.extra == {"source": "servicenow", "record": "a" * 32}

    def test_both_forms_of_every_field(self):
        row = {
            "number": {"display_value": "INC1", "value": "INC1"},
            "category": {"display_value": "Network", "value": "network"},
            "opened_at": {"display_value": "31/01/2026 09:15:00", "value": "2026-01-31 08:15:00"},
        }
        incident = self.incident({"result": row}).incident
        assert (incident.number, incident.category, incident.opened_at) == ("INC1", "Network", AT)

    @pytest.mark.parametrize("form", [lambda r: r, lambda r: {"result": r}, lambda r: {"result": [r]}])
    def test_bare_one_and_many(self, form):
        assert self.incident(form(SERVICENOW)).incident.number == "INC0010023"

    def test_wrong_values_are_pointed_at(self):
        assert wrong(servicenow.Rows, {"result": []}) == ["body/result"]
        assert wrong(servicenow.Rows, {"result": [{"number": f"I{i}"} for i in range(1001)]}) == ["body/result"]

    def test_a_value_that_cannot_be_used_is_left_out_and_named(self):
        report = self.incident({"number": "I", "opened_at": "soon", "reopen_count": "many", "category": "c" * 1500})
        assert (report.incident.opened_at, report.incident.reopen_count) == (None, None)
        assert [warning.split(":")[0] for warning in report.warnings] == ["opened_at", "reopen_count"]
        assert len(report.incident.category) == 1000

    def test_reply(self, said):
        answer = servicenow.reply(self.incident(SERVICENOW), said)
        assert answer["certified"] == {"assignment_group": "Network Operations"}
        assert answer["work_notes"] == note_text(said)
        assert (answer["sys_id"], answer["diagnosis"]) == (SERVICENOW["sys_id"], said)

    @pytest.mark.parametrize(
        "number", ["INC1^active=true", "INC1=", "", "INC 1", "INC1\n", "INC1^ORnumberSTARTSWITHI", "é"]
    )
    def test_numbers_that_would_inject_are_refused(self, number):
        with pytest.raises(InputError, match="expected a ServiceNow number"):
            servicenow.checked_number(number)
        assert servicenow.checked_number("INC0010023") == "INC0010023"


ISSUE_FIELDS = {
    "summary": "VPN 断线",
    "created": "2026-01-31T09:15:00.000+0100",
    "reporter": {"displayName": "Li"},
    "priority": {"name": "High"},
    "components": [{"name": "Remote access"}],
    "labels": ["x"],
    "customfield_10050": {"value": "Network Operations"},
    "description": {
        "type": "doc",
        "version": 1,
        "content": [{"type": "paragraph", "content": [{"type": "text", "text": "since today"}]}],
    },
}


class TestJira:
    @pytest.mark.parametrize(
        "form",
        [
            lambda i: i,
            lambda i: {"issue": i},
            lambda i: {"timestamp": 1, "webhookEvent": "jira:issue_created", "issue": i},
        ],
    )
    def test_every_envelope(self, form):
        event = read(jira.JiraEvent, form({"id": 11111, "key": "SP-53", "fields": ISSUE_FIELDS}))
        assert jira.is_diagnosed(event)
        found = jira.incident_of(event, {"customfield_10050": "assignment_group"})
        incident = found.incident
        assert (found.record, incident.number, incident.opened_at) == ("SP-53", "SP-53", AT)
        assert (incident.short_description, incident.description) == ("VPN 断线", "since today")
        assert (incident.caller, incident.category, incident.priority) == ("Li", "Remote access", "High")
        assert incident.assignment_group == "Network Operations"

    def test_plain_text_and_nothing(self):
        fields = {"summary": "s", "description": None, "reporter": None, "components": []}
        incident = jira.incident_of(read(jira.JiraEvent, {"key": "A-1", "fields": fields}), {}).incident
        assert (incident.description, incident.caller, incident.service) == ("", "", "")

    def test_events_of_other_things(self):
        assert not jira.is_diagnosed(
            read(jira.JiraEvent, {**JIRA, "issue": JIRA, "webhookEvent": "jira:issue_deleted"})
        )
        assert not jira.is_diagnosed(read(jira.JiraEvent, {"issue": JIRA, "webhookEvent": "comment_created"}))
        with pytest.raises(InputError, match="expected webhookEvent jira:issue_created"):
            jira.is_diagnosed(read(jira.JiraEvent, {"issue": JIRA, "webhookEvent": "sprint_started"}))

    def test_what_is_missing_is_pointed_at(self):
        assert wrong(jira.JiraEvent, {"issue": {"fields": {}}}) == ["body/issue/key"]
        assert wrong(jira.JiraEvent, {"webhookEvent": "jira:issue_created"}) == ["body/issue"]

    def test_reply(self, said):
        answer = jira.reply(jira.incident_of(read(jira.JiraEvent, JIRA), {}), said)
        assert document_text(answer["body"]).split() == answer["comment"].split()
        assert answer["body"]["type"] == "doc"


class TestZammad:
    def read(self, ticket=None, **article):
        return read(
            zammad.Trigger,
            {"ticket": {**ZAMMAD["ticket"], **(ticket or {})}, "article": {**ZAMMAD["article"], **article}},
        )

    def test_a_new_ticket(self):
        customer = {"id": 3, "login": "li@example.com", "email": "li@example.com", "firstname": "Li"}
        found = zammad.incident_of(self.read({"create_article_type": "phone", "customer": customer, "owner": "-"}), {})
        incident = found.incident
        assert (found.record, incident.number, incident.opened_at) == ("81", "10081", AT)
        assert (incident.description, incident.contact_type) == ("Since this morning.", "phone")
        assert (incident.priority, incident.assignment_group, incident.assigned_to) == ("2 normal", "Users", "")
        assert incident.resolved_at is None

    def test_a_later_or_internal_article_does_not_describe_the_incident(self):
        assert zammad.incident_of(self.read(internal=True), {}).incident.description == ""
        assert zammad.incident_of(self.read({"article_count": 3}), {}).incident.description == ""

    def test_closed(self):
        closed = {"state": {"name": "closed"}, "close_at": "2026-01-31T10:00:00Z"}
        assert zammad.incident_of(self.read(closed), {}).incident.resolved_at == datetime(2026, 1, 31, 10, tzinfo=UTC)

    def test_without_an_article(self):
        trigger = read(zammad.Trigger, {"ticket": ZAMMAD["ticket"], "article": None})
        assert zammad.incident_of(trigger, {}).incident.short_description == "VPN is down"

    def test_what_is_missing_is_pointed_at(self):
        assert wrong(zammad.Trigger, {"article": {}}) == ["body/ticket"]
        assert wrong(zammad.Trigger, {"ticket": {"id": 1}}) == ["body/ticket/number"]


class TestGlpi:
    def test_the_high_level_api(self):
        item = {
            **GLPI["item"],
            "category": {"id": 1, "name": "Network"},
            "urgency": 3,
            "date_solve": None,
            "team": [
                {"type": "User", "role": "requester", "name": "li"},
                {"type": "Group", "role": "assigned", "name": "N1"},
            ],
            "request_type": {"id": 1, "name": "Helpdesk"},
            "location": {"id": 2, "completename": "Köln > A"},
        }
        found = glpi.incident_of(read(glpi.GlpiEvent, {"event": "new", "item": item}), {})
        incident = found.incident
        assert (found.record, incident.number, incident.description) == ("7", "7", "Since this morning.")
        assert (incident.category, incident.urgency, incident.contact_type) == ("Network", "Medium", "helpdesk")
        assert (incident.caller, incident.assignment_group, incident.location) == ("li", "N1", "Köln > A")
        assert incident.opened_at == AT

    def test_the_names_of_the_database(self):
        item = {
            "id": 7,
            "name": "n",
            "content": "&#60;p&#62;c&#60;/p&#62;",
            "itilcategories_id": "Network",
            "solvedate": "2026-01-31 08:15:00",
        }
        incident = glpi.incident_of(read(glpi.GlpiEvent, {"event": "update", "item": item}), {}).incident
        assert (incident.category, incident.resolved_at) == ("Network", AT)

    def test_events(self):
        assert wrong(glpi.GlpiEvent, {"event": "purge", "item": GLPI["item"]}) == ["body/event"]
        assert wrong(glpi.GlpiEvent, {"event": "new"}) == ["body/item"]
        assert wrong(glpi.GlpiEvent, {"event": "new", "item": {}}) == ["body/item/id"]


class TestAlertmanager:
    def one(self, **changes):
        alert = {**ALERTMANAGER["alerts"][0], **changes}
        return read(alertmanager.Notification, {**ALERTMANAGER, "alerts": [alert]}).alerts[0]

    def test_an_alert_is_an_incident_of_monitoring(self):
        labels = {
            "alertname": "DiskFull",
            "instance": "db-1:9100",
            "job": "node",
            "severity": "critical",
            "team": "DBA",
            "region": "eu",
        }
        notes = {"summary": "磁盘已满", "description": "97 % used", "runbook_url": "https://example.com/r"}
        found = alertmanager.incident_of(self.one(labels=labels, annotations=notes, novel={"x": 1}), "n1")
        incident = found.incident
        assert (incident.number, found.record, incident.contact_type) == ("n1", "5ef77f1f8a3ecfc4", "monitoring")
        assert (incident.short_description, incident.description) == ("磁盘已满", "97 % used\nhttps://example.com/r")
        assert (incident.cmdb_ci, incident.service, incident.symptom) == ("db-1:9100", "node", "DiskFull")
        assert (incident.urgency, incident.assignment_group, incident.location) == ("critical", "DBA", "eu")
        assert (incident.opened_at, incident.resolved_at) == (AT, None)

    def test_without_annotations(self):
        incident = alertmanager.incident_of(self.one(annotations={}), "n1").incident
        assert incident.short_description == "VPNDown vpn-gw-2"
        assert (
            alertmanager.incident_of(self.one(annotations=None, labels={}), "n").incident.short_description == "alert"
        )

    def test_resolved(self):
        alert = self.one(status="resolved", endsAt="2026-01-31T08:15:00.123456789Z")
        assert alertmanager.incident_of(alert, "n").incident.resolved_at == AT.replace(microsecond=123456)

    def test_wrong_ones_are_pointed_at(self):
        assert wrong(alertmanager.Notification, {**ALERTMANAGER, "version": "3"}) == ["body/version"]
        assert wrong(alertmanager.Notification, {"version": "4"}) == ["body/alerts"]
        no_name = {**ALERTMANAGER["alerts"][0], "fingerprint": ""}
        assert wrong(alertmanager.Notification, {**ALERTMANAGER, "alerts": [no_name]}) == ["body/alerts/0/fingerprint"]
        other = {**ALERTMANAGER["alerts"][0], "status": "silenced"}
        assert wrong(alertmanager.Notification, {**ALERTMANAGER, "alerts": [other]}) == ["body/alerts/0/status"]

    def test_truncation_is_told(self):
        notification = read(alertmanager.Notification, {**ALERTMANAGER, "truncatedAlerts": 5})
        reports = [alertmanager.incident_of(alert, alert.fingerprint) for alert in notification.alerts]
        [warning] = alertmanager.reply(notification, reports, ListOutcome({}, {}, []))["warnings"]
        assert "left 5 alerts out" in warning


@pytest.mark.parametrize(
    "model", [servicenow.Rows, jira.JiraEvent, zammad.Trigger, glpi.GlpiEvent, alertmanager.Notification]
)
@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"7", b'"x"', b"\xff\xfe", b'{"a":' * 2000, b'{"result":[[]]}']
)
def test_what_is_no_payload_at_all(model, body):
    assert wrong(model, body)


def test_no_payload_brings_control_characters_in():
    [row] = read(servicenow.Rows, {"number": "I\u0000NC1", "short_description": "a\u0000\u0007b"}).result
    incident = servicenow.incident_of(row, {}).incident
    assert (incident.number, incident.short_description) == ("INC1", "ab")


@pytest.mark.parametrize(
    ("state", "article", "resolution"),
    [
        ("closed", {"sender": "Agent", "body": "<p>Renewed the certificate of the gateway vpn-2</p>"}, True),
        ("closed", {"sender": "Agent", "body": "Renewed the certificate", "internal": True}, True),
        ("open", {"sender": "Agent", "body": "We look into it"}, False),
        ("closed", {"sender": "Customer", "body": "Thank you"}, False),
        ("closed", {"sender": "Agent", "body": "Faultwise diagnosis", "subject": "Faultwise", "internal": True}, False),
    ],
)
def test_what_an_agent_writes_when_a_ticket_of_zammad_is_closed_is_its_resolution(state, article, resolution):
    ticket = {**ZAMMAD["ticket"], "state": state, "article_count": 4}
    incident = zammad.incident_of(read(zammad.Trigger, {"ticket": ticket, "article": article}), {}).incident
    assert incident.close_notes.startswith("Renewed the certificate") == resolution
    assert bool(incident.close_notes) == resolution
    assert incident.description == ""


def test_half_a_character_in_the_name_of_a_field_refuses_nothing():
    body = b'{"number": "I", "short_description": "a", "u\\ud83d": "Lyon", "caller_id": {"x\\ud83d": 1, "id": "7"}}'
    row = parse(servicenow.Rows, body).result[0]
    incident = servicenow.incident_of(row, {"u\ufffd": "location"}).incident
    assert (incident.location, incident.caller) == ("Lyon", "7")


def test_own_fields_must_lead_to_fields_that_words_can_fill():
    assert checked_fields({"u_x": "symptom"}) == {"u_x": "symptom"}
    with pytest.raises(InputError, match="found opened_at"):
        checked_fields({"u_x": "opened_at"})


def test_one_alert_that_cannot_be_read_costs_the_others_nothing():
    good = ALERTMANAGER["alerts"][0]
    alerts = [
        good,
        {**good, "fingerprint": ""},
        7,
        {**good, "fingerprint": "b", "annotations": {"summary": "x" * 3000}},
    ]
    notification = read(alertmanager.Notification, {**ALERTMANAGER, "alerts": alerts})
    assert [alert.fingerprint for alert in notification.alerts] == [good["fingerprint"], "b"]
    assert len(notification.refused) == 2
    assert len(alertmanager.incident_of(notification.alerts[1], "n").incident.short_description) == 3000
    half = json.dumps({**ALERTMANAGER, "x": "\ud83d"}).encode().replace(b"VPN gateway", b"\\ud83d")
    assert parse(alertmanager.Notification, half).alerts[0].annotations["summary"].startswith("\ufffd")
