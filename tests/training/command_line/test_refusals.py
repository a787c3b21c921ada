"""What a command refuses is said in the reader's language: what was expected and found, names as they are."""

from pathlib import Path

import pytest

from api.cli import main

ROWS = "number,short_description\nINC1,printer\n"
FILES = {
    "incidents.csv": ROWS,
    "columns.csv": "Numbr,description\n1,a\n",
    "words.csv": "number,foo\n1,a\n",
    "blank.csv": "\n\n",
    "empty.csv": "",
    "old.xls": "x",
    "a.xlsx": ROWS,
    "plain.csv.gz": ROWS,
    "list.json": '[{"number": "1", "description": "a"}',
    "text.json": "number\nINC1",
}
REFUSED = [
    (
        ["columns.csv"],
        "“columns.csv”中没有编号（number）列，现有：Numbr、description（最接近：“Numbr”）；请用 --map number=",
    ),
    (["words.csv"], "“words.csv”中没有 short_description 或 description 列，现有：number、foo；请用 --map"),
    (["incident.csv"], "/incident.csv”（最接近：“incidents.csv”）"),
    (["nowhere/a.csv"], "/nowhere/a.csv”，其所在目录也不存在"),
    (["blank.csv"], "“blank.csv”没有表头：文件为空，或只有空行"),
    (["empty.csv"], "/empty.csv”是空文件，没有记录"),
    (["old.xls"], "实为“old.xls”；请另存为 .xlsx"),
    (["a.xlsx"], "“a.xlsx”不是 XLSX 工作簿："),
    (["plain.csv.gz"], "“plain.csv.gz”已损坏，无法全部读取（"),
    (["list.json"], "“list.json”不是有效的 JSON，“末尾”处有错误（应为逗号或数组的结尾）"),
    (["text.json"], "实为以“n”开头的内容"),
    (["incidents.csv", "--preset", "service-now"], "事件的预设应为 servicenow、"),
    (["incidents.csv", "--map", "categry=x"], "事件没有字段“categry”（最接近：“category”），不能映射到它"),
    (["incidents.csv", "--map", "category=kategorie"], "没有列“kategorie”（映射到 category），现有：number"),
    (["incidents.csv", "--timezone", "Shanghai"], "实为“Shanghai”"),
    (["incidents.csv", "--encoding", "klingon"], "等，实为“klingon”"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("refused")
    for name, text in FILES.items():
        (place / name).write_text(text, encoding="utf-8")
    return place


@pytest.mark.parametrize(("words", "said"), REFUSED)
def test_a_file_that_cannot_be_read_is_refused_in_chinese(words, said, folder, tmp_path, capsys) -> None:
    name, *options = words
    store = f"sqlite:///{tmp_path / 'store.db'}"
    arguments = ["--incidents", str(folder / name), *options, "--database", store, "--quiet"]
    assert main(["import", *arguments, "--language", "zh"]) == 1
    chinese = capsys.readouterr().err
    assert chinese.startswith("faultwise: ")
    assert said in chinese
    assert main(["import", *arguments]) == 1
    assert "expected" in capsys.readouterr().err


SETTINGS = [
    ("encoder_step = 10\n", "没有名为“encoder_step”的设置，是否指“encoder_steps”？应为 "),
    ("encoder_steps = 0\n", "设置 encoder_steps：应不小于 1，实为：0"),
    ("audit = 1\n", "设置 audit：应为 true 或 false，实为：1"),
    ("fast\n", "settings.toml：无法读作 TOML 文件（"),
    ("parallel_jobs = 0\n", "设置 parallel_jobs：应为 -1 或不小于 1，实为 0"),
    ('[service_levels]\ncalendar = "8x5"\n', 'calendar：应为 "24x7"，或工作时间，如 { zone = '),
    ('[[service_levels.rules]]\ntype = "fault"\n', "service_levels：第 1 条规则：type 应为 "),
]


@pytest.mark.parametrize(("text", "said"), SETTINGS)
def test_a_setting_that_cannot_be_used_is_refused_in_chinese(text, said, folder, tmp_path, capsys) -> None:
    (tmp_path / "settings.toml").write_text(text, encoding="utf-8")
    words = ["--config", str(tmp_path / "settings.toml"), "--out", str(tmp_path / "models"), "--language", "zh"]
    assert main(["train", "--incidents", str(folder / "incidents.csv"), *words]) == 1
    assert said in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "models").exists()


STORES_AND_RELEASES = [
    (["publish", "2026-01-01"], "中没有模型版本“2026-01-01”，现有：无"),
    (["rollback"], "中没有可回退的版本：尚未发布过任何版本"),
    (["report", "--release", "{folder}/none", "--html", "{folder}/a.html"], "none 中没有模型版本："),
    (
        ["export", "--incidents", "{folder}/a.jsonl", "--database", "mysql://somewhere"],
        "数据库 URL 应为 sqlite 或 postgresql，实为“mysql”",
    ),
    (["export", "--incidents", "{folder}/a.jsonl", "--database", "sqlite:///{folder}/no.db"], "处没有数据库文件"),
    (["restore", "--from", "{folder}"], "应为 `faultwise backup` 写入的文件夹，"),
]


@pytest.mark.parametrize(("words", "said"), STORES_AND_RELEASES)
def test_a_store_or_release_that_is_not_there_is_told_in_chinese(words, said, tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    assert main([*(word.format(folder=tmp_path) for word in words), "--language", "zh"]) == 1
    assert said in capsys.readouterr().err


OPTIONS = [
    (
        ["surges", "--false-alarms-per-month", "many"],
        "参数 --false-alarms-per-month：应为大于 0 且小于 1000 的数，实为“many”",
    ),
    (["workload", "--horizon", "0"], "参数 --horizon：应为 1 至 "),
    (["import", "--map", "category"], "参数 --map：应写作 本系统字段=对方列名，实为“category”"),
    (["recurrence", "--horizons", "a"], "参数 --horizons：应为天数，如 7,30,90，实为“a”"),
]


@pytest.mark.parametrize(("words", "said"), OPTIONS)
def test_the_value_of_an_option_is_refused_in_chinese_wherever_the_language_stands(words, said, capsys) -> None:
    verb, *options = words
    for more in ([*options, "--language", "zh"], ["--language=zh", *options]):
        with pytest.raises(SystemExit, match="2"):
            main([verb, *more])
        assert said in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert f"argument {options[0]}: " in (english := capsys.readouterr().err)
    assert "expected, " in english


def test_a_row_of_a_small_table_is_named_with_what_was_found_in_it(folder, tmp_path, capsys) -> None:
    hours = tmp_path / "hours.csv"
    hours.write_text("assignment_group,hours\nNetwork,many\n", encoding="utf-8")
    words = ["review", "--quiet", "--incidents", str(folder / "incidents.csv"), "--hours", str(hours)]
    assert main([*words, "--language", "zh"]) == 1
    assert capsys.readouterr().err == f"faultwise: {hours}：第 2 行：hours：应为 0 至 1,000,000 的数，实为“many”\n"
    assert main(words) == 1
    assert capsys.readouterr().err.endswith("row 2: hours: expected a number from 0 to 1,000,000; found 'many'\n")


def test_an_explanation_says_why_a_file_would_be_refused(folder, capsys) -> None:
    assert main(["import", "--explain", str(folder / "columns.csv"), "--language", "zh"]) == 0
    assert "“columns.csv”中没有编号（number）列" in capsys.readouterr().out


def test_what_the_operating_system_refuses_is_told_in_chinese(folder, tmp_path, capsys) -> None:
    store = f"sqlite:///{folder / 'incidents.csv' / 'below' / 'store.db'}"
    words = ["import", "--incidents", str(folder / "incidents.csv"), "--database", store, "--quiet"]
    assert main([*words, "--language", "zh"]) == 1
    assert capsys.readouterr().err.endswith(": 不是文件夹\n")
    assert main(words) == 1
    assert capsys.readouterr().err.endswith(": Not a directory\n")
