"""The model card: what a release is for, what it learned from, how good it is, and where not to trust it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnosis.parts import Parts
from diagnosis.phrases import Language
from diagnosis.recurrence import RecurrenceModel
from diagnosis.recurrence.outcomes import definition
from training.checks import Audit
from training.command_line.wording import ENGLISH, Wording
from training.evaluation.scorecard import Scorecard, headlines
from training.settings import TrainSettings

MODEL_CARD = "model_card.md"

_TEMPLATES: Mapping[Language, str] = {
    "en": """# Model card

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
""",
    "zh": """# 模型卡

格式参照 Mitchell 等《Model Cards for Model Reporting》（2019）。

## 用途

为训练所用历史的本单位的新事件建议{targets}，估计故障复发的可能性，并给出以往用过的解决办法。标为“自动执行”的判定可不经人工直接执行，其余均由人工决定。
不得用于评价个人，也不得用于其他单位的事件。

## 数据

{data}

已屏蔽的个人信息：{masked}。

## 效果

{figures}

## 复发

{recurrence}

## 未包含的内容

{left_out}

## 数据检查的发现

{findings}

## 局限

- 以上数字来自以同样方法、仅用较早事件训练的模型；此版本已用全部事件训练。数字只适用于与评估数据相似的事件。
- 事件少的语言、渠道和服务评估不准确，报告列出了各自的区间。
- 认证只适用于与校准数据相似的事件。服务、处理组或填写方式改变后，请重新训练。
- 历史中没有的取值不会被预测。
- 相似不等于相同：建议的解决办法是用于类似事件的办法。

## 设置

{settings}
""",
}


def model_card(
    parts: Parts,
    scorecard: Scorecard | None,
    settings: TrainSettings,
    data: Mapping[str, Mapping[str, Any]],
    audited: Audit | None = None,
    t: Wording = ENGLISH,
) -> str:
    """Return the card as Markdown."""
    return _TEMPLATES[t.language].format(
        targets=t.listed(map(t.field, parts.routers)) or t("nothing"),
        data=_list(
            {
                t.name_of("records", kind): t("{} rows, sha256 {}…", f"{d['rows']:,}", d["sha256"][:16])
                for kind, d in data.items()
            },
            t,
        ),
        masked=", ".join(sorted(parts.redactor.kinds)) or t("none"),
        figures="\n".join(line.strip() + "  " for line in _figures(scorecard, t)),
        recurrence=_recurrence(parts.recurrence, t),
        left_out="\n".join(f"- {t(reason)}" for reason in parts.left_out.values()) or t("Nothing."),
        findings=_findings(audited, t),
        settings=_list(settings.that_count(), ENGLISH),
    )


def _recurrence(model: RecurrenceModel | None, t: Wording) -> str:
    """Return what a model of recurrence is, an attribute a line."""
    if model is None:
        return _list({t("Recurrence"): t("not trained")}, t)
    plain = model.describe()
    described = {
        **plain,
        "definition": t(definition(model.signature_.fields, model.origin)),
        "signature": t.listed(map(t.field, model.signature_.fields)),
        "origin": t(model.origin),
        "at_resolution": t(str(plain["at_resolution"])),
        "left_out": {t.name_of("left_out", reason): n for reason, n in plain["left_out"].items()},
    }
    return _list({t(name): _plain(value, t) for name, value in described.items()}, t)


def _plain(value: Any, t: Wording) -> str:  # noqa: ANN401 - any JSON value
    """Return a value as words: a list or a table of a few entries on one line."""
    if isinstance(value, Mapping):
        return t.listed(f"{name} {_plain(inner, t)}" for name, inner in value.items())
    if isinstance(value, list):
        return t.listed(_plain(inner, t) for inner in value) or t("none")
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _figures(scorecard: Scorecard | None, t: Wording) -> list[str]:
    if scorecard is None:
        return [t("Not measured: too few incidents, or evaluation was switched off.")]
    count, period = f"{scorecard.incidents:,}", (scorecard.opened_from, scorecard.opened_to)
    head = (
        t("On {} incidents that a model of the same make had not seen, opened {} to {}:", count, *period)
        if scorecard.opened_from
        else t("On {} incidents that a model of the same make had not seen:", count)
    )
    return [head, "", *headlines(scorecard, t, latency=False)]


def _findings(audited: Audit | None, t: Wording) -> str:
    if audited is None:
        return t("The data were not audited.")
    lines = [t("- {}: {} ({})", t(finding.severity), t(finding.title), t(finding.why)) for finding in audited.findings]
    return "\n".join(lines) or t("Nothing.")


def _list(items: Mapping[str, Any], t: Wording) -> str:
    return "\n".join(f"- {t('{}: {}', name, value)}" for name, value in items.items())
