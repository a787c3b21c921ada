"""A value that means "nothing" is nothing in signatures, features and filters."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from diagnosis.incident import as_frame
from diagnosis.placeholders import is_placeholder, without_placeholders
from diagnosis.recurrence import HistoryState, Signature, default_signature, recurrence_rate
from diagnosis.routing.fields import FieldFeatures

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases" / "placeholder-as-fault"
START = pd.Timestamp("2026-01-01", tz="UTC")
NOTHING = (
    "?",
    "-",
    "N/A",
    "none",
    "无",
    "未知",
    "0000-00-00",
    " n/a ",
    "（无）",
    "UNKNOWN",
    "--",
    "0000-00-00 00:00:00",
    *("N / A", "n/a n/a", "N/A; N/A", "k.A.", "--None--", "nothing", "not provided", "no ci", "Unknown CI"),
    *("未提供", "未选择", "不清楚", "未确定", "待确认", "沒有", "無資產", "未說明", "无配置项", "未 知", "无 无"),
)


@pytest.mark.parametrize("value", NOTHING)
def test_what_people_write_for_nothing_is_nothing(value):
    assert is_placeholder(value)


@pytest.mark.parametrize(
    "value",
    [
        *("0", "1", "Nora", "None Such Ltd", "未来", "无线网络", "2026-01-01", "ci-0", "其他", "10.0.0.0"),
        *("KA", "NA-01", "n/a-server", "No service", "Unknown user", "CRM none", "没有网络", "未知设备"),
    ],
)
def test_a_name_that_looks_alike_is_kept(value):
    assert without_placeholders([value]) == [value]


def desk(nothing: str) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    return as_frame(
        pd.DataFrame(
            {
                "number": [f"INC{i}" for i in range(200)],
                "opened_at": [START + pd.Timedelta(hours=12 * i) for i in range(200)],
                "cmdb_ci": [f"srv-{i}" if i % 20 == 0 else nothing for i in range(200)],
                "category": draw.choice(["Network", "Hardware"], 200),
                "short_description": [f"mail {i % 4} stuck" for i in range(200)],
                "caller": [nothing if i % 3 else f"caller {i % 7}" for i in range(200)],
            }
        )
    )


@pytest.mark.parametrize("nothing", ["N/A", "?", "未知"])
def test_rates_states_and_features_are_as_with_blanks(nothing):
    written, blank = desk(nothing), desk("")
    as_of = START + pd.Timedelta(days=120)
    assert default_signature(written) == default_signature(blank)
    for fields in (("cmdb_ci", "category"), ("cmdb_ci", "text"), ("caller",)):
        signature = Signature(fields)
        pd.testing.assert_frame_equal(
            recurrence_rate(written, signature, as_of=as_of), recurrence_rate(blank, signature, as_of=as_of)
        )
        states = [HistoryState(signature, ("caller", "cmdb_ci", "caller+category")) for _ in range(2)]
        described = [state.describe(frame, add=True) for state, frame in zip(states, (written, blank), strict=True)]
        np.testing.assert_array_equal(*described)
    features = FieldFeatures(("cmdb_ci", "category", "caller")).fit(blank)
    again = FieldFeatures(("cmdb_ci", "category", "caller")).fit(written)
    assert features.index_ == again.index_
    rows, as_blank = (features.rows(lambda name, frame=frame: frame[name].tolist()) for frame in (written, blank))
    assert all(np.array_equal(part, same) for part, same in zip(rows, as_blank, strict=True))


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases are beside the repository")
@pytest.mark.parametrize("name", ["na", "q"])
def test_the_verb_answers_as_for_a_column_of_blanks(name, capsys):
    import argparse

    from training.recurrence import add_arguments, run

    answers = []
    for file in ("blank", name):
        parser = argparse.ArgumentParser()
        add_arguments(parser)
        assert (
            run(parser.parse_args(["--incidents", str(CASES / f"{file}.csv"), "--signature", "cmdb_ci", "--json"])) == 0
        )
        answers.append(capsys.readouterr().out)
    assert answers[0] == answers[1]
