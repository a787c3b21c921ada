"""Personal data and secrets, masked before anything is stored.

The masks are ``<EMAIL> <PHONE> <NATIONAL_ID> <CARD> <IP> <MAC> <SECRET>``: each keeps its type and can be switched off.
Error codes, record numbers, versions, times and hashes stay.
"""

from __future__ import annotations

from typing import Final

from diagnosis.errors import InputError
from diagnosis.phrases import Phrase
from diagnosis.redact.addresses import mask_emails, mask_ips, mask_macs
from diagnosis.redact.credentials import mask_secrets
from diagnosis.redact.identities import mask_cards, mask_national_ids
from diagnosis.redact.phones import mask_phones

# In order of application: what is surest first, so that an account number is not taken for a telephone.
_MASKS: Final = {
    "SECRET": mask_secrets,
    "EMAIL": mask_emails,
    "MAC": mask_macs,
    "IP": mask_ips,
    "NATIONAL_ID": mask_national_ids,
    "CARD": mask_cards,
    "PHONE": mask_phones,
}
# Chinese input methods type digits full-width; every numbering plan below is written in ASCII.
_HALF_WIDTH: Final = str.maketrans("０１２３４５６７８９＠＋", "0123456789@+")
ALL_KINDS: Final = frozenset(_MASKS)
_REMEMBERED: Final = 256  # texts, twice
_LONGEST_REMEMBERED: Final = 4_000  # characters


class Redactor:
    """Masks personal data and secrets in text, in English, Chinese and German surroundings.

    Parameters
    ----------
    kinds : frozenset of str
        The kinds to mask, by the name that the mask bears; the others are left as they are.

    Raises
    ------
    InputError
        If a kind is unknown.

    Examples
    --------
    >>> Redactor().redact("请联系 13800138000，错误 0x80070005，密码：abc123")
    '请联系 <PHONE>，错误 0x80070005，密码：<SECRET>'
    """

    def __init__(self, kinds: frozenset[str] = ALL_KINDS) -> None:
        if unknown := set(kinds) - ALL_KINDS:
            raise InputError(
                Phrase("masked_kinds_unknown", {"kinds": tuple(sorted(ALL_KINDS)), "unknown": tuple(sorted(unknown))})
            )
        self.kinds = frozenset(kinds)
        self._spotless: set[str] = set()
        self._spotless_before: set[str] = set()

    def redact(self, text: str) -> str:
        """Return the text with what is personal or secret replaced by masks; applying it again changes nothing.

        Full-width digits become half-width.
        """
        if text in self._spotless or text in self._spotless_before:
            return text
        masked = self._until_nothing_is_left(text)
        if masked == text:
            self._remember(text)
        return masked

    def _until_nothing_is_left(self, text: str) -> str:
        if not text.isascii():
            text = text.translate(_HALF_WIDTH)
        # A mask may free what touched it (two numbers without a gap): mask until nothing is left to mask, which ends
        # because every mask takes letters or digits away and none is ever taken for personal data.
        while (masked := self._masked(text)) != text:
            text = masked
        return text

    def _remember(self, text: str) -> None:
        """Remember a text without personal data: an incident is diagnosed, stored and taken in within a second."""
        if len(self._spotless) >= _REMEMBERED:
            self._spotless_before, self._spotless = self._spotless, set()  # each one step, for any number of threads
        if len(text) <= _LONGEST_REMEMBERED:
            self._spotless.add(text)

    def _masked(self, text: str) -> str:
        for kind, mask in _MASKS.items():  # each looks first, cheaply, for a sign of its kind
            if kind in self.kinds:
                text = mask(text)
        return text
