"""Which words name a person."""

import pytest

from diagnosis.text.person_names import is_person_name, surnames


@pytest.mark.parametrize(
    "word", ["John", "孙先生", "张伟老师", "欧阳先生", "司马", "司马老师", "诸葛明经理", "王工", "李总"]
)
def test_a_name_of_a_person(word):
    assert is_person_name(word)


@pytest.mark.parametrize(
    "word", ["vpn", "mark", "jasmine", "显示器", "项目经理", "班主任", "安全主管", "施工", "华东经理", "经理"]
)
def test_no_name_of_a_person(word):
    assert not is_person_name(word)


def test_a_surname_is_known_by_the_given_name_before_it():
    assert surnames("ask John Smith, or maria garcia, about the VPN; Mark All fails, John VPN too") == ["Smith"]
