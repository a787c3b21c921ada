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
