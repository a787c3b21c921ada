"""The service-level rules of the settings, in place of a release's wherever that release answers."""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diagnosis.errors import InputError
from diagnosis.incident import IncidentBatch
from diagnosis.phrases import Phrase
from diagnosis.service_levels import ServiceLevelModel, ServiceLevelRules, rules_for
from diagnosis.service_levels.rules import CONDITIONS

if TYPE_CHECKING:
    from diagnosis.diagnoser import Diagnoser

log = logging.getLogger(__name__)


def read_table(path: Path | None) -> Mapping[str, Any] | None:
    """Return the table ``[service_levels]`` of a TOML file, checked; None without a file.

    Raises
    ------
    InputError
        If the file cannot be read, or a rule cannot be used.
    """
    if path is None:
        return None
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        values = {"path": str(path), "fault": str(error)}
        raise InputError(Phrase("service_levels_unreadable", values)) from error
    table: Mapping[str, Any] = content.get("service_levels", {})
    ServiceLevelRules.from_settings(table)
    return table


def set_rules(table: Mapping[str, Any] | None, diagnoser: Diagnoser) -> None:
    """Let a release judge by the rules of the settings, where there are any.

    A rule that fits no incident of its history, or only such as an earlier one fits, is warned of in the log.
    A release that has no rules, because no clock could be learned when it was made, gets those that its history allows.
    """
    parts = diagnoser.parts
    if table is not None or parts.service_levels is None:
        history = parts.history.frame(("number", *CONDITIONS))
        rules = rules_for(table or {}, history["priority"].unique())
        parts.service_levels = parts.service_levels or ServiceLevelModel.without_waits()
        parts.service_levels.rules_ = rules
        if table is not None and table.get("rules") is not None:
            for unused in rules.unused(IncidentBatch.from_frame(history)):
                log.warning("setting service_levels: %s", unused)
