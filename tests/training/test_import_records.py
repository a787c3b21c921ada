"""The verb `import` on a store that the demo has filled."""

import pytest

from api.cli import main
from diagnosis.store import Store
from training.import_records import DEMO


def test_an_import_beside_the_demo_s_sample_is_warned_of(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    history = tmp_path / "history.csv"
    history.write_text("number,short_description\nT1,VPN drops\n", encoding="utf-8")
    database = f"sqlite:///{tmp_path / 'faultwise.db'}"
    words = ["import", "--incidents", str(history), "--database", database, "--quiet"]
    assert main(words) == 0
    assert "sample" not in capsys.readouterr().err
    store = Store.open(database)
    store.audit.add("faultwise demo", DEMO, "store", "", {})
    store.close()
    assert main(words) == 0
    assert "holds the demo's sample history too" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("language", "words"), [("en", "'server' holds personal data"), ("zh", "“server”列含有个人数据")]
)
def test_a_column_whose_values_masking_makes_alike_is_warned_of(tmp_path, capsys, language: str, words: str) -> None:
    history = tmp_path / "history.csv"
    rows = "T1,VPN drops,10.1.2.3,ann@example.com,a1\nT2,VPN drops,10.1.2.4,ann@example.com,b2\n"
    history.write_text(f"number,short_description,server,owner_mail,rack\n{rows}", encoding="utf-8")
    database = ("--database", f"sqlite:///{tmp_path / 'faultwise.db'}", "--language", language)
    assert main(["import", "--incidents", str(history), "--quiet", *database]) == 0
    warnings = capsys.readouterr().err
    assert words in warnings
    assert "<IP>" in warnings
    assert "10.1.2.3" not in warnings
    assert "owner_mail" not in warnings, "one value cannot be taken for another"
    assert "rack" not in warnings
