"""Own fields: an organisation's custom fields, by the names that a system's API gives them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from diagnosis.errors import InputError
from diagnosis.incident import FIELDS
from diagnosis.phrases import Phrase
from training.sources.credentials import PREFIX

CUSTOM = "CF."  # how Request Tracker's begin, whose records bring all of them


def own_fields(system: str, fields: Mapping[str, str]) -> dict[str, str]:
    """Return the setting ``FIELDS`` (their name to ours) with names as the API has them.

    Request Tracker's ``Area`` is ``CF.{Area}`` there, Jira's ``customfield_10050`` is ``fields.customfield_10050``.
    GLPI's search knows numbers only: others are names of its webhook, and are left out.
    """
    if system == "rt":
        return {name if name.startswith(CUSTOM) else f"{CUSTOM}{{{name}}}": ours for name, ours in fields.items()}
    if system == "jira":
        return {f"fields.{name}": ours for name, ours in fields.items()}
    if system == "glpi":
        return {name: ours for name, ours in fields.items() if name.isdigit()}
    return dict(fields)


def fields_from_environment(system: str, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the service's setting of own fields, ours to theirs, as a mapping of an import.

    Raises
    ------
    InputError
        If it is no JSON object of names, or leads to a field that there is not.
    """
    name = f"{PREFIX}{system.upper()}__FIELDS"
    text = environment.get(name, "").strip()
    try:
        fields = json.loads(text) if text else {}
    except ValueError as error:
        raise InputError(Phrase("own_fields_not_json", {"name": name, "text": text[:100]})) from error
    if not isinstance(fields, dict) or not all(isinstance(value, str) for value in fields.values()):
        raise InputError(Phrase("own_fields_not_names", {"name": name, "text": text[:100]}))
    if unknown := sorted(set(fields.values()) - set(FIELDS)):
        raise InputError(Phrase("own_fields_unknown", {"name": name, "unknown": tuple(unknown)}))
    return {ours: theirs for theirs, ours in own_fields(system, fields).items()}
