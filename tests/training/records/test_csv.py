"""CSV as it really comes: delimiters, encodings, quotes, broken rows."""

import csv
import gzip
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnosis.errors import InputError
from training.records import load_incidents, read_incidents

ROWS = [
    ("INC1", "打印机卡纸", "三楼打印机卡纸，\n重启无效。"),
    ("INC2", 'Outlook says "disconnected"', "since 9:00, again; and again"),
    ("INC3", "VPN连不上 error 809", "Teams 也登录不了"),
]
HEADER = ("number", "short_description", "description")


def as_csv(rows=ROWS, delimiter=",", header=HEADER):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerows([header, *rows])
    return out.getvalue()


def texts(frame):
    return list(frame[list(HEADER)].itertuples(index=False, name=None))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030"])
def test_every_delimiter_and_encoding_gives_the_same_rows(tmp_path, delimiter, encoding):
    path = tmp_path / "incidents.csv"
    path.write_bytes(as_csv(ROWS, delimiter).encode(encoding))
    assert texts(load_incidents(path).frame) == ROWS


def test_cp1252_is_told_from_chinese_encodings(tmp_path):
    rows = [(f"INC{i}", "Drucker im Büro München druckt nicht – Gerät prüfen", "Größe „A4“") for i in range(5)]
    path = tmp_path / "incidents.csv"
    path.write_bytes(as_csv(rows).encode("cp1252"))
    # the text repair straightens typographic quotes, so compare what it does not touch
    assert load_incidents(path).frame["short_description"].str.startswith("Drucker im Büro München").all()


def test_one_broken_byte_does_not_turn_utf8_into_something_else(tmp_path):
    rows = [(f"INC{i}", "打印机卡纸需要处理", "三楼") for i in range(40)]
    path = tmp_path / "incidents.csv"
    path.write_bytes(as_csv(rows).encode() + "INC99,网络中断,".encode() + b"\xe4\xbd\n")
    frame = load_incidents(path).frame
    assert frame["short_description"].iloc[0] == "打印机卡纸需要处理"
    assert frame["short_description"].iloc[-1] == "网络中断"


def test_gzip_is_unpacked(tmp_path):
    path = tmp_path / "incidents.csv.gz"
    path.write_bytes(gzip.compress(as_csv().encode()))
    assert texts(load_incidents(path).frame) == ROWS


def test_a_separator_line_of_excel_is_understood(tmp_path):
    path = tmp_path / "incidents.csv"
    path.write_text("sep=;\n" + as_csv(delimiter=";"), encoding="utf-8")
    assert texts(load_incidents(path).frame) == ROWS


def test_a_row_of_another_width_is_rejected_under_its_line(tmp_path):
    path, rejects = tmp_path / "incidents.csv", tmp_path / "out" / "rejects.csv"
    path.write_text(
        'number,short_description,description\nINC1,"two\nlines",x\nINC2\nINC3,fine,too,many\nINC4,ok,ok,,\n',
        encoding="utf-8",
    )
    loaded = load_incidents(path, rejects=rejects)
    assert list(loaded.frame["number"]) == ["INC1", "INC4"]
    assert (loaded.counts.read, loaded.counts.imported, loaded.counts.rejected) == (4, 2, 2)
    lines = list(csv.DictReader(rejects.read_text(encoding="utf-8-sig").splitlines()))
    assert [(line["file"], line["row"], line["value"]) for line in lines] == [
        ("incidents.csv", "4", "1 cell"),
        ("incidents.csv", "5", "4 cells"),
    ]


def test_an_unclosed_quote_costs_the_rows_it_swallowed_and_not_the_file(tmp_path):
    path = tmp_path / "incidents.csv"
    filler = "".join(f"INC{i},printer jam {'x' * 2000},\n" for i in range(1000, 1600))
    path.write_text('number,short_description,description\nINC1,a,b\nINC2,"never closed,b\n' + filler, encoding="utf-8")
    loaded = load_incidents(path)
    assert loaded.frame["number"].iloc[0] == "INC1"
    assert loaded.frame["number"].iloc[-1] == "INC1599"
    assert any("unclosed quote" in str(reason) for reason in loaded.counts.reasons)


def test_a_file_cut_off_within_a_quote_does_not_pass_for_a_whole_one(tmp_path):
    path, rejects = tmp_path / "incidents.csv", tmp_path / "rejects.csv"
    # The description is the last column: what was swallowed would pass for its text.
    path.write_text('number,description\nINC1,"a\nb"\nINC2,"卡纸，\nINC3,VPN\nINC4,邮', encoding="utf-8")
    loaded = load_incidents(path, rejects=rejects)
    assert list(loaded.frame["description"]) == ["a\nb"]
    assert (loaded.counts.imported, loaded.counts.rejected) == (1, 1)
    assert ",4,,a quote that is never closed" in rejects.read_text(encoding="utf-8-sig")
    assert rejects.read_text(encoding="utf-8-sig").count("the lines after it: 2") == 1


def test_numbers_keep_their_leading_zeros_and_words_for_nothing_are_empty(tmp_path):
    path = tmp_path / "incidents.csv"
    path.write_text("number,short_description,category,caller\n007,a,NULL, 12.0 \n8,b,nan,Null\n", encoding="utf-8")
    frame = load_incidents(path).frame
    assert list(frame["number"]) == ["007", "8"]
    assert list(frame["category"]) == ["", ""]
    assert list(frame["caller"]) == ["12.0", "Null"]  # a surname is not a missing value


def test_repeated_columns_are_joined_and_unknown_ones_kept(tmp_path):
    path = tmp_path / "incidents.csv"
    path.write_text("number,short_description,Labels,Labels,x\nA,t,vpn,wifi,1\nB,t,,wifi,\n", encoding="utf-8")
    frame = load_incidents(path).frame
    assert list(frame["Labels"]) == ["vpn; wifi", "wifi"]
    assert list(frame["x"]) == ["1", ""]


def test_chunks_add_up_to_the_whole(tmp_path):
    path = tmp_path / "incidents.csv"
    path.write_text(as_csv([(f"INC{i}", f"fault {i}", "") for i in range(25)]), encoding="utf-8")
    seen = []
    stream = read_incidents(path, chunk_rows=10, progress=seen.append)
    chunks = list(stream)
    assert [len(chunk) for chunk in chunks] == [10, 10, 5]
    assert [number for chunk in chunks for number in chunk["number"]] == [f"INC{i}" for i in range(25)]
    assert sum(seen) == 25
    assert stream.counts.imported == 25


@pytest.mark.parametrize("text", ["", "\n", "   \n1,2\n"])
def test_a_file_without_a_header_is_refused(tmp_path, text):
    path = tmp_path / "incidents.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"incidents\.csv"):
        load_incidents(path)


# What a cell may hold: Chinese, quotes, delimiters, line ends; nothing that the text repair is there to change.
words = st.text(st.sampled_from('打印机卡纸网络中断 abcXYZ09,;\t"\n.-'), max_size=30).map(str.strip)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(words, words), min_size=1, max_size=8), st.sampled_from([",", ";", "\t"]))
def test_what_is_written_is_read(tmp_path_factory, pairs, delimiter):
    rows = [(f"N{i}", title or "x", text) for i, (title, text) in enumerate(pairs)]
    path = tmp_path_factory.mktemp("csv") / "incidents.csv"
    path.write_bytes(as_csv(rows, delimiter).encode("utf-8-sig"))
    assert texts(load_incidents(path).frame) == rows
