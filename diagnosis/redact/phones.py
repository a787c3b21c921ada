"""Telephone numbers: shapes found by pattern, proven by the numbering plans in phonenumbers."""

from __future__ import annotations

import re

import phonenumbers

from diagnosis.redact.digits import count_digits

_OPEN = r"(?<![A-Za-z0-9_.#+-])"
_CLOSE = r"(?![A-Za-z0-9_#]|[.-][A-Za-z0-9])"
_DIGITS = r"\(?\d(?:[ ().\-/]{0,2}\d)"
_EXTENSION = r"(?:\s?(?:-|转|ext\.?|x)\s?\d{1,5})?"

_INTERNATIONAL = re.compile(rf"(?<![A-Za-z0-9_.#-])(?:\+|(?<!\d)00)\s?{_DIGITS}{{6,15}}{_CLOSE}")
# An eleven-digit number after an equals sign, or before a bracketed one, is a quantity: "= 19306381312 (18412.0MB)".
_CHINESE_MOBILE = re.compile(rf"{_OPEN}(?<!=)(?<!= )(?:86[ -]?)?1[3-9]\d[ -]?\d{{4}}[ -]?\d{{4}}{_CLOSE}(?! \(\d)")
_CHINESE_LANDLINE = re.compile(
    rf"{_OPEN}(?:\(0\d{{2,3}}\)|（0\d{{2,3}}）|0\d{{2,3}}[ -]|0\d{{2,3}})\s?\d{{4}}[ -]?\d{{3,4}}{_EXTENSION}{_CLOSE}"
    rf"|{_OPEN}[48]00[ -]\d{{3}}[ -]?\d{{4}}{_CLOSE}|{_OPEN}[48]00[ -]\d{{4}}[ -]\d{{3}}{_CLOSE}"
)
_AMERICAN = re.compile(
    rf"{_OPEN}(?:1[ .-])?(?:\([2-9]\d{{2}}\) ?|[2-9]\d{{2}}(?P<sep>[.-]))[2-9]\d{{2}}[.-]\d{{4}}{_CLOSE}"
)
# Any other number only after a word for telephone.
_LABELLED = re.compile(
    r"(?P<label>(?:(?<![A-Za-z])(?:tele?(?:phone|fon)?(?:nummer)?|phone|mobile?|mobil(?:nummer)?|cell(?:ular)?|fax|handy(?:nummer)?"
    r"|rufnummer|durchwahl|call(?: me| back| him| her| us)?(?: at| on)?)|电话|手机|座机|固话|联系方式|致电|传真|热线)"
    r"(?:\s?(?:number|no\.?|nr\.?|#|号码|号))?\s{0,3}(?:is|是|为|ist|[:：=#.])?\s{0,3})"
    rf"(?P<number>\+?{_DIGITS}{{5,14}}{_EXTENSION}){_CLOSE}",
    re.IGNORECASE,
)
_NAME_SIGNS = (
    "tel",
    "phone",
    "mobil",
    "cell",
    "fax",
    "handy",
    "rufnummer",
    "durchwahl",
    "call",
    "电",
    "手机",
    "座机",
    "固话",
    "联系",
    "热线",
    "传真",
)
_DATE = re.compile(r"(?:19|20)\d{2}[-/.]?[01]\d[-/.]?[0-3]\d(?!\d)|[0-3]?\d[-/.][01]?\d[-/.](?:19|20)?\d{2}(?!\d)")


def mask_phones(text: str) -> str:
    """Mask telephone numbers: international, Chinese mobile and landline, North American, and any after "phone"."""
    if count_digits(text) < 6:
        return text
    lowered = text.lower()
    if any(word in lowered for word in _NAME_SIGNS):
        text = _LABELLED.sub(lambda m: m[0] if _DATE.match(m["number"]) else f"{m['label']}<PHONE>", text)
    if "+" in text or "00" in text:
        text = _INTERNATIONAL.sub(lambda m: "<PHONE>" if _is_international(m[0]) else m[0], text)
    text = _CHINESE_MOBILE.sub(lambda m: "<PHONE>" if _is_valid(m[0], "CN") else m[0], text)
    text = _CHINESE_LANDLINE.sub(lambda m: "<PHONE>" if _is_chinese_landline(m[0]) else m[0], text)
    return _AMERICAN.sub("<PHONE>", text)


def _is_international(text: str) -> bool:
    """Accept any possible number after a plus, but only an assigned one after 00: zeros begin other codes too."""
    plus = text.startswith("+")
    digits = re.sub(r"\D", "", text)
    try:
        number = phonenumbers.parse(f"+{digits if plus else digits[2:]}")
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_possible_number(number) if plus else phonenumbers.is_valid_number(number)


def _is_chinese_landline(number: str) -> bool:
    if number.startswith(("400", "800")):
        return True
    return _is_valid(re.split(r"\s?(?:转|ext\.?|x)\s?|(?<=\d{6})-(?=\d{1,5}$)", number)[0], "CN")


def _is_valid(number: str, region: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number, region))
    except phonenumbers.NumberParseException:
        return False
