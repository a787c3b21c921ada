"""Repair brings back exactly what was damaged, and leaves healthy text alone."""

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from diagnosis.text import repair, repair_column


def damage(text: str, escape: bool) -> str:
    """Read UTF-8 as cp1252, the undefined bytes as control characters or, as Excel writes them, as escapes."""
    shown = ""
    for byte in text.encode():
        try:
            shown += bytes([byte]).decode("cp1252")
        except UnicodeDecodeError:
            shown += f"_x{byte:04x}_" if escape else chr(byte)
    return shown


HEALTHY = [
    "打印机无法连接网络，请检查驱动程序。（急）",
    "登录失败：错误代码 0x80070005，“拒绝访问”——见附件…",
    "VPN 连不上 error 809",
    "Drucker für Etage größer, »Über« „straße“ – läuft nicht",
    "São Paulo – não “é” possível; amanhã» amanhã–tarde",
    "à l’école “déjà”… naïve café",
    "Çok güzel; ÖĞÜ salı",
    "Ångström ÆØÅ æøå",
    "price 20€ £5 ½ ° ± § ©",
    r"C:\Überprüfung\läuft\x9d.txt",
    "reg_x0010_mask _x0081_ my_x0041_name",
    "std::vector<int> a = {1, 2};  // 注释\n\tif (x >= 0x9d) return;",
    "ＡＢＣ　１２３！",
    "プリンタが動かない 프린터",
    "plain ascii, nothing to do",
    "",
]
CHINESE = ["电脑开机开不出来", "vpn 不能连接", "密码错误，请重置！", "邮箱登录不了（急）", "VPN 连不上 error 809"]
GERMAN = ["Drucker für Etage größer", "Übertragung gelöscht – bitte prüfen", "mit freundlichen Grüßen", "„straße“"]


@pytest.mark.parametrize("text", HEALTHY)
def test_healthy_text_comes_back_byte_for_byte(text):
    assert repair(text) == text


@pytest.mark.parametrize("escape", [True, False])
@pytest.mark.parametrize("text", CHINESE + GERMAN)
def test_damage_is_undone(text, escape):
    assert repair(damage(text, escape)) == text


@pytest.mark.parametrize("text", CHINESE)
def test_damage_in_one_place_is_undone_beside_healthy_text(text):
    assert repair(f"打不开 {damage(text, escape=True)}\nläuft") == f"打不开 {text}\nläuft"


def test_damage_in_one_line_is_evidence_against_the_others():
    doubtful = damage("更新", escape=True)
    assert repair(f"{doubtful}\n{damage('密码错误', escape=True)}\nà l’école") == "更新\n密码错误\nà l’école"


def test_a_no_break_space_that_became_a_space_is_given_back():
    assert repair("voilÃ  le problÃ¨me") == "voilà le problème"


def test_excel_line_breaks_are_line_breaks():
    assert repair("one_x000D_\ntwo_x0009_three") == "one\r\ntwo\tthree"


@pytest.mark.parametrize("text", GERMAN)
def test_german_damage_that_was_lowered_is_undone(text):
    assert repair(damage(text, escape=False).lower()) == text.lower()


def test_lowered_chinese_damage_gives_the_usual_character():
    assert repair(damage("添加网络驱动器时报错", escape=True).lower()) == "添加网络驱动器时报错"


@given(
    st.text(alphabet="打印机无法连接网络请检查程序密码错误登录失败系统 aB0-", min_size=4, max_size=40), st.booleans()
)
def test_damaged_chinese_becomes_readable_and_stays_so(text, escape):
    repaired = repair(damage(text + "请检查网络", escape))
    assert repaired == text + "请检查网络"
    assert repair(repaired) == repaired


@given(st.text(max_size=80))
def test_repair_is_idempotent(text):
    assert repair(repair(text)) == repair(text)


@given(st.text(alphabet=[*"ÃâäåæçèéãŸšŠ€œž¼¶„“”™\xa0\x81\x9d", *"ab _x009d_"], max_size=30))
@example("æ\xa0œâÃ ")
def test_repair_of_noise_is_idempotent(text):
    assert repair(repair(text)) == repair(text)


@given(st.text(alphabet="打印机无法连接网络请检查，。！？（）“”《》：；、—…密码错误abcXYZ019 \n", max_size=60))
def test_healthy_chinese_is_never_touched(text):
    assert repair(text) == text


def test_a_column_keeps_index_and_missing_values():
    column = pd.Series(["fÃ¼r", None, "ok"], index=[7, 8, 9], name="description", dtype="str")
    repaired = repair_column(column)
    assert repaired.iloc[[0, 2]].tolist() == ["für", "ok"]
    assert repaired.isna().tolist() == [False, True, False]
    assert list(repaired.index) == [7, 8, 9]
    assert column.iloc[0] == "fÃ¼r"
