"""What an import would make of a file, column by column."""

import json

from api.cli import main


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


def test_people_get_a_table(tmp_path, capsys):
    path = tmp_path / "kb.csv"
    path.write_bytes("number,title,Lösung\nK1,Drucker zurücksetzen,Menü gedrückt halten\n".encode("cp1252"))
    assert main(["import", "--explain", str(path), "--as", "knowledge"]) == 0
    text = capsys.readouterr().out
    assert "→ title" in text
    assert "looks like resolution" in text
    assert "was read as cp1252" in text
