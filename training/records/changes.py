"""Changes as systems write them: one table of names for files, APIs and webhooks of ServiceNow, GLPI, Jira and RT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from training.records.arrangements import as_record
from training.records.json_file import flatten

# Field to the names that hold it, the first with a value winning: ours, ServiceNow's change_request, GLPI's Change.
NAMES: Mapping[str, Sequence[str]] = {
    "number": ("number", "Number", "编号", "id", "ID"),
    "opened_at": (
        "opened_at",
        "sys_created_on",
        "Opened",
        "已打开",
        "打开时间",
        "date_creation",
        "date",
        "Opening date",
        "打开日期",
        "创建日期",
    ),
    "started_at": (
        "started_at",
        "work_start",
        "start_date",
        "Actual start date",
        "Planned start date",
        "实际开始日期",
        "计划开始日期",
        "begin",
        "planned_begin",
    ),
    "ended_at": (
        "ended_at",
        "work_end",
        "end_date",
        "Actual end date",
        "Planned end date",
        "实际结束日期",
        "计划结束日期",
        "solvedate",
        "date_solve",
        "closedate",
        "date_close",
        "Resolution date",
        "解决日期",
    ),
    "cmdb_ci": ("cmdb_ci", "Configuration item", "配置项", "items", "Items", "Associated elements", "关联元素"),
    "service": ("service", "business_service", "Service", "服务", "entity", "entities_id", "Entity", "实体"),
    "type": ("type", "Type", "类型"),
    "risk": ("risk", "Risk", "风险", "impact", "Impact"),
    "state": ("state", "State", "状态", "status", "Status"),
    "short_description": ("short_description", "Short description", "简短描述", "name", "Title", "标题"),
}
# Where a system calls a field otherwise: Jira's issues and RT's tickets have no changes of their own kind.
_NAMES_OF: Mapping[str, Mapping[str, Sequence[str]]] = {
    "jira": {
        "number": ("key",),
        "opened_at": ("fields.created",),
        "ended_at": ("fields.resolutiondate",),
        "service": ("fields.components",),
        "type": ("fields.issuetype",),
        "risk": ("fields.priority",),
        "state": ("fields.status",),
        "short_description": ("fields.summary",),
    },
    "rt": {
        "number": ("id",),
        "opened_at": ("Created",),
        "started_at": ("Started",),
        "ended_at": ("Resolved",),
        "state": ("Status",),
        "short_description": ("Subject",),
    },
}
CHANGE_TIMES = ("opened_at", "started_at", "ended_at")
_NEVER = "1970-01-01T00:00:00Z"  # what RT calls a time that there is none of
# ServiceNow's code 4, GLPI's 14 and 15 (refused, cancelled), RT's rejected, and the words: nothing was changed.
_CANCELLED = {"4", "14", "15", "canceled", "cancelled", "refused", "rejected", "已取消", "已拒绝", "取消"}


def canonical_change(
    record: Mapping[str, Any], system: str = "", mapping: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return a change in the fields of the import format, as text; what has no value is left out.

    Parameters
    ----------
    record : mapping
        A row of a file, or a record as an API or a webhook sends it.
    system : str
        Whose names count before the common ones; empty for none.
    mapping : mapping of str to str, optional
        Field of ours to a field of theirs; wins over every name.

    Examples
    --------
    >>> row = {"number": "CHG1", "cmdb_ci": {"display_value": "vpn-gw-2"}, "start_date": "2026-01-31 08:15:00"}
    >>> canonical_change(row)
    {'number': 'CHG1', 'started_at': '2026-01-31 08:15:00', 'cmdb_ci': 'vpn-gw-2'}
    >>> canonical_change({"id": 7, "name": "换证书", "entity": {"id": 1, "name": "门户"}})
    {'number': '7', 'service': '门户', 'short_description': '换证书'}
    """
    flat = {name: value.strip() for name, value in flatten(as_record(record)).items()}
    present = {name: value for name, value in flat.items() if value and value != _NEVER}
    change: dict[str, str] = {}
    for field, common in NAMES.items():
        names = ((mapping or {}).get(field, ""), *_NAMES_OF.get(system, {}).get(field, ()), *common)
        if field in CHANGE_TIMES:  # ServiceNow shows it in the user's zone, and has it in UTC beside that
            names = tuple(variant for name in names for variant in (f"{name}.value", name))
        value = next((present[name] for name in names if name in present), "")
        if value:
            change[field] = value
    return change


def is_cancelled(state: str) -> bool:
    """Return whether a change in this state changed nothing."""
    return state.casefold() in _CANCELLED
