"""Which words name a person."""

import pytest

from diagnosis.text.person_names import KnownPeople, is_person_name, surnames


@pytest.mark.parametrize(
    "word",
    [
        "John",
        "孙先生",
        "张伟老师",
        "欧阳先生",
        "司马",
        "司马老师",
        "诸葛明经理",
        "王工",
        "李总",
        "陈建国",
        "李晓明",
        "小王",
        "老李",
        "王姐",
        "刘哥",
    ],
)
def test_a_name_of_a_person(word):
    assert is_person_name(word)


@pytest.mark.parametrize(
    "word",
    [
        "vpn",
        "mark",
        "jasmine",
        "显示器",
        "项目经理",
        "班主任",
        "安全主管",
        "施工",
        "华东经理",
        "经理",
        "华为",
        "方正",
        "高清",
        "安静",
        "高峰",
        "宁波",
        "小时",
        "小金",
        "老化",
    ],
)
def test_no_name_of_a_person(word):
    assert not is_person_name(word)


def test_a_surname_is_known_by_the_given_name_before_it():
    text = (
        "ask John Smithers, or maria garcia, about the VPN; Mark All fails, John VPN too. Call Anna. Smith and Wesson"
    )
    assert surnames(text) == ["Smithers", "garcia"]


def test_a_name_in_pinyin_is_known_in_either_order_and_no_word_of_the_desk_is_one():
    names = surnames("ask li wei or Xiaoming Liu or wang fang, the apps hang, can he ping lin")
    assert names == ["li", "wei", "Xiaoming", "Liu", "wang", "fang"]


def test_a_part_of_a_known_name_is_known_alone_unless_it_is_a_word_too():
    people = KnownPeople(["Fatma Yilmaz", "Black, Mark", "Ed Li", "李晓明", "王建设", "VPN Desk"])
    assert people.words_in("Thanks, fatma. The black screen: mark all, ed or li") == {"fatma"}
    assert people.words_in("YILMAZ reports a black page") == {"yilmaz"}
    assert people.words_in("晓明说打印机卡纸，建设部的网络也断了") == {"晓明"}


def test_names_of_a_history_are_known_whole_and_in_any_order():
    people = KnownPeople(["Smith, John P.", "ngozi.okafor", "张伟", "Service Desk", "jdoe42", "Anna-Lena Berg", ""])
    assert people.words_in("JOHN SMITH and Okafor Ngozi") == {"john", "smith", "ngozi", "okafor"}
    assert people.words_in("张伟报修：打印机") == {"张伟"}
    assert people.words_in("the service desk; doe, 张 伟") == set()
    assert people.words_in("berg anna-lena") >= {"berg", "anna", "lena"}
