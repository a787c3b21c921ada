"""Files as people send them: cover sheets, merged cells, guarded numbers, half a character, one object, no number."""

import gzip
import json
import zipfile
from datetime import UTC, datetime

import openpyxl
import pytest
from openpyxl.styles import numbers

from diagnosis.errors import InputError
from training.records import load_incidents, load_knowledge, read_incidents

HEADER = ["number", "short_description", "category"]


def book(path, **sheets):
    """Write a workbook of sheets, each a list of rows."""
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for title, rows in sheets.items():
        sheet = workbook.create_sheet(title)
        for row in rows:
            sheet.append(row)
    workbook.save(path)
    return path


def numbers_of(path, **options):
    return list(load_incidents(path, **options).frame["number"])


def test_sheets_with_the_columns_are_read_and_others_named(tmp_path):
    path = book(
        tmp_path / "a.xlsx",
        Notes=[["Owner", "Li"], ["Version", 3]],
        Q1=[HEADER, ["A1", "jam", "Hardware"]],
        Q2=[HEADER, ["A2", "slow", "Network"], ["A3", "off", "Power"]],
        Other=[["number", "short_description"], ["B1", "else"]],
    )
    loaded = load_incidents(path)
    assert list(loaded.frame["number"]) == ["A1", "A2", "A3"]
    assert [note for note in loaded.counts.notes if "'Other' (1 row)" in str(note)]
    assert numbers_of(path, sheet="other") == ["B1"]
    with pytest.raises(InputError, match="found 'Notes', 'Q1', 'Q2', 'Other'"):
        load_incidents(path, sheet="Q3")


def test_a_reject_says_which_sheet_it_is_of(tmp_path):
    path = book(tmp_path / "a.xlsx", One=[HEADER, ["1", "a", ""]], Two=[HEADER, ["", "b", "x"]])
    rejects = tmp_path / "rejects.csv"
    load_incidents(path, rejects=rejects)
    assert "a.xlsx[Two],2,number," in rejects.read_text(encoding="utf-8-sig")


@pytest.mark.parametrize(
    "above",
    [
        [["Report of tickets"] * 3],
        [["Report"], [], ["Filter: state is open", "", "since 2026"]],
        [["Made by", "Li"], ["On", datetime(2026, 1, 1)]],  # noqa: DTZ001 - a sheet has no zones
    ],
)
def test_the_header_is_found_below_titles_and_filters(tmp_path, above):
    path = book(tmp_path / "a.xlsx", S=[*above, HEADER, ["1", "jam", "Hardware"]])
    assert numbers_of(path) == ["1"]
    text = "\n".join(",".join(str(cell) for cell in row) for row in [*above, HEADER, ["1", "jam", "Hardware"]])
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    assert numbers_of(tmp_path / "a.csv") == ["1"]


def test_a_number_is_as_the_sheet_shows_it_and_merged_cells_fill_down(tmp_path):
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    for row in [HEADER, [123, "jam", "Hardware"], [124, "off", None], ["00125", "slow", "Network"]]:
        sheet.append(row)
    for place in (2, 3):
        sheet.cell(place, 1).number_format = "000000"
    sheet.cell(4, 1).number_format = numbers.FORMAT_TEXT
    sheet.merge_cells("C2:C3")
    path = tmp_path / "a.xlsx"
    workbook.save(path)
    frame = load_incidents(path).frame
    assert list(frame["number"]) == ["000123", "000124", "00125"]
    assert list(frame["category"]) == ["Hardware", "Hardware", "Network"]


def test_numbers_that_a_spreadsheet_guarded_or_rounded(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('number,short_description\n"=""0042""",a\n="0043",b\n2.02E+13,c\n', encoding="utf-8")
    loaded = load_incidents(path)
    assert list(loaded.frame["number"]) == ["0042", "0043", "2.02E+13"]
    assert "2.02E+13: a spreadsheet rounded them" in str(loaded.counts.notes[0])


def test_empty_cells_that_a_spreadsheet_left_out_at_the_end_of_a_row(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        "number,short_description,state,close_code,close_notes\n1,a,New\n2,b,Closed,Done,ok\n3,c\n", "utf-8"
    )
    loaded = load_incidents(path)
    assert list(loaded.frame["close_notes"]) == ["", "ok", ""]
    assert loaded.counts.rejected == 0


def test_json_beyond_the_standard(tmp_path):
    def read(text, name="a.json"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return load_incidents(tmp_path / name)

    one = json.dumps({"number": "1", "short_description": "a"}, indent=2)
    assert list(read(one).frame["number"]) == ["1"]
    assert list(read(one + "\n" + one.replace('"1"', '"2"')).frame["number"]) == ["1", "2"]
    assert list(read('[{"number": "1", "short_description": "a", "x": NaN}]').frame["x"]) == [""]
    lines = '{"number":"1","short_description":"cut \\ud83d"}\n{"number":"2","short_description":"ok"}\n'
    for name in ("a.jsonl", "a.json"):
        assert list(read(lines, name).frame["short_description"]) == ["cut \ufffd", "ok"]
    deep = '{"number":"3","short_description":"x","y":' + "[" * 100_000 + "]" * 100_000 + "}"
    loaded = read(lines + deep + "\n", "a.jsonl")
    assert (loaded.counts.imported, loaded.counts.rejected) == (2, 1)
    assert list(read('{"result": {"number": "1", "short_description": "a"}}').frame["number"]) == ["1"]
    with pytest.raises(InputError, match=r"a\.json"):
        read("[" * 100_000)


def test_half_a_character_in_the_name_of_a_field(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"number": "1", "short_description": "jam", "site \\ud83d": "Lyon"}\n', encoding="utf-8")
    assert load_incidents(path).frame["site \ufffd"].iloc[0] == "Lyon"


def test_values_larger_than_a_block_are_read_once(tmp_path):
    records = [{"number": str(i), "description": "x" * 700_000} for i in range(6)]
    path = tmp_path / "a.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"total": 6, "issues": records}).encode()))
    assert numbers_of(path, preset=None) == [str(i) for i in range(6)]


def test_a_file_without_numbers_says_how_to_get_some(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("Ticket,short_description\nT-7,jam\nT-8,off\n", encoding="utf-8")
    with pytest.raises(InputError, match="--number-from rows"):
        load_incidents(path)
    assert numbers_of(path, number_from="Ticket") == ["T-7", "T-8"]
    assert numbers_of(path, number_from="rows") == ["list-2", "list-3"]


def test_times_are_of_the_zone_that_is_said(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        "number,short_description,opened_at\n1,a,2026-01-31 16:15\n2,b,2026-01-31T08:15Z\n", encoding="utf-8"
    )
    frame = load_incidents(path, timezone="Asia/Shanghai").frame
    assert list(frame["opened_at"]) == [datetime(2026, 1, 31, 8, 15, tzinfo=UTC)] * 2


def test_types_satisfaction_and_scales(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        "number,short_description,type,satisfaction,on_hold_minutes\n"
        "1,a,Complaint,4.6,12.5\n2,b,,6,-1\n3,c,change,,\n4,d,request,1,0\n",
        encoding="utf-8",
    )
    loaded = load_incidents(path)
    assert list(loaded.frame["type"]) == ["complaint", "incident", "incident", "request"]
    assert loaded.frame["satisfaction"].fillna(0).tolist() == [5, 0, 0, 1]
    assert loaded.frame["on_hold_minutes"].fillna(-9).tolist() == [12, -9, -9, 0]
    assert loaded.counts.blanked == 2


def test_markup_is_gone_before_anything_sees_it(tmp_path):
    path = tmp_path / "kb.json"
    article = {"number": "K1", "title": "Reset", "resolution": "<ol><li>Press &amp; hold</li><li>Release</li></ol>"}
    path.write_text(json.dumps([article]), encoding="utf-8")
    assert list(load_knowledge(path).frame["resolution"]) == ["1. Press & hold\n2. Release"]


def test_numbers_longer_than_any_system_has_are_rejected(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"number,short_description\n{'9' * 256},a\n{'9' * 255},b\n", encoding="utf-8")
    loaded = load_incidents(path)
    assert list(loaded.frame["short_description"]) == ["b"]
    assert "at most 255" in str(next(iter(loaded.counts.reasons)))


HOSTILE = {
    "nothing.csv": b"\n\n\n",
    "zeros.csv": b"\0" * 5000,
    "binary.csv": bytes(range(256)) * 40,
    "wide.csv": b"," * 50_000 + b"\n1",
    "quote.csv": b'"' * 9999,
    "brackets.json": b"[{" * 50_000,
    "open.json": b'{"result": [{"number": "1"',
    "word.json": b"nul",
    "latin.jsonl": b'{"number": "1", "short_description": "\xff\xfe"}',
    "notazip.xlsx": b"PK\x03\x04" + b"\0" * 100,
    "text.parquet": b"PAR1PAR1",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_end_in_one_line(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(HOSTILE[name])
    try:
        load_incidents(path)
    except InputError as error:
        assert name in str(error)  # noqa: PT017 - reading some of them is as good


def test_an_archive_that_unpacks_without_end_is_refused(tmp_path):
    path = book(tmp_path / "a.xlsx", S=[HEADER, ["1", "a", "b"]])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/x.bin", b"\0" * (150 << 20))
    with pytest.raises(InputError, match="found one of"):
        load_incidents(path)


def test_a_hundred_thousand_rows_are_held_a_chunk_at_a_time(tmp_path):
    path = tmp_path / "a.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("number,short_description,opened_at\n")
        file.writelines(f"{i},printer {i % 97} jams,2026-01-31 08:15:00\n" for i in range(100_000))
    stream = read_incidents(path, chunk_rows=10_000)
    assert max(len(chunk) for chunk in stream) == 10_000
    assert stream.counts.imported == 100_000


def test_numbers_after_an_apostrophe_in_a_text_formula_or_rounded_with_a_comma(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('number;short_description\n\'00124;a\n"=T(""00125"")";b\n1,01E+11;c\n', encoding="utf-8")
    loaded = load_incidents(path)
    assert loaded.frame["number"].tolist() == ["00124", "00125", "1,01E+11"]
    assert any("1,01E+11" in note and "rounded" in note for note in map(str, loaded.counts.notes))
