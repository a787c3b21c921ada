"""Opening text whose encoding nobody wrote down: found from the text itself, and said in the notes of the import."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.text.languages import language_shares

BLOCK = 1 << 20
SAMPLE = 1 << 14  # bytes of lines that are not ASCII: what the languages are told from
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_SURE = 0.45  # a score below it says that the text was too short, or of none of the languages

# An emoji of which the last byte is missing; in no other encoding are these three bytes before ASCII words.
_CUT_EMOJI = re.compile(rb"\xf0[\x90-\xbf][\x80-\xbf](?=[\x00-\x7f]|$)")

# Signs that stand in texts of every language.
_SIGNS = frozenset("„“”‘’‚–—…«»‹›•€£¥§°·©®™×´`¨\u00a0、。，！？：；（）「」『』【】《》・￥～\u3000")
_USUAL_SHARE = 0.35  # of common signs in a text of Chinese, Japanese or Korean


@dataclass(frozen=True, slots=True)
class Encoding:
    """The encoding that a file is read in.

    Attributes
    ----------
    name : str
        As Python names it.
    is_sure : bool
        False if another would do nearly as well: the text that is not ASCII is too short, or in no language we know.
    """

    name: str
    is_sure: bool = True

    def note(self, file: str) -> Phrase | None:
        """Return what a person should know of it; None for UTF-8 and UTF-16, which cannot be mistaken."""
        if self.name.startswith("utf"):
            return None
        name = f"encoding_{self.name}" if self.name in _candidates() else "encoding_as_asked"
        values = {"file": file, "encoding": self.name, "name": Phrase(name)}
        return Phrase("file_encoding" if self.is_sure else "file_encoding_unsure", values)


def named_encoding(name: str) -> Encoding:
    """Return an encoding that a person asked for.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    try:
        codec: Any = codecs.lookup(name)
    except LookupError:
        codec = None
    if codec is None or not codec._is_text_encoding:
        encodings = ("utf-8", "utf-16", *_candidates())
        raise InputError(Phrase("unknown_encoding", {"encodings": encodings, "name": name}))
    # Both contain GB2312, and exports that say so hold characters beyond it.
    return Encoding("gb18030" if codec.name in {"gb2312", "gbk"} else codec.name)


def open_binary(path: Path) -> BinaryIO:
    """Open a file for reading bytes, unpacking ``.gz``."""
    return cast("BinaryIO", gzip.open(path, "rb")) if path.suffix.lower() == ".gz" else path.open("rb")


def open_text(path: Path, encoding: Encoding) -> TextIO:
    """Open a file as text; line ends are left as they are, bytes that are no text become U+FFFD."""
    return io.TextIOWrapper(open_binary(path), encoding=encoding.name, errors="replace", newline="")


def detect_encoding(path: Path) -> Encoding:
    """Return the encoding of a text file.

    A byte order mark decides. Otherwise a file that is UTF-8 throughout is UTF-8; so is one in which invalid bytes are
    rare among valid ones (cells cut in the middle of a character). Else the encoding is the one in which the lines that
    are not ASCII read most like one of its languages: by its letters, by fastText, by the commonest signs.
    """
    with open_binary(path) as stream:
        start = stream.read(4096)
        for mark, name in MARKS:
            if start.startswith(mark):
                return Encoding(name)
        if wide := _utf16(start):
            return Encoding(wide)
        stream.seek(0)
        valid, invalid, sample = _survey(stream)
    if not invalid or valid > 20 * invalid or _is_utf8_with_cut_emoji(sample):
        return Encoding("utf-8")
    return best_encoding(sample)


def best_encoding(sample: bytes) -> Encoding:
    """Return the encoding in which some bytes, not all of them ASCII, read most like one of its languages."""
    scores = {name: _score(sample, name) for name in _candidates()}
    best, next_best = sorted(scores, key=scores.__getitem__, reverse=True)[:2]
    if not scores[best]:
        return Encoding("cp1252", is_sure=False)
    return Encoding(best, is_sure=scores[best] >= _SURE and scores[best] > 1.25 * scores[next_best])


def _is_utf8_with_cut_emoji(sample: bytes) -> bool:
    """Return whether a sample is UTF-8 but for emoji that a limit in bytes cut."""
    whole, cut = _CUT_EMOJI.subn(b"", sample)
    try:
        whole.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return cut > 0


def _utf16(start: bytes) -> str:
    """Return the form of UTF-16 that a file without a mark has, by where its zero bytes are; ``""`` for none."""
    even, odd = start[::2].count(0), start[1::2].count(0)
    if even + odd <= len(start) // 100:
        return ""
    if odd > 9 * even:
        return "utf-16-le"
    return "utf-16-be" if even > 9 * odd else ""


def _score(sample: bytes, name: str) -> float:
    """Return how much a sample, read in an encoding, looks like one of its languages, from 0 to 1."""
    text = sample.decode(name, "replace")
    beyond = [char for char in text if char > "\x7f" and char not in _SIGNS]
    if not beyond or text.count("\ufffd") * 50 > len(beyond):
        return 0.0
    candidate = _candidates()[name]
    if "language" in candidate:
        return _multibyte_score(beyond, candidate["language"], name)
    alphabets = {language: frozenset(letters + letters.upper()) for language, letters in candidate["letters"].items()}
    if "frequent" in candidate:
        return _script_score(text, beyond, candidate["frequent"], list(alphabets.values()))
    shares = language_shares(_without_ascii_lines(text))
    # What fastText cannot tell counts little.
    return max(max(shares.get(code, 0.0), 0.02) * _alphabet_share(text, beyond, alphabets[code]) for code in alphabets)


def _alphabet_share(text: str, beyond: list[str], letters: frozenset[str]) -> float:
    """Return the share of characters beyond ASCII that are letters of a language; a capital within a word is none."""
    good = sum(char in letters for char in beyond)
    inner = sum(char > "\x7f" and char.isupper() and previous.islower() for previous, char in pairwise(text))
    return max(good - inner, 0) / len(beyond)


def _multibyte_score(beyond: list[str], language: str, name: str) -> float:
    signs = [char for char in beyond if char.isalpha()]
    if not signs or 2 * len(signs) < len(beyond):
        return 0.0
    common = _common(language)
    familiar = sum(char in common for char in signs) / len(signs)
    score = min(1.0, familiar / _USUAL_SHARE)
    # The first half of a set of characters holds those in use; text read in a wrong encoding spreads over all of it.
    plain = sum(_is_in_use(char, name) for char in signs) / len(signs)
    return (0.1 + 0.9 * score) * plain**2


def _script_score(text: str, beyond: list[str], frequent: str, alphabets: list[frozenset[str]]) -> float:
    """Return the score of a script whose letters fastText takes for its language in any order."""
    share = sum(char.lower() in frequent for char in beyond) / len(beyond)
    mixed = sum(map(len, re.findall(r"[a-zA-Z][^\x00-\x7f]+|[^\x00-\x7f]+[a-zA-Z]", text)))
    whole_words = max(0.0, 1 - mixed / len(beyond))  # no word is half Latin
    best = max(_alphabet_share(text, beyond, letters) for letters in alphabets)
    return whole_words * min(1.0, share / 0.65) * best


def _is_in_use(char: str, name: str) -> bool:
    if name == "gb18030":
        lead = char.encode("gb2312", "ignore")[:1]
        return b"\xb0" <= lead <= b"\xd7"
    if name == "big5":
        lead = char.encode("big5", "ignore")[:1]
        return b"\xa4" <= lead <= b"\xc6"
    if name == "cp949":
        return "가" <= char <= "힣" and len(char.encode("euc_kr", "ignore")) == 2
    return "ぁ" <= char <= "ー" or b"\x88" <= char.encode("cp932", "ignore")[:1] <= b"\x98"


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads(files(__package__).joinpath("encodings.toml").read_text(encoding="utf-8"))


def _candidates() -> Mapping[str, Any]:
    """Return the encodings that exports come in besides UTF-8 and UTF-16, in order of preference."""
    return {name: table for name, table in _table().items() if name != "common"}


@cache
def _common(language: str) -> frozenset[str]:
    return frozenset("".join(_table()["common"][language]))


def _without_ascii_lines(text: str) -> str:
    return " ".join(line for line in text.splitlines() if not line.isascii())[:2000]


def _survey(stream: BinaryIO) -> tuple[int, int, bytes]:
    """Count characters outside ASCII that are valid UTF-8 and bytes that are not, and collect lines with the latter."""
    valid = invalid = 0
    sample = bytearray()
    while block := stream.read(BLOCK) + stream.readline():
        if block.isascii():
            continue
        text = block.decode("utf-8", errors="replace")
        broken = text.count("\ufffd") - block.count(b"\xef\xbf\xbd")
        invalid += broken
        valid += _beyond_ascii(text) - broken
        if broken and len(sample) < SAMPLE:
            foreign = [line for line in block.splitlines(keepends=True) if not line.isascii()]
            sample += b"".join(foreign)[: SAMPLE - len(sample)]
    return valid, invalid, bytes(sample)


def _beyond_ascii(text: str) -> int:
    return len(text) - len(text.encode("ascii", errors="ignore"))
