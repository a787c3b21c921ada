"""What a state says of a clock: that the caller or a third party is waited for, or that the incident has ended.

Whole states are known, not words in them: who waits for support, for an assignment or for its turn waits for the desk,
whose clock runs; what is being resolved has not ended.
"""

from __future__ import annotations

import re
import unicodedata

_PARTY = (
    r"(?:customer|client|caller|user|end[ -]?user|requester|requestor|reporter|employee|vendor|supplier|manufacturer"
    r"|provider|third[ -]party|3rd[ -]party|external(?: party)?|(?:spare )?parts?)"
)
_ANSWER = (
    r"(?:action|response|reply|answer|feedback|input|info(?:rmation)?|details|evidence|confirmation|acceptance"
    r"|verification|availability|delivery|acknowledge?ment)"
)
# ServiceNow's and HP Service Manager's reasons for a hold, and Zammad's and OTRS's times to come back to a ticket.
_REASON = r"(?:problem|change|evidence|reminder|(?:auto[ -])?clos(?:e|ure)[ +-]*)"
_WAITS_FOR = (
    rf"(?:(?:for|on|from) )?(?:the |an? )?(?:more )?(?:{_PARTY}(?:'?s)?(?: {_ANSWER})?"
    rf"|{_ANSWER}(?: from (?:the )?{_PARTY})?|{_REASON})"
)
_HOLD = r"(?:put |placed )?on[ -]?hold|hold|suspended|stalled|paused|(?:已|被)?(?:挂起|暂停)中?"
_PARTY_ZH = (
    r"(?:最终)?(?:用户|客户|报障人|报修人|申请人|提单人|来电人|报告人|提交人"
    r"|供应商|厂商|厂家|第三方|外部|备件|配件)(?:方|单位)?"
)
_ANSWER_ZH = (
    r"(?:回复|反馈|答复|回应|响应|确认|验证|验收|处理|解决|配合|操作"
    r"|提供(?:信息|资料)|补充(?:信息|资料|材料)?|到货|到位)"
)
_ON_HOLD = re.compile(
    rf"(?:{_HOLD})(?:\W.*)?(?<!released)(?<!removed)"
    rf"|pending(?:\W+(?:(?:awaiting|waiting) )?{_WAITS_FOR}\W?)?"
    rf"|(?:awaiting|waiting) {_WAITS_FOR}"
    rf"|{_PARTY} (?:pending|hold)"
    rf"|(?:正在|仍在)?等?待(?:{_PARTY_ZH}的?{_ANSWER_ZH}?|反馈|回复|答复)中?"
    r"|等待(?:提醒|关闭|变更|问题)"
    r"|en attente"
)
_ENDED = re.compile(
    r"(?:auto[ -]?)?(?:closed|resolved|solved|done|completed?|finished|fixed|cancell?ed|merged|withdrawn)(?:\W.*)?"
    r"|cancel|close|rejected|declined|duplicate"
    r"|已?(?:自动)?(?:关闭|解决|取消|完成|结束|办结|结案|归档|撤销|作废|合并)(?:\W.*)?"
    r"|已(?:关闭|解决|完成|办结)[,，、]?待.*"
    r"|已处理|已拒绝|处理(?:完成|完毕|结束)|已?(?:关单|销单)"
)
# It has ended, but is yet to be closed.
_RESOLVED = re.compile(r"(?:auto[ -]?)?(?:resolved|solved|fixed)|已?(?:自动)?解决|已?处理|已(?:完成|办结)[,，、]?待")
_NUMBERED = re.compile(r"^(?:\d+\s*[-.:)、]\s*|[\s_]+)")
_REOPENED = re.compile(r"re-?open|重新打开|重开")


def is_on_hold(state: str) -> bool:
    """Return whether a state says that the caller or a third party is waited for.

    Examples
    --------
    >>> [is_on_hold(state) for state in ("On Hold", "Waiting for customer", "等待用户反馈", "stalled")]
    [True, True, True, True]
    >>> [is_on_hold(state) for state in ("Waiting for support", "Awaiting Assignment", "等待处理", "Pending approval")]
    [False, False, False, False]
    """
    return _ON_HOLD.fullmatch(_plain(state)) is not None


def says_ended(state: str) -> bool:
    """Return whether a state says that an incident has ended, at whatever time.

    Examples
    --------
    >>> [says_ended(state) for state in ("Closed", "Closed (Permanently)", "Completed", "Rejected", "已完成", "完成")]
    [True, True, True, True, True, True]
    >>> [says_ended(state) for state in ("Unresolved", "Closing", "Cancel requested", "解决中", "待关闭", "未完成")]
    [False, False, False, False, False, False]
    """
    plain = _plain(state)
    return _ENDED.fullmatch(plain) is not None and _REOPENED.search(plain) is None


def says_closed(state: str) -> bool:
    """Return whether a state says that an incident has ended for good, and not only that it was resolved.

    Examples
    --------
    >>> [says_closed(state) for state in ("Closed", "Cancelled", "已关闭", "Resolved", "已解决", "In Progress")]
    [True, True, True, False, False, False]
    """
    return says_ended(state) and _RESOLVED.match(_plain(state)) is None


def _plain(state: str) -> str:
    return _NUMBERED.sub("", " ".join(unicodedata.normalize("NFKC", state).casefold().split()))
