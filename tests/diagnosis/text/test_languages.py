"""The language that carries the text, for short texts as agents and callers type them."""

import pytest

from diagnosis.text import language

SAMPLES = {
    "zh": [
        "VPN 连不上 error 809",
        "outlook 打不开",
        "请重置 SAP 密码，账号 zhang@example.com",
        "电脑蓝屏",
        "ORA-12154 报错",
        "无法登录 Teams，提示 error code 0x80070005 access denied",
        "更換密碼後無法登入",
        "Excel 打开很慢",
        "ie浏览器打开crm系统后提示注销",
    ],
    "en": [
        "password reset",
        "login issue",
        "unable to login to vpn",
        "account locked in ad",
        "outlook",
        "vpn error",
        "Outlook crashes when opening the 会议 invitation of a Chinese customer",
        "printer does not print",
        "skype not working",
        "blue screen after update KB5034441",
        "please reset my password <EMAIL>",
        "erp access",
        "ERP slow",
        "ERP timeout",
        "ERP down",
        "ERP SLOW",
        "CRM slow",
        "SAP locked",
        "VPN",
        "ERP",
    ],
    "de": [
        "kann drucker nicht nutzen",
        "Passwort zurücksetzen",
        "Drucker druckt nicht mehr",
        "Passwort abgelaufen",
        "keine netzwerkverbindung für rechner vhw7020",
        "Laufwerk ist nicht mehr verfügbar",
        "Outlook lässt sich nicht öffnen",
        "Monitor bleibt schwarz, bitte prüfen",
        "VPN geht nicht",
        "DRUCKER DRUCKT NICHT MEHR",
    ],
    "pl": ["ERP wolno działa", "drukarka nie działa"],
    "fr": ["mot de passe oublié", "l'imprimante ne fonctionne plus"],
    "es": ["no puedo iniciar sesión en el correo", "la impresora no funciona desde ayer"],
    "pt": ["problemas de configuração no sistema de vendas"],
    "ja": ["プリンタが動かない", "パスワードを忘れました"],
    "ko": ["비밀번호를 잊어버렸습니다"],
    "ru": ["пароль не работает"],
    "und": ["", "0x80070005", "INC0010023", "<EMAIL> <PHONE>", "12345 10.0.19045", "…!", r"\\fs01\share_2"],
}


@pytest.mark.parametrize(("code", "text"), [(code, text) for code, texts in SAMPLES.items() for text in texts])
def test_language(code, text):
    assert language(text) == code
