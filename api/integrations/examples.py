"""What each system sends, as examples in the OpenAPI document."""

from __future__ import annotations

from typing import Any

SERVICENOW: dict[str, Any] = {
    "sys_id": "0ef47232db801300864adfea5e961912",
    "number": "INC0010023",
    "short_description": "VPN 无法连接，提示证书过期",
    "cmdb_ci": {"display_value": "vpn-gw-2", "link": "https://example.service-now.com/api/now/table/cmdb_ci/1"},
    "assignment_group": "",
    "reassignment_count": "",
    "opened_at": "2026-01-31 08:15:00",
}
SERVICENOW_CHANGE: dict[str, Any] = {
    "sys_id": "1ef47232db801300864adfea5e961913",
    "number": "CHG0030001",
    "short_description": "Renew the certificate",
    "cmdb_ci": {"display_value": "vpn-gw-2", "link": "https://example.service-now.com/api/now/table/cmdb_ci/1"},
    "work_start": "2026-01-31 07:00:00",
    "work_end": "2026-01-31 07:30:00",
    "state": "3",
}
GLPI_CHANGE: dict[str, Any] = {
    "event": "new",
    "item": {"id": 12, "name": "更换证书", "date": "2026-01-31 07:00:00", "status": {"id": 1, "name": "New"}},
}
JIRA: dict[str, Any] = {
    "id": 11111,
    "key": "SP-53",
    "fields": {
        "summary": "VPN is down",
        "description": "Since this morning.",
        "created": "2026-01-31T08:15:00.000+0000",
    },
}
ZAMMAD: dict[str, Any] = {
    "ticket": {
        "id": 81,
        "number": "10081",
        "title": "VPN is down",
        "group": {"name": "Users"},
        "priority": {"name": "2 normal"},
        "state": "open",
        "created_at": "2026-01-31T08:15:00Z",
    },
    "article": {"body": "<p>Since this morning.</p>", "content_type": "text/html", "internal": False},
}
GLPI: dict[str, Any] = {
    "event": "new",
    "item": {"id": 7, "name": "VPN is down", "content": "<p>Since this morning.</p>", "date": "2026-01-31 08:15:00"},
}
REQUEST_TRACKER: dict[str, Any] = {
    "event": "create",
    "ticket": {
        "type": "ticket",
        "id": 7,
        "Subject": "VPN is down",
        "Content": "Since this morning.",
        "Status": "new",
        "Priority": 50,
        "Queue": {"id": "1", "Name": "General"},
        "Owner": {"id": "Nobody", "Name": "Nobody"},
        "Requestor": [{"id": "li", "Name": "li", "RealName": "Li Lei"}],
        "Created": "2026-01-31T08:15:00Z",
        "CustomFields": [{"id": "2", "name": "Category", "values": ["Network"]}],
    },
    "transaction": {"id": 40, "type": "Create", "content": "Since this morning."},
}
ALERTMANAGER: dict[str, Any] = {
    "version": "4",
    "status": "firing",
    "truncatedAlerts": 0,
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "VPNDown", "instance": "vpn-gw-2", "severity": "critical"},
            "annotations": {"summary": "VPN gateway vpn-gw-2 does not answer"},
            "startsAt": "2026-01-31T08:15:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "fingerprint": "5ef77f1f8a3ecfc4",
        }
    ],
}
