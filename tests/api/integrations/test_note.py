"""What an agent reads in their own system, in both languages."""

import copy

import pytest

from api.console.messages import MESSAGES
from api.integrations.note import certified_values, note_digest, note_text


def test_english(said):
    assert (
        note_text(said)
        == """Faultwise diagnosis

Assignment group: Network Operations (97%, automatic)
  Tested: at least 95% right (90% confidence).
  because of: vpn, INC0009120
Category: network (71%, suggested)
  or: hardware (20%)
Subcategory: not sure (no class is left)

Suggested fixes:
1. KB0000042 VPN certificate expired · worked 40 of 42 times (no return in 30 days)
   Renew it.
   Restart the gateway.

Similar incidents:
- INC0009120 (similarity 0.91): VPN drops every hour | resolved by: Renewed the certificate

Likely to come back: 11% within 7 days, 29% within 30 days (usual: 15%)

Please note:
- the incident has no text: nothing similar can be found

Diagnosis 01KAP5YQ7H0T9GQ4M6W3Z2X1CV, release 2026-11-22T10-15-00Z-3f2a. Tell Faultwise whether it helped."""
    )


def test_chinese(said):
    said["language"] = "zh"
    text = note_text(said)
    assert text.startswith(
        "Faultwise 诊断\n\n处理组：Network Operations (97%, 自动)\n"
        "  经检验：至少 95% 正确（90% 置信度）。\n  依据：vpn, INC0009120"
    )
    assert "分类：network (71%, 建议)\n  或：hardware (20%)\n子分类：不确定（没有剩余的类别）" in text
    assert "请注意：\n- 此事件没有文字，无法查找相似事件\n" in text
    assert "建议的解决办法：\n1. KB0000042 VPN certificate expired · 42 次中 40 次有效（30 天内未复发）" in text
    assert "复发可能：7 天内 11%, 30 天内 29% (通常为 15%)" in text
    assert text.endswith("请反馈是否有帮助。")


def test_a_diagnosis_that_was_stored_without_codes_has_its_english_sentences(said):
    said["language"] = "zh"
    del said["warning_phrases"], said["predictions"]["subcategory"]["reason_code"]
    text = note_text(said)
    assert "子分类：不确定（no class is left）" in text
    assert "- the incident has no text: nothing similar can be found" in text


def test_nothing_known_is_a_note_too(said):
    said |= {"predictions": {}, "recurrence": None, "similar_incidents": [], "suggestions": [], "warnings": []}
    said["warning_phrases"] = []
    assert note_text(said).split("\n\n") == [
        "Faultwise diagnosis",
        "Diagnosis 01KAP5YQ7H0T9GQ4M6W3Z2X1CV, release 2026-11-22T10-15-00Z-3f2a. Tell Faultwise whether it helped.",
    ]


def test_long_fixes_are_cut(said):
    said["suggestions"][0]["resolution"] = "长" * 5000
    assert 600 < len(note_text(said)) < 2000
    assert "长…" in note_text(said)


def test_the_digest_changes_with_what_is_said_and_not_with_who_says_it(said):
    before = note_digest(said)
    assert note_digest({**said, "id": "another", "release": "another"}) == before
    said["suggestions"][0]["uses"]["held"] += 1  # one use more is no news for who has the incident
    assert note_digest(said) == before
    said["predictions"]["category"]["value"] = "hardware"
    assert note_digest(said) != before


def test_a_weak_guess_is_not_offered_as_the_answer(said):
    likely = [{"value": "hardware", "probability": 0.17}, {"value": "network", "probability": 0.15}]
    said["predictions"]["category"] |= {"value": "hardware", "probability": 0.17, "alternatives": likely}
    assert "Category: not sure\n  perhaps: hardware (17%), network (15%)\n" in note_text(said)
    said["language"] = "zh"
    assert "分类：不确定\n  可能是：hardware (17%), network (15%)\n" in note_text(said)


def test_what_a_person_decided_is_said_to_be_theirs(said):
    values = {"field": "category", "value": "email"}
    said["predictions"]["category"] |= {
        "decision": "abstained",
        "value": "email",
        "probability": 0.02,
        "reason_code": "already_decided",
        "reason_values": values,
    }
    assert "Category: email (decided by a person)\nSubcategory" in note_text(said)
    said["language"] = "zh"
    assert "分类：email (人工确认)\n子分类" in note_text(said)


def test_only_certified_values_may_be_written(said):
    assert certified_values(said) == {"assignment_group": "Network Operations"}


CLOCKS = {
    "response": {"due_at": "2026-11-22T12:20:00Z", "probability_missed": 0.12, "hours": {"p50": 0.6, "p80": 1.7}},
    "restoration": {"due_at": "2026-11-22T14:20:00Z", "probability_missed": 0.31, "hours": None},
}


def test_due_times_are_said_with_how_likely_they_are_missed(said):
    said["service_levels"] = CLOCKS
    assert (
        "Response: due 2026-11-22 12:20 UTC, 12% likely missed, half of such within 0.6 h, four of five within 1.7 h\n"
        "Restoration: due 2026-11-22 14:20 UTC, 31% likely missed\n\n"
    ) in note_text(said)
    said["language"] = "zh"
    assert (
        "响应：截止 2026-11-22 12:20 UTC，超时概率 12%，同类事件半数在 0.6 小时内完成，八成在 1.7 小时内完成\n"
        "恢复：截止"
    ) in note_text(said)


def test_the_clocks_of_now_are_said_in_place_of_those_at_logging(said):
    said["service_levels"] = CLOCKS
    digest = note_digest(said)
    said["clocks"] = [
        {
            "clock": "restoration",
            "standing": "missed",
            "due_at": "2026-11-22T14:20:00Z",
            "probability_missed": 1.0,
            "hours": {"p50": 2.0, "p80": 9.5},
        }
    ]
    assert (
        "Restoration: due 2026-11-22 14:20 UTC, missed, half of those that waited as long end within 2.0 h of this "
        "note, four of five within 9.5 h\n\n"
    ) in note_text(said)
    assert "Response" not in note_text(said)
    assert note_digest(said) == digest
    said["clocks"][0] |= {"standing": "paused", "probability_missed": None, "hours": None}
    said["language"] = "zh"
    assert "恢复：截止 2026-11-22 14:20 UTC，暂停\n" in note_text(said)


def test_times_are_in_the_organisation_s_zone(said):
    said["service_levels"] = CLOCKS
    said["surge"] = {"id": "S1", "scope": {"service": "VPN"}, "since": "2026-11-22T18:30:00Z"}
    text = note_text(said, "Asia/Shanghai")
    assert "Response: due 2026-11-22 20:20 Asia/Shanghai" in text
    assert "since 2026-11-23 02:30 Asia/Shanghai" in text
    assert "UTC" not in text
    assert note_digest(said) == note_digest(copy.deepcopy(said)), "what a note says does not depend on the zone"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_note_says_it_in_the_console_s_words(said, language):
    said["language"] = language
    text, words = note_text(said), MESSAGES[language]
    assert words["why_automatic"].format("95%") in text
    assert words["history_held"].format(40, 42) in text
    for kind in ("automatic", "suggested", "not_sure"):
        assert words[kind] in text


def test_a_risk_that_moves_with_the_queue_writes_no_note_anew(said):
    said["service_levels"] = CLOCKS
    digest = note_digest(said)
    said["service_levels"] = {**CLOCKS, "response": {**CLOCKS["response"], "probability_missed": 0.5}}
    assert note_digest(said) == digest
    said["service_levels"] = {**CLOCKS, "response": {**CLOCKS["response"], "due_at": "2026-11-22T13:20:00Z"}}
    assert note_digest(said) != digest
