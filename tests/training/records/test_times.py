"""Times in every way that exports write them."""

from datetime import UTC, datetime

import pandas as pd
import pytest

from diagnosis.errors import InputError
from training.records import load_incidents
from training.records.times import AMBIGUOUS_ZONE, day_comes_first, parse_times, zone_named


def parsed(*values, day_first=None, latest=None, zone="UTC"):
    return parse_times(values, day_first, latest, zone_named(zone))


@pytest.mark.parametrize(
    "written",
    [
        "2026-01-31T08:15:00Z",
        "2026-01-31 08:15:00",
        "2026-01-31 08:15",
        "2026-01-31T16:15:00+08:00",
        "2026-01-31T03:15:00.000-0500",
        "2026-01-31 08:15:00 UTC",
        "2026/1/31 8:15",
        "2026年1月31日 08:15",
        "2026年1月31日 上午8:15",
        "31/Jan/26 08:15",
        "31/Jan/26 8:15 AM",
        "31/一月/26 8:15 上午",
        "31.01.2026 08:15",
        "Jan 31, 2026 8:15 AM",
        "31 January 2026, 08:15",
        "1769847300",
        "1769847300000",
        "46053.34375",
        "20260131081500",
        "20260131T081500Z",
        "202601310815",
        "2026年1月31日 8时15分",
        "2026年01月31日 8点一刻",
        "２０２６/０１/３１　０８：１５",
        "2026-01-31 星期六 早上8点15分",
        "2026-01-31 16:15 GMT+8",
        "2026-01-31 16:15 (UTC+08:00)",
        "2026-01-31 09:15 CET",
        "2026-01-31 16:15 Asia/Shanghai",
        "Sat, 31 Jan 2026 08:15:00 +0000",
        "31/janv./26 8:15 AM",
        "31/Jän/26 8:15",
        "31/ene/26 8:15 AM",
        "31 de enero de 2026 08:15",
        "31/sty/26 08:15",
        "31/янв./26 08:15",
        "31-JAN-26 08.15.00 AM",
        "2026-Jan-31 08:15",
        "2026年1月31日 午前8時15分",
        "2026. 1. 31. 오전 8:15",
        "Sat Jan 31 2026 16:15:00 GMT+0800 (China Standard Time)",
    ],
)
def test_one_moment_in_many_spellings(written):
    result = parsed(written)
    assert result.faults == {}
    assert result.times[0] == datetime(2026, 1, 31, 8, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "hour"),
    [
        ("31/Jan/26 12:05 AM", 0),
        ("31/Jan/26 12:05 PM", 12),
        ("31/Jan/26 5:05 PM", 17),
        ("2026-01-31 中午12点", 12),
        ("2026-01-31 中午1点", 13),
        ("2026-01-31 晚上9点", 21),
        ("2026-01-31 凌晨12:05", 0),
        ("2026-01-31 下午3点半", 15),
        ("2026-01-31 晚上12点", 0),
    ],
)
def test_twelve_o_clock(written, hour):
    assert parsed(written).times[0].hour == hour


@pytest.mark.parametrize(
    "written",
    ["soon", "2026-13-40", "31/Foo/26", "12:30", "0", "99", "2026-02-30 10:00", "31/Marble/26", "31 mayor 2026"],
)
def test_what_is_no_time_is_a_fault(written):
    result = parsed("2026-01-01", "", written)
    assert set(result.faults) == {2}
    assert [time is None for time in result.times] == [False, True, True]


def test_times_that_cannot_be_are_faults():
    now = datetime(2026, 6, 1, tzinfo=UTC)
    result = parsed("1970-01-02 00:00:00", "2027-01-01", "2026-05-31", latest=now)
    assert set(result.faults) == {0, 1}
    assert [time is None for time in result.times] == [True, True, False]


@pytest.mark.parametrize("written", ["", "0000-00-00 00:00:00", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"])
def test_zero_dates_are_no_time_and_no_fault(written):
    assert parsed(written) == parsed("")


def test_every_month_of_a_language_is_read():
    words = {
        "de": "Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez",
        "fr": "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
        "es": "ene feb mar abr may jun jul ago sept oct nov dic",
        "it": "gen feb mar apr mag giu lug ago set ott nov dic",
        "pt": "jan fev mar abr mai jun jul ago set out nov dez",
        "nl": "jan feb mrt apr mei jun jul aug sep okt nov dec",
        "pl": "sty lut mar kwi maj cze lip sie wrz paź lis gru",
        "cs": "led úno bře dub kvě čvn čvc srp zář říj lis pro",
        "sv": "jan feb mars apr maj juni juli aug sep okt nov dec",
        "fi": "tammi helmi maalis huhti touko kesä heinä elo syys loka marras joulu",
        "hu": "jan febr márc ápr máj jún júl aug szept okt nov dec",
        "tr": "Oca Şub Mar Nis May Haz Tem Ağu Eyl Eki Kas Ara",
        "ru": "янв февр мар апр мая июн июл авг сент окт нояб дек",
        "zh": "一月 二月 三月 四月 五月 六月 七月 八月 九月 十月 十一月 十二月",
    }
    for language, months in words.items():
        result = parsed(*[f"03/{month}/25 9:53 AM" for month in months.split()])
        assert [time and time.month for time in result.times] == list(range(1, 13)), language


def test_a_zone_is_of_the_times_that_name_none():
    naive, aware = parsed("2026-01-31 16:15", "2026-01-31 08:15 UTC", zone="Asia/Shanghai").times
    assert naive == aware == datetime(2026, 1, 31, 8, 15, tzinfo=UTC)
    assert parsed("2026-07-01 10:00", zone="Europe/Berlin").times[0].hour == 8  # summer time
    assert parsed("46053.34375", zone="+02:00").times[0] == datetime(2026, 1, 31, 6, 15, tzinfo=UTC)
    assert parsed("1769847300", zone="+02:00").times[0] == datetime(2026, 1, 31, 8, 15, tzinfo=UTC)
    assert parsed("2026-01-31 08:15 CST").faults == {0: AMBIGUOUS_ZONE}
    with pytest.raises(InputError, match="Asia/Shanghai"):
        zone_named("Mars/Olympus")


def test_the_column_decides_which_number_is_the_day():
    assert day_comes_first(["03/04/2026", "13/04/2026"]) is True
    assert day_comes_first(["03/04/2026", "04/13/2026"]) is False
    assert day_comes_first(["03/04/2026", ""]) is None
    assert parsed("03/04/2026 5:00 PM", day_first=True).times[0] == pd.Timestamp("2026-04-03 17:00", tz="UTC")
    assert parsed("03-04-26", day_first=False).times[0] == pd.Timestamp("2026-03-04", tz="UTC")
    assert set(parsed("03/04/2026").faults) == {0}


def test_a_later_chunk_decides_for_the_first(tmp_path):
    path = tmp_path / "a.csv"
    rows = [f"{i},x,0{i}/04/2025 10:00" for i in range(1, 6)] + ["6,x,25/12/2025 10:00"]
    path.write_text("number,description,opened_at\n" + "\n".join(rows), encoding="utf-8")
    frame = load_incidents(path, chunk_rows=2).frame
    assert frame["opened_at"].dt.month.tolist() == [4, 4, 4, 4, 4, 12]
    path.write_text("number,description,opened_at\n" + "\n".join(rows[:-1]), encoding="utf-8")
    loaded = load_incidents(path, chunk_rows=2)
    assert loaded.frame["opened_at"].isna().all()
    assert loaded.counts.imported == loaded.counts.blanked == 5


@pytest.mark.parametrize(
    "text",
    [
        "二〇二六年一月三十一日下午三点一刻",
        "2026年1月31日 十五点十五分",
        "sábado, 31 de enero de 2026 15:15",
        "samedi 31 janvier 2026 à 15h15",
        "31 de janeiro de 2026 às 15:15",
        "January 31, 2026 at 3:15 PM",
        "31 ene 2026 3:15 p. m.",
        "31/Jan/26 3:15\u202fp.\u00a0m.",
        "31 января 2026 г. 15:15",
        "31 січня 2026 р., 15:15",
        "31.01.2026, 15:15 Uhr",
        "Jan-31-2026 15:15",
        "2026-01-31-15.15.00.000000",
        "2026-01-31 15:15:00 +0000 UTC",
        "/Date(1769872500000)/",
    ],
)
def test_long_forms_of_languages_and_forms_of_programs(text):
    time = parsed(text).times[0]
    assert time is not None
    assert time.replace(second=0) == datetime(2026, 1, 31, 15, 15, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026年十十月1日", "31 at 2026", "maybe 3 2026", "2026年一月三十二日"])
def test_words_that_are_no_time_stay_at_fault(text):
    assert set(parsed(text).faults) == {0}
