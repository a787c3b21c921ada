"""National identity numbers, bank cards and accounts: found by pattern, proven by check digit (python-stdnum)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from stdnum import iban, luhn
from stdnum.br import cpf
from stdnum.cn import ric
from stdnum.de import idnr
from stdnum.es import dni
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.it import codicefiscale
from stdnum.nl import bsn
from stdnum.pl import pesel
from stdnum.us import ssn

from diagnosis.redact.digits import count_digits

# A number stands alone: no letter, digit or joining sign touches it. Han characters may.
_OPEN = r"(?<![A-Za-z0-9_.#-])"
_CLOSE = r"(?![A-Za-z0-9_#-]|\.[A-Za-z0-9])"

# Shapes that hardly anything else has, each with the test of its check digits.
_DISTINCT: list[tuple[re.Pattern[str], Callable[[str], bool]]] = [
    (re.compile(rf"{_OPEN}[1-9]\d{{5}}(?:18|19|20)\d{{2}}[01]\d[0-3]\d\d{{3}}[\dXx]{_CLOSE}"), ric.is_valid),
    (re.compile(rf"{_OPEN}\d{{3}}-\d{{2}}-\d{{4}}{_CLOSE}"), ssn.is_valid),
    (re.compile(rf"{_OPEN}[12] ?\d{{2}} ?[0-9]{{2}} ?\d[0-9AB] ?\d{{3}} ?\d{{3}} ?\d{{2}}{_CLOSE}"), nir.is_valid),
    (re.compile(rf"{_OPEN}\d{{3}}\.\d{{3}}\.\d{{3}}-\d{{2}}{_CLOSE}"), cpf.is_valid),
]
# Shapes that a record number may have as well: only after a word that says what they are.
_LABELLED = re.compile(
    r"(?P<label>(?:(?<![A-Za-z])(?:(?:ssn|social security|national id(?:entity)?|id card|passport|nhs|codice fiscale"
    r"|steuer-?id(?:nr)?|idnr|personalausweis(?:nummer)?|reisepass(?:nummer)?|dni|bsn|pesel)(?: number| no)?\.?)"
    r"|身份证号?码?|护照号?码?|社保号?码?|公民身份号码)\s{0,3}(?:is|是|为|ist|[:：=#])?\s{0,3})"
    r"(?P<number>[A-Za-z]{0,2}\d{6,18}[A-Za-z]?|\d{2,4}(?:[ -]\d{2,4}){2,4}"
    r"|[A-Za-z]{6}\d\d[A-Za-z]\d\d[A-Za-z]\d{3}[A-Za-z])"
    r"(?![A-Za-z0-9_])",
    re.IGNORECASE,
)
_NAME_SIGNS = (
    "ssn",
    "security",
    "national",
    "card",
    "passport",
    "nhs",
    "codice",
    "steuer",
    "idnr",
    "ausweis",
    "reisepass",
    "dni",
    "bsn",
    "pesel",
    "身份",
    "护照",
    "社保",
)
_PASSPORT = re.compile(r"[A-Z]{1,2}\d{6,8}|\d{9}", re.IGNORECASE)
_CHECKED = (ric, ssn, nhs, idnr, dni, bsn, pesel, codicefiscale)

# Digits in one run, or in the groups that are embossed; not a row of a longer table of numbers.
_CARD = re.compile(
    rf"{_OPEN}(?<!\d[ ])(?:\d{{13,19}}|\d{{4}}(?P<sep>[ -])\d{{4}}(?P=sep)\d{{4}}(?P=sep)\d{{4}}(?:(?P=sep)\d{{1,3}})?"
    rf"|\d{{4}}(?P<gap>[ -])\d{{6}}(?P=gap)\d{{4,5}}){_CLOSE}(?! ?\d)"
)
# First digits of the issuers with the lengths that they use (ISO/IEC 7812): Visa, Mastercard, American Express, Diners,
# Discover, JCB, UnionPay and Maestro.
_ISSUER = re.compile(
    r"4\d{12}(?:\d{3})?|(?:5[1-5]|2(?:2[2-9]|[3-6]\d|7[01]))\d{12,14}(?<=\d{16})|3[47]\d{13}|3(?:0[0-5]\d|[68]\d\d)\d{10}"
    r"|(?:6011|64[4-9]\d|65\d\d|35\d\d)\d{12}|62\d{14,17}|(?:50|5[6-9]|6[37])\d{14,17}"
)
_IBAN = re.compile(rf"{_OPEN}[A-Z]{{2}}\d{{2}}(?: ?[A-Z0-9]{{4}}){{2,7}}(?: ?[A-Z0-9]{{1,3}})?{_CLOSE}")


def mask_national_ids(text: str) -> str:
    """Mask identity numbers of people: Chinese resident ids, social security, tax and passport numbers."""
    if count_digits(text) < 6:
        return text
    for shape, is_valid in _DISTINCT:
        text = shape.sub(partial(_mask_valid, is_valid), text)
    lowered = text.lower()
    if not any(word in lowered for word in _NAME_SIGNS):
        return text
    return _LABELLED.sub(lambda m: f"{m['label']}<NATIONAL_ID>" if _is_identity(m["number"]) else m[0], text)


def mask_cards(text: str) -> str:
    """Mask bank cards (issuer, length and Luhn digit agree) and IBANs (ISO 13616)."""
    if count_digits(text) < 10:
        return text
    text = _CARD.sub(lambda m: "<CARD>" if _is_card(m[0]) else m[0], text)
    return _IBAN.sub(lambda m: "<CARD>" if iban.is_valid(m[0]) else m[0], text)


def _mask_valid(is_valid: Callable[[str], bool], match: re.Match[str]) -> str:
    return "<NATIONAL_ID>" if is_valid(match[0]) else match[0]


def _is_identity(number: str) -> bool:
    compact = re.sub(r"[ -]", "", number)
    return bool(_PASSPORT.fullmatch(compact)) or any(bool(kind.is_valid(compact)) for kind in _CHECKED)


def _is_card(number: str) -> bool:
    digits = re.sub(r"[ -]", "", number)
    return bool(_ISSUER.fullmatch(digits)) and bool(luhn.is_valid(digits))
