"""JSON, Parquet and XLSX give the rows that CSV gives."""

import gzip
import io
import json
import zipfile
from datetime import UTC, datetime

import openpyxl
import pandas as pd
import pytest

from diagnosis.errors import InputError
from diagnosis.phrases import in_words
from training.records import load_incidents, load_knowledge, read_incidents

RECORDS = [
    {"number": "007", "short_description": "打印机卡纸", "opened_at": "2026-01-31 08:15:00", "reopen_count": 1},
    {"number": "8", "short_description": "VPN down", "opened_at": "2026-02-01T08:15:00+08:00", "caller": "王小明"},
]
OPENED = [datetime(2026, 1, 31, 8, 15, tzinfo=UTC), datetime(2026, 2, 1, 0, 15, tzinfo=UTC)]


def check(frame):
    assert list(frame["number"]) == ["007", "8"]
    assert list(frame["short_description"]) == ["打印机卡纸", "VPN down"]
    assert list(frame["opened_at"]) == OPENED
    assert list(frame["caller"]) == ["", "王小明"]
    assert frame["reopen_count"].tolist() == [1, pd.NA]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", "\n".join(json.dumps(r, ensure_ascii=False) for r in RECORDS)),
        ("a.ndjson", "\n\n".join(json.dumps(r) for r in RECORDS) + "\n"),
        ("a.json", json.dumps(RECORDS)),
        ("a.json", json.dumps(RECORDS, indent=2, ensure_ascii=False)),
        ("a.json", json.dumps({"result": RECORDS})),
        ("a.json", json.dumps({"total": 2, "result": RECORDS}, indent=1)),
    ],
)
@pytest.mark.parametrize("chunk_rows", [1, 50])
def test_json_in_all_its_forms(tmp_path, name, text, chunk_rows):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    check(load_incidents(path, chunk_rows=chunk_rows).frame)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gb18030"])
@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_json_in_other_encodings(tmp_path, encoding, name):
    lines = [
        json.dumps({"number": str(i), "description": "打印机卡纸，网络中断"}, ensure_ascii=False) for i in range(9)
    ]
    text = f"[{','.join(lines)}]" if name == "a.json" else "\n".join(lines)
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    assert list(load_incidents(path).frame["description"]) == ["打印机卡纸，网络中断"] * 9


def test_a_fault_in_a_record_is_named_whole_in_both_languages(tmp_path):
    path = tmp_path / "export.json"
    records = (
        '{"number": "1", "short_description": "a"}',
        '{"number" "2"}',
        '{"number": "3", "short_description": "c"}',
    )
    path.write_text(f"[{', '.join(records)}]", encoding="utf-8")
    (reason,) = load_incidents(path).counts.reasons
    assert str(reason) == "expected a JSON object; found an error in it (Expecting ':' delimiter)"
    assert in_words(reason, "zh") == "JSON 对象有错误（Expecting ':' delimiter）"


def test_a_bad_line_of_json_lines_is_rejected_alone(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"number": "1", "description": "a"}\n{"number": "2", \n[3]\n', encoding="utf-8")
    loaded = load_incidents(path)
    assert list(loaded.frame["number"]) == ["1"]
    assert loaded.counts.rejected == 2


@pytest.mark.parametrize("text", ['[{"number": "1", "description": "a', '{"a": 1, "b": {"c": 2}', "hello", '"x"'])
def test_json_that_is_not_records_is_refused(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"a\.json"):
        load_incidents(path)


def test_parquet_keeps_types_as_text(tmp_path):
    frame = pd.DataFrame(
        {
            "number": ["007", "8"],
            "short_description": ["打印机卡纸", "VPN down"],
            "opened_at": pd.to_datetime(OPENED, utc=True),
            "caller": [None, "王小明"],
            "reopen_count": pd.array([1, None], dtype="Int64"),
            "big": pd.array([2**60 + 1, None], dtype="Int64"),
            "ratio": [1.5, None],
            "tags": [["a", "b"], None],
        }
    )
    path = tmp_path / "a.parquet"
    frame.to_parquet(path)
    loaded = load_incidents(path, chunk_rows=1).frame
    check(loaded)
    assert list(loaded["big"]) == [str(2**60 + 1), ""]
    assert list(loaded["ratio"]) == ["1.5", ""]
    assert list(loaded["tags"]) == ["a; b", ""]


def test_xlsx_whole_numbers_dates_and_a_title_above_the_header(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    for row in [
        ["Incidents of January"],
        [],
        ["number", "short_description", "opened_at", "caller", "category", "reopen_count"],
        ["007", "打印机卡纸", datetime(2026, 1, 31, 8, 15), None, 12.0, 1],  # noqa: DTZ001 - a sheet has no zones
        [8, "VPN down", 46054 + 15 / 1440, "王小明", 12, None],
        [None, None, None, None, None, None],
        ["Timezone: UTC"],
    ]:
        sheet.append(row)
    path = tmp_path / "a.xlsx"
    book.save(path)
    loaded = load_incidents(path)
    check(loaded.frame)
    assert list(loaded.frame["category"]) == ["12", "12"]
    assert loaded.counts.rejected == 1  # the foot


@pytest.mark.parametrize("name", ["a.parquet", "a.xlsx"])
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path, name):
    path = tmp_path / name
    path.write_text("number,description\n1,a\n", encoding="utf-8")
    with pytest.raises(InputError, match=name):
        load_incidents(path)


def halved(packed: bytes) -> bytes:
    return packed[: len(packed) // 2]


def scratched(packed: bytes) -> bytes:
    return packed[:50] + b"Z" * 60 + packed[110:]


def torn(packed: bytes) -> bytes:
    """Return a workbook whose sheet breaks off, in an archive that is whole."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, halved(old.read(name)) if "sheet1" in name else old.read(name))
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("a.csv.gz", halved),
        ("a.csv.gz", scratched),
        ("a.jsonl.gz", halved),
        ("a.parquet", scratched),
        ("a.xlsx", halved),
        ("a.xlsx", torn),
    ],
)
def test_a_damaged_file_is_named(tmp_path, name, damage):
    rows = pd.DataFrame({"number": range(300), "description": [f"打印机卡纸 {i * 7919}" for i in range(300)]})
    path = tmp_path / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(rows.to_csv(index=False).encode()))
    else:
        rows.to_parquet(path) if name == "a.parquet" else rows.to_excel(path, index=False)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match=name):
        load_incidents(path)


def test_files_that_cannot_be_read_are_named(tmp_path):
    (tmp_path / "incidents.csv").write_text("number,description\n1,a\n", encoding="utf-8")
    (tmp_path / "old.xls").write_text("x", encoding="utf-8")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "plain.csv.gz").write_text("number,description\n1,a\n", encoding="utf-8")
    for path, expected in [
        (tmp_path / "incident.csv", r"nearest: 'incidents\.csv'"),
        (tmp_path, "directory"),
        (tmp_path / "old.xls", r"save it as \.xlsx"),
        (tmp_path / "empty.csv", "empty file"),
        (tmp_path / "plain.csv.gz", r"'plain\.csv\.gz' .*Not a gzipped file"),
        (tmp_path / "nowhere" / "a.csv", "nor its directory"),
    ]:
        with pytest.raises(InputError, match=expected):
            read_incidents(path)
    with pytest.raises(InputError, match="at least one file"):
        read_incidents([])


def test_knowledge_in_chinese_and_english(tmp_path):
    path = tmp_path / "kb.csv"
    path.write_text(
        "number,title,resolution,audience,valid_to,product\n"
        "KB1,如何重置密码,1. 打开门户,self_service,2099-01-01,门户\nKB2,,,internal,,VPN\n",
        encoding="utf-8",
    )
    loaded = load_knowledge(path)
    assert list(loaded.frame["number"]) == ["KB1"]
    assert loaded.frame["valid_to"].iloc[0] == pd.Timestamp("2099-01-01", tz="UTC")  # may lie ahead
    assert loaded.frame["product"].iloc[0] == "门户"
    assert loaded.counts.rejected == 1


@pytest.mark.parametrize(
    ("value", "number_format", "shown"),
    [
        (12345, '"INC"0000000', "INC0012345"),
        (12345, r"\I\N\C0", "INC12345"),
        (12345, "000-0000", "001-2345"),
        (123456789, "000-0000", "12345-6789"),
        (7, "[$-804]0000;@", "0007"),
        (7, "0", "7"),
        (7, "General", "7"),
        (7, "0.00", "7"),
        (7.0, "0000", "0007"),
    ],
)
def test_a_number_of_a_workbook_is_what_its_format_shows(tmp_path, value, number_format, shown):
    book = openpyxl.Workbook()
    book.active.append(["number", "short_description"])
    book.active.append([value, "VPN down"])
    book.active["A2"].number_format = number_format
    book.save(tmp_path / "a.xlsx")
    assert load_incidents(tmp_path / "a.xlsx").frame["number"].tolist() == [shown]
