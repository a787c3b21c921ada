"""The model card: what a release is for, what it learned from, how good it is, and where not to trust it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnosis.parts import Parts
from training.checks import Audit
from training.evaluation.scorecard import Scorecard, headlines
from training.settings import TrainSettings

MODEL_CARD = "model_card.md"

_TEMPLATE = """# Model card

After Mitchell et al., "Model Cards for Model Reporting" (2019).

## Intended use

Suggesting {targets} for new incidents of the organisation whose history this release learned from, how likely their
faults are to come back, and resolutions that were used before. Decisions marked `automatic` may be carried out without
a person; all others are for a person to take. Not for judging people, nor for another organisation's incidents.

## Data

{data}

Personal data masked: {masked}.

## How good it is

{figures}

## Recurrence

{recurrence}

## Left out

{left_out}

## What the audit found

{findings}

## Limits

- The figures above are those of a model of the same make that had learned from earlier incidents only; the release
  itself has learned from all. They speak of incidents like those of the slice they were measured on.
- Languages, channels and services with few incidents are measured poorly; the report shows each with its interval.
- Certificates hold for incidents like those of the calibration slice. When services, groups or ways of writing
  change, train again.
- A class that the history does not hold is never predicted.
- Similar does not mean same: a suggested resolution is one that was used on incidents like this one.

## Settings

{settings}
"""


def model_card(
    parts: Parts,
    scorecard: Scorecard | None,
    settings: TrainSettings,
    data: Mapping[str, Mapping[str, Any]],
    audited: Audit | None = None,
) -> str:
    """Return the card as Markdown."""
    recurrence = parts.recurrence.describe() if parts.recurrence else {"recurrence": "not trained"}
    return _TEMPLATE.format(
        targets=", ".join(parts.routers) or "nothing",
        data=_list({kind: f"{d['rows']:,} rows, sha256 {d['sha256'][:16]}…" for kind, d in data.items()}),
        masked=", ".join(sorted(parts.redactor.kinds)) or "none",
        figures="\n".join(line.strip() + "  " for line in _figures(scorecard)),
        recurrence=_list(recurrence),
        left_out="\n".join(f"- {reason}" for reason in parts.left_out.values()) or "Nothing.",
        findings=_findings(audited),
        settings=_list(settings.that_count()),
    )


def _figures(scorecard: Scorecard | None) -> list[str]:
    if scorecard is None:
        return ["Not measured: too few incidents, or evaluation was switched off."]
    basis = f"On {scorecard.incidents:,} incidents that a model of the same make had not seen"
    period = f", opened {scorecard.opened_from} to {scorecard.opened_to}" if scorecard.opened_from else ""
    return [f"{basis}{period}:", "", *headlines(scorecard, latency=False)]


def _findings(audited: Audit | None) -> str:
    if audited is None:
        return "The data were not audited."
    lines = [f"- {finding.severity}: {finding.title} ({finding.why})" for finding in audited.findings]
    return "\n".join(lines) or "Nothing."


def _list(items: Mapping[str, Any]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in items.items())
