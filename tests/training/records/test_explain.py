"""What an import would make of a file, column by column."""

import json
import shlex

import pytest

from api.cli import main
from diagnosis.store import Store


def explained(capsys, path, *options):
    assert main(["import", "--explain", str(path), *options, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_each_column_has_its_use_a_sample_and_a_proposal(tmp_path, capsys):
    path = tmp_path / "list.csv"
    path.write_text(
        "number,工单标题,Erstellt am,,Floor\n1,mail of li@example.com bounces,2026-01-31,x,3\n2,b,,,4\n",
        encoding="utf-8",
    )
    explanation = explained(capsys, path)
    uses = {use["column"]: use for use in explanation["columns"]}
    assert (uses["number"]["use"], uses["number"]["field"]) == ("field", "number")
    assert (uses["工单标题"]["use"], uses["工单标题"]["proposal"]) == ("kept", "short_description")
    assert "example.com" not in uses["工单标题"]["sample"]
    assert uses["Erstellt am"] == {
        "column": "Erstellt am",
        "use": "kept",
        "field": "",
        "proposal": "opened_at",
        "sample": "2026-01-31",
        "filled": 1,
    }
    assert uses[""]["use"] == "ignored"
    assert uses["Floor"]["proposal"] == ""
    assert "expected a column for short_description" in explanation["missing"]
    assert "--map short_description=工单标题" in explanation["advice"]
    again = explained(capsys, path, "--map", "short_description=工单标题", "opened_at=Erstellt am")
    assert again["missing"] == ""


def test_a_file_without_numbers_is_offered_some(tmp_path, capsys):
    path = tmp_path / "list.csv"
    path.write_text("short_description,Colour\na,red\n", encoding="utf-8")
    assert explained(capsys, path)["advice"] == ["--number-from rows"]
    assert explained(capsys, path, "--number-from", "rows")["missing"] == ""


def test_a_column_named_problem_that_holds_sentences_is_taken_for_the_subject(tmp_path, capsys):
    path = tmp_path / "list.csv"
    path.write_text("number,Problem,Details\n1,Mail does not arrive,x\n2,没有声音,y\n", encoding="utf-8")
    explanation = explained(capsys, path)
    assert "--map short_description=Problem" in explanation["advice"]
    path.write_text("number,short_description,problem\n1,Mail does not arrive,PRB0001\n", encoding="utf-8")
    assert explained(capsys, path)["advice"] == []


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Date,Who,What,Kind,Solved by,Group,What was done", "2026-01-31,Li,Mail is slow,Mail,Wang,Desk,Restarted it"),
        ("日期,报障人,报修内容,种类,解决人,处理团队,处理情况", "2026-01-31,李,邮件很慢,邮件,王,桌面组,重启了服务"),
    ],
)
def test_headers_as_people_write_them_are_proposed(tmp_path, capsys, header, row):
    path = tmp_path / "list.csv"
    path.write_text(f"{header}\n{row}\n", encoding="utf-8")
    fields = ("opened_at", "caller", "short_description", "category", "assigned_to", "assignment_group", "close_notes")
    uses = explained(capsys, path)["columns"]
    assert [use["field"] or use["proposal"] for use in uses] == list(fields)


@pytest.mark.parametrize(
    ("column", "values", "field"),
    [
        ("Kind", "Request,Incident", "type"),
        ("工单类型", "网络,打印", "category"),
        ("Type", "Hardware,Mail", "category"),
        ("Ticket", "Mail is slow,VPN 809 again and again", "short_description"),
        ("Ticket", "T-1,T-2", "number"),
        ("Art", "x,y", ""),
        ("Solved", "yes,no", ""),
        ("Solved", "03/04/2026 10:15,2026-04-05", "resolved_at"),
        ("Reported", "by phone,by mail", ""),
        ("Reported", "4/5/26 8:00,n/a,2026/4/6 9:12", "opened_at"),
        ("处理时间", "2小时,30分钟", ""),
        ("处理时间", "2026/4/22 17:21,2026年4月23日", "resolved_at"),
    ],
)
def test_a_name_that_means_two_things_is_told_by_what_the_column_holds(tmp_path, capsys, column, values, field):
    path = tmp_path / "list.csv"
    rows = "".join(f"text {i},{value}\n" for i, value in enumerate(values.split(",")))
    path.write_text(f"description,{column}\n{rows}", encoding="utf-8")
    assert explained(capsys, path)["columns"][1]["proposal"] == field


def test_the_proposed_command_repeats_the_options_that_were_given(tmp_path, capsys):
    path = tmp_path / "list.csv"
    path.write_text("number,short_description,opened_at,Reported by\n1,a,2026-01-31 08:00,Li\n", encoding="utf-8")
    options = ["--timezone", "Asia/Shanghai", "--encoding", "utf-8"]
    for given in (options, [*options, "--map", "caller=Reported by"]):
        assert main(["import", "--explain", str(path), *given]) == 0
        proposed = shlex.split(capsys.readouterr().out.splitlines()[-1])
        assert proposed[:5] == ["try:", "faultwise", "import", "--incidents", str(path)]
        assert {"Asia/Shanghai", "utf-8", "caller=Reported by"} <= set(proposed)


def test_a_column_that_was_mapped_is_proposed_for_nothing_else(tmp_path, capsys):
    path = tmp_path / "list.csv"
    path.write_text("number,description,Kind\n1,mail is slow,Mail\n2,b,Print\n", encoding="utf-8")
    assert explained(capsys, path)["advice"] == ["--map category=Kind"]
    assert explained(capsys, path, "--map", "type=Kind")["advice"] == []


def test_people_get_a_table(tmp_path, capsys):
    path = tmp_path / "kb.csv"
    path.write_bytes("number,title,Lösung\nK1,Drucker zurücksetzen,Menü gedrückt halten\n".encode("cp1252"))
    assert main(["import", "--explain", str(path), "--as", "knowledge"]) == 0
    text = capsys.readouterr().out
    assert "→ title" in text
    assert "looks like resolution" in text
    assert "was read as cp1252" in text


def test_a_list_that_a_desk_keeps_is_imported_by_the_command_that_is_proposed(tmp_path, capsys):
    """As Excel saves it in China: GB18030, names of columns as people write them, times of the wall clock."""
    path = tmp_path / "我的 工单.csv"
    header = "工单编号,标题,问题描述,报修时间,故障类型,处理部门,处理人,解决时间,解决办法"
    row = "WO1,VPN 连不上,在家连不上 VPN，提示错误 809,2026/4/22 15:59,网络,网络组,王芳,2026/4/22 17:21,更新了网关证书"
    path.write_bytes(f"{header}\r\n{row}\r\n".encode("gb18030"))
    assert main(["import", "--explain", str(path)]) == 0
    text = capsys.readouterr().out
    assert "times in 报修时间, 解决时间 name no zone and are taken as UTC" in text
    [line] = [line for line in text.splitlines() if line.startswith("try: ")]
    _, program, *command = shlex.split(line)
    assert program == "faultwise"
    database = f"sqlite:///{tmp_path / 'x.db'}"
    assert main([*command, "--timezone", "Asia/Shanghai", "--database", database, "--quiet"]) == 0
    store = Store.open(database)
    body = store.incidents.get("WO1").body
    store.close()
    assert {name: body.get(name) for name in ("opened_at", "assignment_group", "category", "close_notes")} == {
        "opened_at": "2026-04-22T07:59:00Z",
        "assignment_group": "网络组",
        "category": "网络",
        "close_notes": "更新了网关证书",
    }
    assert main(["import", "--explain", str(path), "--timezone", "Asia/Shanghai"]) == 0
    assert "name no zone" not in capsys.readouterr().out
