"""Greetings before what is said of a fault, and requests, thanks and names after it; English and Chinese."""

from __future__ import annotations

import re

_STOP = r"[\s,，.。!！?？:：;；~～-]"
_NAME = r"[A-Z][a-z'-]+(?: [A-Z][a-z.'-]*){0,2}"  # no SAP, no VPN
_HELLO = (
    r"(?i:hi|hello|hey|dear|good (?:morning|afternoon|evening|day))"
    r"(?: (?i:all|team|there|everyone|colleagues|sirs?|madam|support|it|(?:help ?|service )?desk|or|and)){0,4}"
    rf"(?: {_NAME})?"
    r"|(?:各位|大家|老师|管理员|同事|早上|上午|中午|下午|晚上|[您你])+们?好[啊呀]?"
)
_REQUEST = (
    r"(?i:(?:please|(?:can|could|would) (?:you|someone|anyone|somebody)(?: please| kindly)?) help(?: me| us| out)*)"
    r"|请问(?:一下)?"
    r"|(?:麻烦|请|烦请|恳请|望|希望|辛苦)(?:各位|大家|你们|您|尽快|尽早|及时|马上|帮忙|协助|帮|看看|看|查|处理|解决|支持|安排|跟进|一下|下)+"
)
_THANKS = (
    r"(?i:(?:many thanks|thanks|thank you|thx|cheers|(?:(?:best|kind|warm) )?regards)"
    r"(?: (?:a lot|so much|very much|much|in advance|for your (?:help|support)|team|all|again|and regards))*)"
    r"|(?:非常|十分|万分|多)?(?:谢谢|感谢|多谢|辛苦)(?:各位|大家|你们|您|了|啦)*"
)
_OPENING = re.compile(rf"\s*(?:{_HELLO}|{_REQUEST})\s*[,，.。!！?？:：;；~～\n]+\s*")
_CLOSING = re.compile(
    rf"(?:^|\s*[,，.。!！?？;；~～\n]+)\s*(?:(?:{_REQUEST})|(?:{_THANKS})(?:{_STOP}+(?:{_NAME}|[一-鿿]{{2,3}}))?){_STOP}*$"
)
_FAR = 200  # characters from either end: no courtesy is longer
_MOST = 4  # at either end


def without_courtesies(text: str) -> str:
    """Return a text, or a title and the text below it, without greeting, request for help, thanks and name around it.

    What is nothing but courtesies comes back whole.

    Examples
    --------
    >>> without_courtesies("您好，打印机一直卡纸，麻烦尽快处理，谢谢！张伟")
    '打印机一直卡纸'
    >>> without_courtesies("Hi team, could you please help, my printer jams, thanks, John")
    'my printer jams'
    """
    title, _, body = text.partition("\n")
    parts = [part for part in (_core(title), _core(body)) if any(map(str.isalnum, part))]
    return "\n".join(parts) or text


def _core(text: str) -> str:
    for _ in range(_MOST):
        if match := _OPENING.match(text, 0, _FAR):
            text = text[match.end() :]
        if match := _CLOSING.search(text, max(0, len(text) - _FAR)):
            text = text[: match.start()]
    return text
