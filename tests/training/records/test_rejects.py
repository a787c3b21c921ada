"""What is rejected, what is blanked, and what is said of it."""

import csv
from datetime import UTC, datetime

import pytest

from diagnosis.errors import InputError
from training.records import load_incidents, load_knowledge


def write(tmp_path, text, name="incidents.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def lines_of(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [(line["row"], line["column"], line["value"], line["action"]) for line in csv.DictReader(file)]


def test_rows_that_cannot_be_used_are_written_down_and_the_rest_imported(tmp_path):
    path = write(
        tmp_path,
        "Number,short_description,description\nINC1,a,\n,no number,\nINC2,,\nINC1,again,\nINC3,,只有描述\n",
    )
    rejects = tmp_path / "rejects.csv"
    loaded = load_incidents(path, rejects=rejects)
    assert list(loaded.frame["number"]) == ["INC1", "INC3"]
    assert loaded.frame["short_description"].iloc[0] == "a"  # the first of a repeated number is kept
    assert lines_of(rejects) == [
        ("3", "Number", "", "row rejected"),
        ("4", "short_description", "INC2", "row rejected"),
        ("5", "Number", "INC1", "row rejected"),
    ]
    assert (loaded.counts.read, loaded.counts.imported, loaded.counts.rejected) == (5, 2, 3)
    assert sum(loaded.counts.reasons.values()) == 3


def test_a_number_is_unique_across_files_and_chunks(tmp_path):
    first = write(tmp_path, "number,description\n1,a\n2,b\n3,c\n", "first.csv")
    second = write(tmp_path, "number,description\n4,d\n2,e\n", "second.csv")
    loaded = load_incidents([first, second], chunk_rows=1)
    assert list(loaded.frame["number"]) == ["1", "2", "3", "4"]
    assert list(loaded.frame["description"]) == ["a", "b", "c", "d"]


def test_every_row_with_a_number_can_be_asked_for(tmp_path):
    path = write(tmp_path, "number,description\n1,a\n1,b\n2,\n,d\n")
    loaded = load_incidents(path, every_row=True)
    assert list(loaded.frame["number"]) == ["1", "1", "2"]
    assert loaded.counts.rejected == 1


def test_a_file_without_any_text_column_is_imported_for_its_fields(tmp_path):
    path = write(tmp_path, "number,category,caller\n1,network,a\n2,,\n")
    loaded = load_incidents(path)
    assert loaded.counts.imported == 2
    assert "short_description" in str(loaded.counts.notes[0])


def test_values_that_cannot_be_are_blanked_and_the_row_kept(tmp_path):
    path = write(
        tmp_path,
        "number,description,opened_at,resolved_at,reassignment_count\n"
        "1,a,1899-12-30,,x\n2,b,2031-01-01,,-1\n3,c,2026-01-02,2026-01-01,2.0\n4,d,soon,,\n",
    )
    rejects = tmp_path / "rejects.csv"
    loaded = load_incidents(path, rejects=rejects, now=datetime(2026, 6, 1, tzinfo=UTC))
    assert loaded.counts.imported == 4
    assert loaded.counts.rejected == 0
    assert loaded.frame["opened_at"].notna().tolist() == [False, False, True, False]
    assert loaded.frame["resolved_at"].isna().all()
    assert loaded.frame["reassignment_count"].fillna(-9).tolist() == [-9, -9, 2, -9]
    found = lines_of(rejects)
    assert {action for *_, action in found} == {"value blanked"}
    assert [(row, column) for row, column, *_ in found] == [
        ("2", "opened_at"),
        ("2", "reassignment_count"),
        ("3", "opened_at"),
        ("3", "reassignment_count"),
        ("4", "resolved_at"),
        ("5", "opened_at"),
    ]
    assert loaded.counts.blanked == len(found)


def test_the_reject_file_holds_no_address_no_text_and_no_formula(tmp_path):
    path = write(
        tmp_path,
        "number,description,opened_at\n1,a,someone@example.com\n2,b,=HYPERLINK(1)\n3,c," + "9" * 99 + "\n,secret,\n"
        "4,d,=1+cmd|x!A0\n5,e,+1+cmd|x!A0\n6,f,＝1+cmd\n7,g,-5\n",
    )
    rejects = tmp_path / "rejects.csv"
    load_incidents(path, rejects=rejects)
    text = rejects.read_text(encoding="utf-8-sig")
    assert "example.com" not in text
    assert "secret" not in text
    assert not [sign for sign in (",=", ",＝", ",+") if sign in text]
    assert ",-5," in text
    assert "9" * 41 not in text


def test_no_reject_file_where_nothing_is_rejected_and_none_left_from_before(tmp_path):
    rejects = tmp_path / "rejects.csv"
    load_incidents(write(tmp_path, "number,description\n,a\n"), rejects=rejects)
    assert rejects.exists()
    load_incidents(write(tmp_path, "number,description\n1,a\n"), rejects=rejects)
    assert not rejects.exists()


def test_damaged_text_is_mended_and_counted(tmp_path):
    chinese = "网络无法连接".encode().decode("cp1252", errors="replace")
    damaged = "登录失败".encode().decode("latin-1")
    path = write(tmp_path, f'number,description,category\n1,"{damaged}_x000d_",ok\n2,fine,café\n3,{chinese[:0]}x,\n')
    loaded = load_incidents(path)
    assert "登录失败" in loaded.frame["description"].iloc[0]
    assert "_x000d_" not in loaded.frame["description"].iloc[0]
    assert loaded.frame["category"].iloc[1] == "café"
    assert loaded.counts.repaired == 1


def test_a_header_without_a_number_is_refused_with_the_nearest_column(tmp_path):
    with pytest.raises(InputError, match=r"number.*found Numbr, description.*nearest: 'Numbr'.*--map number=COLUMN"):
        load_incidents(write(tmp_path, "Numbr,description\n1,a\n"))
    with pytest.raises(InputError, match="short_description or description"):
        load_incidents(write(tmp_path, "number,foo\n1,a\n"))
    with pytest.raises(InputError, match="title or symptoms"):
        load_knowledge(write(tmp_path, "number,foo\n1,a\n"))


def test_unknown_presets_fields_and_columns_are_refused_with_the_nearest(tmp_path):
    path = write(tmp_path, "number,description,kategorie\n1,a,b\n")
    with pytest.raises(InputError, match=r"'service-now' \(nearest: 'servicenow'\)"):
        load_incidents(path, preset="service-now")
    with pytest.raises(InputError, match=r"'categry' \(nearest: 'category'\)"):
        load_incidents(path, mapping={"categry": "kategorie"})
    with pytest.raises(InputError, match=r"'kategory'.*\(nearest: 'kategorie'\)"):
        load_incidents(path, mapping={"category": "kategory"})


@pytest.mark.parametrize(
    "broken",
    [
        '{"number": "2", "description": "said "no" twice"}',
        '{"number": "2", "description": bare}',
        '{"number": "2" "description": "no comma, } and { inside"}',
        '{"number": "2", "nested": {"deep": [1, {"x": 2}, ], "y": }, "description": "b"}',
        '{"number": "2",\n"description": "15" screen",\n"caller": "u"}',
        '{"number": "2", "nested": ' + "[" * 100_000 + "]" * 100_000 + "}",
    ],
    ids=["quotes", "bare", "comma", "nested", "odd quote", "deep"],
)
@pytest.mark.parametrize("form", ["[%s]", '{"result": [%s]}'])
@pytest.mark.parametrize("place", [1, 2, 3])
def test_a_broken_record_of_an_array_is_rejected_alone(tmp_path, broken, form, place):
    records = ['{"number": "1", "description": "a } b"}', '{"number": "3", "description": "c"}']
    records.insert(place - 1, broken)
    path = write(tmp_path, form % ",\n".join(records), "incidents.json")
    rejects = tmp_path / "rejects.csv"
    loaded = load_incidents(path, rejects=rejects)
    assert list(loaded.frame["number"]) == ["1", "3"]
    assert (loaded.counts.read, loaded.counts.rejected) == (3, 1)
    assert [(line[0], line[3]) for line in lines_of(rejects)] == [(str(place), "row rejected")]
    (reason,) = loaded.counts.reasons
    assert "expected" in str(reason)


def test_a_broken_record_is_rejected_before_the_file_is_read_to_its_end(tmp_path):
    rows = [f'{{"number": "{row}", "description": "{"x" * 1000}"}}' for row in range(3000)]
    rows[10] = rows[10].replace(":", "", 1)
    loaded = load_incidents(write(tmp_path, f"[{','.join(rows)}]", "incidents.json"))
    assert (loaded.counts.imported, loaded.counts.rejected) == (2999, 1)


UNCLOSED = {
    "a record without its end": '{"number": "2", "description": "b", ',
    "a nested object without its end": '{"number": "2", "description": "b", "group": {"id": 4}, ',
    "a word": "nonsense, ",
    "a word in a record": '{"number": undefined, "description": "b"}, ',
    "an end too many": '{"number": "2", "description": "b"}}, ',
}


@pytest.mark.parametrize("broken", UNCLOSED.values(), ids=UNCLOSED)
@pytest.mark.parametrize("form", ["[%s]", '{"issues": [%s], "total": 3}'])
def test_a_record_whose_braces_do_not_close_costs_only_itself(tmp_path, broken, form):
    rows = [f'{{"number": "{n}", "description": "text {n}", "group": {{"id": {n}}}}}' for n in range(10, 2010)]
    text = f"{', '.join(rows[:1000])}, {broken}{', '.join(rows[1000:])}"
    loaded = load_incidents(write(tmp_path, form % text, "incidents.json"))
    whole = {str(n) for n in range(10, 2010)}
    assert whole <= set(loaded.frame["number"]) <= whole | {"2"}
    assert loaded.counts.rejected == 1


def test_a_list_that_swallows_the_records_after_it_gives_them_back(tmp_path):
    text = '[{"number": "1", "description": "a"}, {"number": "2", "tags": ["x", {"number": "3", "description": "c"}]'
    loaded = load_incidents(write(tmp_path, text, "incidents.json"))
    assert (list(loaded.frame["number"]), loaded.counts.rejected) == (["1", "3"], 1)


def test_records_without_a_comma_between_them_can_be_told_apart(tmp_path):
    text = '[{"number": "1", "description": "a"} {"number": "2", "description": "b"}]'
    loaded = load_incidents(write(tmp_path, text, "incidents.json"))
    assert (list(loaded.frame["number"]), loaded.counts.rejected) == (["1", "2"], 0)


@pytest.mark.parametrize("end", ['{"number": "2", "description": "open', '{"number": "2"', '{"num', "{", ""])
def test_an_array_that_breaks_off_costs_its_last_record(tmp_path, end):
    text = '[{"number": "1", "description": "a"}, ' + end
    loaded = load_incidents(write(tmp_path, text, "incidents.json"))
    assert list(loaded.frame["number"]) == ["1"]
    assert loaded.counts.rejected == 1
    assert "cut off" in str(next(iter(loaded.counts.reasons)))
