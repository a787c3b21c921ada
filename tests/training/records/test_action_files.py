"""Actions as files: CSV and JSON say the same, and what cannot be used is refused with its place."""

import json
from datetime import UTC, date, datetime

import pytest

from diagnosis.errors import InputError
from training.records.action_files import read_actions

MEASURES = ("response", "closure")


def write(tmp_path, text, name="actions.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_and_json_say_the_same(tmp_path):
    table = write(
        tmp_path,
        "title,owner,due,measure,status,done_at,team,numbers\n"
        "更换证书,Network,2026-09-30,response,done,2026-08-01,网络组,I1 I2\n",
    )
    entry = {
        "title": "更换证书",
        "owner": "Network",
        "due": "2026-09-30",
        "measure": "response",
        "status": "done",
        "done_at": "2026-08-01T00:00:00Z",
        "evidence": [{"number": "I1"}, {"number": "I2"}, {"team": "网络组"}],
    }
    (action,) = read_actions(table, MEASURES)
    assert read_actions(write(tmp_path, json.dumps({"items": [entry]}), "a.json"), MEASURES) == [action]
    assert read_actions(write(tmp_path, json.dumps([entry]), "b.json"), MEASURES) == [action]
    assert (action.due, action.done_at) == (date(2026, 9, 30), datetime(2026, 8, 1, tzinfo=UTC))


def test_a_title_is_enough_and_what_has_a_date_is_done(tmp_path):
    first, second = read_actions(write(tmp_path, "title,done_at\nx,\ny,2026-08-01\n"), MEASURES)
    assert (first.status, second.status) == ("open", "done")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("owner\nx\n", "a column title was expected"),
        ("", "a column title was expected; found none"),
        ("title\n \n", "action 1: title"),
        ("title,status\nx,done\n", "action 1: done_at"),
        ("title,status\nx,halfway\n", "halfway"),
        ("title,measure\nx,happiness\n", "happiness"),
        ("title,due\nx,soon\n", "soon"),
        ("title\nx\ny\n".replace("y", '""'), "action 2"),
        ("[1]", "list of actions"),
        ('[{"title": 1', "not readable as JSON"),
        ('[{"title": "x", "evidence": "I1"}]', "evidence"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        read_actions(write(tmp_path, text), MEASURES)


def test_a_file_that_is_no_text_or_not_there_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    with pytest.raises(InputError, match="not readable"):
        read_actions(path, MEASURES)
    path.write_bytes(b"\xff\xfe\x00title")
    with pytest.raises(InputError, match="not readable"):
        read_actions(path, MEASURES)
