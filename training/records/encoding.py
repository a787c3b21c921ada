"""Opening text whose encoding nobody wrote down."""

from __future__ import annotations

import codecs
import gzip
import io
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO, cast

from charset_normalizer import from_bytes

if TYPE_CHECKING:
    from typing_extensions import Buffer

BLOCK = 1 << 20
SAMPLE = 1 << 16
# What exports really come in besides UTF-8. UTF-16 is told by its mark or by its zero bytes.
LEGACY = ["gb18030", "cp1252", "big5", "shift_jis", "cp1251"]
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def open_binary(path: Path) -> BinaryIO:
    """Open a file for reading bytes, unpacking ``.gz``."""
    return cast("BinaryIO", gzip.open(path, "rb")) if path.suffix.lower() == ".gz" else path.open("rb")


def open_text(path: Path) -> TextIO:
    """Open a file as text in the encoding that `detect_encoding` finds; line ends are left as they are."""
    return io.TextIOWrapper(open_binary(path), encoding=detect_encoding(path), errors="replace", newline="")


class _Utf8(io.RawIOBase):
    """Text of any encoding as a stream of UTF-8 bytes."""

    def __init__(self, text: TextIO) -> None:
        self._text = text

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer)
        data = self._text.read(len(view) // 4).encode()  # a character takes at most four bytes
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._text.close()
        super().close()


def open_utf8(path: Path) -> io.RawIOBase:
    """Open a file as UTF-8 bytes, whatever its encoding: what a parser of JSON reads."""
    return _Utf8(open_text(path))


def detect_encoding(path: Path) -> str:
    """Return the encoding of a text file.

    A byte order mark decides. Otherwise a file that is UTF-8 throughout is UTF-8; so is one in which invalid bytes are
    rare among valid ones (cells cut in the middle of a character). Only then does `charset_normalizer` choose among
    `LEGACY` by the lines that are not ASCII.
    """
    with open_binary(path) as stream:
        start = stream.read(4096)
        for mark, name in MARKS:
            if start.startswith(mark):
                return name
        if start.count(0) > len(start) // 4:
            return "utf-16-le" if start[1::2].count(0) >= start[::2].count(0) else "utf-16-be"
        stream.seek(0)
        valid, invalid, sample = _survey(stream)
    if not invalid or valid > 20 * invalid:
        return "utf-8"
    best = from_bytes(sample, cp_isolation=LEGACY).best()
    return best.encoding if best else "cp1252"


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
