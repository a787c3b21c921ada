"""Error codes and ids in a text: what has to be found exactly as it is written."""

from __future__ import annotations

import re
import string
from functools import lru_cache

# Letters and digits together (0x80070005, ORA-12154, KB0000042), or a number that is called an error or a code. Both
# kinds stand near its beginning: to look further from every word of a rule of dashes or a long path would take seconds.
_NEAR = r"[A-Za-z0-9_.\-]{0,80}"
_MIXED = rf"(?<![A-Za-z0-9])(?=[A-Za-z0-9])(?={_NEAR}[0-9])(?={_NEAR}[A-Za-z])[A-Za-z0-9]+(?:[-_.:][A-Za-z0-9]+)*"
_CALLED = r"(?:error|code|event|id|错误|代码|错误码)[\s:：#(]*([0-9]{3,})"
_CODE = re.compile(rf"{_CALLED}|({_MIXED})", re.IGNORECASE)
_WORD_OR_NUMBER = re.compile(r"[^0-9]*|[^A-Za-z]*")
_MIN_LENGTH = 4  # "v2" and "p1" name nothing
_WITHIN = frozenset(string.ascii_lowercase + string.digits)  # beside one of these, a code is part of a longer word


@lru_cache(maxsize=64)  # both corpora are asked the same, to find and to rank
def codes_of(text: str) -> tuple[str, ...]:
    """Return the codes and ids of a text in lower case, in order, each once.

    Examples
    --------
    >>> codes_of("ORA-12154 after update, error 809, 0x80070005 twice: 0x80070005")
    ('ora-12154', '809', '0x80070005')
    """
    called = ((match[1], match[2]) for match in _CODE.finditer(text))
    return tuple(dict.fromkeys(number or code.lower() for number, code in called if number or _is_mixed(code)))


def _is_mixed(code: str) -> bool:
    """Tell whether letters and digits stand in the code itself: in "on..2" the pattern sees the digit behind it."""
    return len(code) >= _MIN_LENGTH and not _WORD_OR_NUMBER.fullmatch(code)


def holds(text: str, code: str) -> bool:
    """Return whether a text holds a code as a whole word, ignoring case."""
    lowered = text.lower()
    start = lowered.find(code)  # not by a pattern: to compile one for each code costs more than all the looking
    while start >= 0:
        stop = start + len(code)
        if lowered[start - 1 : start] not in _WITHIN and lowered[stop : stop + 1] not in _WITHIN:
            return True
        start = lowered.find(code, start + 1)
    return False
