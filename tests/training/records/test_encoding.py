"""Text whose encoding nobody wrote down, from one line on."""

import pytest

from api.cli import main
from diagnosis.errors import InputError
from training.records import load_incidents
from training.records.encoding import best_encoding, detect_encoding, named_encoding

TEXTS = {
    "gb18030": ["打印机无法连接，请重启", "蓝屏死机", "VPN 连接失败，错误 809", "邮箱登录不上", "网络慢"],
    "big5": ["印表機無法連線，請重新啟動", "電腦當機", "郵件寄不出去"],
    "cp932": ["プリンターが動かない", "ネットワークに接続できません", "電源が入らない"],
    "euc_jp": ["プリンターが動かない"],
    "cp949": ["네트워크 연결 오류", "비밀번호를 잊어버렸습니다"],
    "cp1252": [
        "Bildschirm flackert, bitte prüfen",
        "La clé USB n'est pas reconnue après la mise à jour",
        "El teléfono no funciona en la oficina de España",
        "não consigo aceder à aplicação",
    ],
    "cp850": ["Bildschirm flackert, bitte prüfen", "La clé USB n'est pas reconnue après la mise à jour"],
    "mac_roman": ["Bildschirm flackert, bitte prüfen", "La clé USB n'est pas reconnue après la mise à jour"],
    "cp1250": [
        "Nie można się zalogować, hasło wygasło",
        "Tiskárna netiskne, chyba připojení",
        "A nyomtató nem működik",
    ],
    "cp1251": ["Принтер не печатает", "Ошибка входа в систему"],
    "cp1253": ["Ο εκτυπωτής δεν λειτουργεί"],
    "cp1254": ["Yazıcı çalışmıyor, lütfen yardım edin"],
    "cp1255": ["המדפסת לא עובדת"],
    "cp1256": ["الطابعة لا تعمل"],
    "cp1257": ["Printeris nedarbojas trešajā stāvā"],
}


@pytest.mark.parametrize(("encoding", "text"), [(name, text) for name, texts in TEXTS.items() for text in texts])
def test_one_line_is_read_in_its_encoding_and_said_so(tmp_path, encoding, text):
    path = tmp_path / "a.csv"
    path.write_bytes(f'number,short_description\r\nINC1,"{text}"\r\n'.encode(encoding))
    loaded = load_incidents(path)
    assert list(loaded.frame["short_description"]) == [text]
    [note] = loaded.counts.notes
    assert "--encoding" in str(note)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16", "utf-8-sig"])
def test_unicode_needs_no_note(tmp_path, encoding):
    path = tmp_path / "a.csv"
    path.write_bytes("number,short_description\nINC1,打印机卡纸了\n".encode(encoding))
    loaded = load_incidents(path)
    assert list(loaded.frame["short_description"]) == ["打印机卡纸了"]
    assert loaded.counts.notes == ()


def test_an_encoding_can_be_asked_for(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("number,short_description\n1,naïve café\n".encode("cp1252"))
    assert list(load_incidents(path, encoding="latin-1").frame["short_description"]) == ["naïve café"]
    assert named_encoding("GBK").name == "gb18030"
    for name in ("klingon", "base64", "rot13"):
        with pytest.raises(InputError, match="expected an encoding such as utf-8"):
            named_encoding(name)


def test_noise_is_not_read_with_certainty():
    assert not best_encoding(b"a \x81\x9d\x8f z").is_sure


def test_the_command_line_says_what_was_assumed(tmp_path, capsys):
    path = tmp_path / "a.csv"
    path.write_bytes("number,short_description\n1,Принтер не печатает\n".encode("cp1251"))
    arguments = ["import", "--incidents", str(path), "--database", f"sqlite:///{tmp_path}/f.db", "--quiet"]
    assert main(arguments) == 0
    assert "was read as cp1251" in capsys.readouterr().err
    assert main([*arguments, "--encoding", "cp1251"]) == 0


def test_half_an_emoji_in_a_short_file_leaves_it_utf_8(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"number":"1","short_description":"printer \xf0\x9f\x98"}\n')
    assert detect_encoding(path).name == "utf-8"
    assert load_incidents(path).frame["short_description"].tolist() == ["printer \ufffd"]
