import copy

import pytest

_SAID = {
    "id": "01KAP5YQ7H0T9GQ4M6W3Z2X1CV",
    "incident": "INC0010023",
    "release": "2026-11-22T10-15-00Z-3f2a",
    "created_at": "2026-11-22T10:20:00Z",
    "language": "en",
    "predictions": {
        "assignment_group": {
            "decision": "automatic",
            "value": "Network Operations",
            "probability": 0.97,
            "certified_precision": 0.95,
            "reason": None,
            "alternatives": [
                {"value": "Network Operations", "probability": 0.97},
                {"value": "Service Desk", "probability": 0.02},
            ],
            "evidence": [
                {"kind": "term", "text": "vpn", "weight": 1.8},
                {"kind": "term", "text": "mail", "weight": -0.4},
                {"kind": "incident", "number": "INC0009120", "similarity": 0.91, "outcome": None},
            ],
        },
        "category": {
            "decision": "suggested",
            "value": "network",
            "probability": 0.71,
            "certified_precision": None,
            "reason": "nothing is certified",
            "evidence": [],
            "alternatives": [{"value": "network", "probability": 0.71}, {"value": "hardware", "probability": 0.2}],
        },
        "subcategory": {
            "decision": "abstained",
            "value": None,
            "probability": None,
            "certified_precision": None,
            "reason": "no class is left",
            "reason_code": "no_class_left",
            "reason_values": {},
            "alternatives": [],
            "evidence": [],
        },
    },
    "recurrence": {
        "signature": {"cmdb_ci": "vpn-gw-2"},
        "base_rate": 0.15,
        "factors": [],
        "horizons": [{"days": 7, "probability": 0.11}, {"days": 30, "probability": 0.29}],
    },
    "similar_incidents": [
        {
            "number": "INC0009120",
            "similarity": 0.91,
            "short_description": "VPN drops every hour",
            "resolution": "Renewed the certificate",
            "opened_at": None,
            "outcome": {},
        }
    ],
    "suggestions": [
        {
            "id": "knowledge:KB0000042",
            "source": "knowledge",
            "number": "KB0000042",
            "title": "VPN certificate expired",
            "resolution": "Renew it.\nRestart the gateway.",
            "score": 0.83,
            "evidence": [],
            "uses": {"held": 40, "failed": 2, "open": 1},
        }
    ],
    "warnings": ["the incident has no text: nothing similar can be found"],
    "warning_phrases": [{"code": "no_text", "values": {}}],
}


@pytest.fixture
def said():
    """A diagnosis as the contract shows it; a test may change its own copy."""
    return copy.deepcopy(_SAID)
