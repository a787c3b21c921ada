"""The console's words, in Chinese and English."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

Language = Literal["en", "zh"]

WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "title": "Faultwise",
        "sign_in": "Sign in",
        "sign_out": "Sign out",
        "key": "Your key",
        "key_hint": "An administrator gives it to you; the first start of the service shows the first one.",
        "refused": "This key is not valid, or may not diagnose.",
        "other_language": "中文",
        "short_description": "What is wrong, in one line",
        "description": "The whole report",
        "cmdb_ci": "Device or system",
        "service": "Service",
        "caller": "Caller",
        "category": "Category",
        "diagnose": "Diagnose",
        "diagnosis": "Diagnosis",
        "predictions": "Where it belongs",
        "automatic": "automatic",
        "suggested": "suggested",
        "abstained": "for a person to decide",
        "certified": "proven precision",
        "alternatives": "Also possible",
        "recurrence": "How likely it is to come back",
        "days": "within {} days",
        "base_rate": "Usual",
        "similar": "Similar incidents",
        "similarity": "similarity",
        "suggestions": "What to try",
        "nothing": "Nothing found.",
        "release": "Release",
        "too_little": "Write what is wrong first.",
        "unavailable": "The service cannot answer now; try again in a moment.",
    },
    "zh": {
        "title": "Faultwise",
        "sign_in": "登录",
        "sign_out": "退出",
        "key": "您的密钥",
        "key_hint": "密钥由管理员发放；服务首次启动时会显示第一个密钥。",
        "refused": "该密钥无效，或没有诊断权限。",
        "other_language": "English",
        "short_description": "一句话描述故障",
        "description": "完整描述",
        "cmdb_ci": "设备或系统",
        "service": "服务",
        "caller": "报告人",
        "category": "类别",
        "diagnose": "诊断",
        "diagnosis": "诊断结果",
        "predictions": "归属",
        "automatic": "自动",
        "suggested": "建议",
        "abstained": "由人工决定",
        "certified": "经证明的精确率",
        "alternatives": "其他可能",
        "recurrence": "复发可能性",
        "days": "{} 天内",
        "base_rate": "通常",
        "similar": "相似事件",
        "similarity": "相似度",
        "suggestions": "建议尝试",
        "nothing": "没有找到。",
        "release": "版本",
        "too_little": "请先描述故障。",
        "unavailable": "服务暂时无法应答，请稍后再试。",
    },
}


def chosen(cookie: str | None, accepted: str) -> Language:
    """Return the language that a person chose, or the first of ours that the browser accepts, or English."""
    wanted = [cookie or "", *re.findall(r"[a-z]+", accepted.lower())]
    first = next((tag for tag in wanted if tag in WORDS), "en")
    return "zh" if first == "zh" else "en"
