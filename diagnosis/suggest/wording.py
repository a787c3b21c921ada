"""What a resolution says: whether it says anything, and whether two of them say the same. English and Chinese."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain

import numpy as np
import numpy.typing as npt

from diagnosis.text.chinese import chinese_words, simplified
from diagnosis.text.person_names import is_person_name, is_unlisted_name
from diagnosis.text.tokens import HAN, tokenise

# What people write into a resolution field that is no resolution. A Chinese word that is made of these says nothing.
_EMPTY_PHRASES = re.compile(
    r"(?:用户|客户|同事|经|与|已经|已|问题|故障|工单|事件|报修|报障|申请|处理|解决|修复|修好|恢复|关闭|关单|结单|完成|完毕|"
    r"搞定|正常|使用|可以|可用|现在|目前|成功|确认|回访|反馈|沟通|联系|电话|远程|协助|后|好了|没有|没|无|不用|不|需要|无需|"
    r"暂|同上|如上|见|附件|备注|之前|以上|谢谢|您好|你好|请|吧|了|的|并|为|由|此|单|测试|通过|合并|"
    r"撤销|取消|重复|误报|自行|自动|自愈|消失|暂无|未知|其他|略|重启|重新|启动|电脑|计算机|设备|机器|系统|关机|开机|一下|再次|再|"
    r"未|未能|无法|不能|最|复现|重现|再现|出现|回复|回应|响应|应答|接听|答复|予|临时|措施|方案)+",
)
_FILLERS = """
a above again all already also an and any are as asked at attached auto automatically be been below by call called
caller canceled cancelled case client close closed closing comment comments complete completed confirm confirmed
confirming contacted customer dear did do does done duplicate everything expected fine fix fixed follow followed
following for from good handled has have he hello hi i in incident information is issue issues it its itself kind
know left let like me mentioned message n na nil no none normal not note notes now of off ok okay on once other our
per please problem problems provided re reached ready regards reported request requested requester resolution
resolve resolved resolving result same see self she should since so solution solved spoke successfully sure taken
task test tested thank thanks that the their them there they this ticket to today unknown up update updated user
users v very via was we well were will with work worked working works yes you your
"""
_EMPTY_WORDS = frozenset(_FILLERS.split())
# Nor is that nobody answered, that it did not come again, or the bare name of what was done.
_NOTHING_DONE = """
answer answered answering apply applied auto automatically can cannot could couldn disappeared dup dupe duplicated
duplicates gone healed invalid merge merged no-one nobody occur occurred occurring recovered replicate replicated
replies reply replied reproduce reproduced reproducible respond responded responding response self-healed unable
unreachable unreproducible went won wont wontfix workaround workarounds
"""
# Nor is a restart of the whole machine, which everybody has tried.
_RESTART_WORDS = """
computer cycled device laptop machine pc power reboot rebooted rebooting restart restarted restarting system
"""
# A resolution that only points to another report of the same: nothing was done here.
_POINTS_ELSEWHERE = re.compile(
    r"\W*(?:(?:this|it) (?:is|was) )?(?:closed )?(?:as )?(?:a )?"
    r"(?:duplicate(?:d|s)? (?:of|ticket|incident|request|call|report|entry)\b|merged (?:in|into|with|to)\b)"
    r"[^.;!]*[.;!]?\s*"
    r"|\W*(?:此单|该单|本单)?(?:重复(?:报障|报修|提单|提交|工单|事件|申报|单)|与[^，。；]*重复)[^。；]*[。；]?\s*"
    r"|\W*(?:已)?(?:并入|合并(?:到|至|入))[^。；]*[。；]?\s*",
    re.IGNORECASE,
)
# A restart that helped for the moment: a workaround, and no more than that.
_RESTARTED_FOR_NOW = re.compile(
    r"\W*(?:restart|reboot)(?:ed)?\b[^.;!]*\b(?:for now|for the moment|temporarily)\b[^.;!]*[.!]?\s*"
    r"|\W*(?:已)?(?:重启|重新启动)[^.;。；]*(?:暂时|临时)[^.;。；]*[。.]?\s*",
    re.IGNORECASE,
)
_TEAM = (
    r"(?:teams?|groups?|desk|help ?desk|service ?desk|l[1-4]|(?:level|tier)[ -]?[1-4]"
    r"|(?:1st|2nd|3rd|first|second|third)[ -](?:line|level)|support|vendor|supplier|provider|manufacturer|department"
    r"|dept|colleagues?|operations|queue|admins?|administrators?|engineers?|technicians?|manager|noc|soc)"
)
_SUBJECT = (
    r"\W*(?:(?:the |this )?(?:ticket|incident|issue|case|request|call|problem|it) )?(?:(?:was|is|has been|been) )?"
)
# Whom it was given to, or who has done it: not what was done.
_DONE = "(?:done|handled|processed|dealt with|completed|closed|managed|fixed|resolved|solved)"
_GIVEN_AWAY = re.compile(
    rf"{_SUBJECT}(?:escalated|re-?assigned|forwarded|handed (?:over|off))(?: back| on)? to "
    rf"(?!.*\b(?:kb|article|guide)).+"
    rf"|{_SUBJECT}(?:transferred|assigned|routed|dispatched|referred|passed|sent|moved|raised|logged)"
    rf"(?: back| on| over)?(?: with| to) .*\b{_TEAM}\W*"
    rf"|{_SUBJECT}{_DONE} by .*\b{_TEAM}\W*",
    re.IGNORECASE,
)
_DONE_BY = re.compile(rf"{_SUBJECT}{_DONE} by (\w+)(?: \w+)?\W*", re.IGNORECASE)
_CHINESE_TEAM = (
    "(?:一线|二线|三线|[Ll][1-4]|组|部|部门|团队|厂商|厂家|供应商|运维|同事|工程师|网管|管理员|专家|客服|负责人)"
    "(?:人员)?"
)
_CHINESE_DONE = (
    "(?:进行|来|去|负责)?(?:处理|跟进|解决|处置|协助|排查|查看|检查|修复|恢复|完成|搞定)(?:完毕|完成|好|中|了)*"
)
_CHINESE_GIVEN_AWAY = re.compile(
    rf"\W*(?:已经|已|现)?(?:转交|转派|转单|转|移交|移送|派单|指派|升级|上报|提交|反馈|通知|联系)(?:给|到|至|了)*"
    rf"\w{{0,10}}?{_CHINESE_TEAM}(?:{_CHINESE_DONE})?\W*"
    rf"|\W*(?:已经|已)?由?\w{{0,8}}?{_CHINESE_TEAM}(?:已经|已)?{_CHINESE_DONE}\W*"
)
_CHINESE_DONE_BY = re.compile(rf"\W*(?:(?:已经|已)?由([{HAN}]{{2,4}}?)|([{HAN}]{{2,4}}?)(?:已经|已)){_CHINESE_DONE}\W*")
_CHINESE_UNREACHED = re.compile(
    r"\W*(?:多次)?(?:联系不上|无法联系|未联系上|联系未果|打不通)(?:到|上)?(?:用户|客户|报障人|电话)?\W*"
)
_NO_FIX = _EMPTY_WORDS | frozenset((_RESTART_WORDS + _NOTHING_DONE).split())
_RESTARTED = frozenset({"restarted", "rebooted", "relaunched"})
# Behind a restart: why, when or how, which is more than that it was restarted; and words that are not.
_TELLING_WORDS = """
after because before by cause due following from if in into once reason since so through to until using via when with
without 因 因为 由于 导致 原因 通过 以 按 用
"""
_TELLS_HOW = frozenset(_TELLING_WORDS.split())
_IS_STATE = frozenset({"affected", "failed", "impacted", "related", "required"})
_MOST_OBJECTS = {"en": 4, "zh": 2}  # words of what was restarted; more of them say something else
_REPORTING_WORDS = "已 已经 了 过 完 完成 完毕 恢复 正常 恢复正常 解决 好 可以 可用 成功 修复"
_REPORTS = frozenset(_REPORTING_WORDS.split(" "))
_CONNECTING_WORDS = "and then but also 后 并 并且 然后 之后 以后 再 同时"
_NEXT_STEP = frozenset(_CONNECTING_WORDS.split(" "))
_SENTENCE_END = re.compile(r"[;；。！？\n]+|[.!?]+(?=\s|$)")
_CLAUSE_END = re.compile(r"[,，、:：]+(?!\d)|\s+[-–—]+\s+")
_WORD = re.compile(rf"(?P<han>[{HAN}]+)|[^\W{HAN}]+(?:['’-][^\W{HAN}]+)*")
_SHARED = 0.6  # of the words of both together
_CONTAINED = 0.9  # of the words of the shorter one, if it has as many as this:
_TELLING = 5
_REMEMBERED = 4_096  # resolutions whose words are kept at hand
_VARYING = re.compile(r"\d")
_NUMBER = re.compile(r"[a-z]{2,6}[-_]?\d{4,}")  # of a record: "duplicate of INC0012345" says nothing
_SHORT_NUMBER = re.compile(r"[a-z]{1,8}[-_]?\d+")  # the same, beside a word for duplicates
_DUPLICATE = frozenset({"dup", "dupe", "duplicate", "duplicated", "duplicates", "merged", "重复", "合并"})


# The same resolutions are found again and again.
@lru_cache(maxsize=_REMEMBERED)
def says_nothing(resolution: str) -> bool:
    """Return whether a resolution field holds no resolution: empty, ``done``, ``fixed, user confirmed``, ``已处理``.

    Nor is one a pointer to another report (``Duplicate INC12``), who was given it or has done it (``escalated to L2``,
    ``张三已处理``), that nobody answered or nothing came again, and that something was restarted and no more:
    ``Restarted the inference service.``, ``已重启服务器``. A restart with its cause or a further step is one, and so is
    one that is told as an instruction and names more than the machine: ``restart the router``, ``重启路由器``.

    Examples
    --------
    >>> [says_nothing(text) for text in ("Restarted the queue", "Restarted the queue after a deadlock", "重启路由器")]
    [True, False, False]
    """
    resolution = simplified(resolution)
    if _POINTS_ELSEWHERE.fullmatch(resolution) or _RESTARTED_FOR_NOW.fullmatch(resolution):
        return True
    return all(map(_is_empty_sentence, _SENTENCE_END.split(resolution)))


def _is_empty_sentence(sentence: str) -> bool:
    if _POINTS_ELSEWHERE.fullmatch(sentence) or _RESTARTED_FOR_NOW.fullmatch(sentence):
        return True
    clauses = [clause for clause in _CLAUSE_END.split(sentence) if clause.strip()]
    words_of_clauses = [_words(clause) for clause in clauses]
    words = frozenset(chain.from_iterable(words_of_clauses))
    if words & _DUPLICATE:
        words_of_clauses = [[w for w in part if not _SHORT_NUMBER.fullmatch(w)] for part in words_of_clauses]
    is_report = bool(words & _REPORTS)
    return all(
        _is_given_away(clause) or all(_is_empty_part(part, is_report) for part in _parts(part_words))
        for clause, part_words in zip(clauses, words_of_clauses, strict=True)
    )


def _words(clause: str) -> list[str]:
    """Return the words of a clause in small letters; Chinese ones are those of the dictionary."""
    words: list[str] = []
    for match in _WORD.finditer(clause.lower().replace("’", "'")):
        words += chinese_words(match[0]) if match["han"] else [match[0]]
    return words


def _parts(words: Sequence[str]) -> list[list[str]]:
    """Return the words of each step."""
    parts: list[list[str]] = [[]]
    for word in words:
        if word in _NEXT_STEP:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def _is_given_away(clause: str) -> bool:
    """Return whether a clause says only whom something was given to, or who has done it."""
    if _GIVEN_AWAY.fullmatch(clause) or _CHINESE_GIVEN_AWAY.fullmatch(clause) or _CHINESE_UNREACHED.fullmatch(clause):
        return True
    if by := _DONE_BY.fullmatch(clause):
        return is_person_name(by[1])
    by = _CHINESE_DONE_BY.fullmatch(clause)
    return by is not None and is_unlisted_name(by[1] or by[2])


def _is_empty_part(words: Sequence[str], is_report: bool) -> bool:
    left = [word for word in words if len(word) > 1 and not _is_empty_word(word)]
    # A single character left over between Chinese phrases is a particle or a cut-off name, not an instruction.
    if not left:
        return True
    if _TELLS_HOW.intersection(words):
        return False
    if _RESTARTED.intersection(words):
        objects = [word for word in left if word not in _IS_STATE]
        return len(objects) <= _MOST_OBJECTS["en"] and not any(word.endswith("ed") for word in objects)
    return is_report and "重启" in "".join(words).replace("重新启动", "重启") and len(left) <= _MOST_OBJECTS["zh"]


def _is_empty_word(word: str) -> bool:
    if word[0] > "\u2e7f":
        return _EMPTY_PHRASES.fullmatch(word) is not None
    parts = [part for part in re.split(r"['-]", word) if len(part) > 1] if word not in _NO_FIX else []
    is_number = not any(map(str.isalpha, word)) or _NUMBER.fullmatch(word) is not None
    return is_number or all(part in _NO_FIX for part in parts)


@lru_cache(maxsize=_REMEMBERED)
def content(resolution: str) -> frozenset[str]:
    """Return the tokens that carry what a resolution says: without small words, and without numbers and ids."""
    tokens = tokenise(resolution)
    words = frozenset(t for t in tokens if t not in _EMPTY_WORDS and (t.isalpha() or not _VARYING.search(t)))
    return words or frozenset(tokens)


@lru_cache(maxsize=_REMEMBERED)
def canonical(resolution: str) -> str:
    """Return a text that is equal for resolutions that differ in order, case, punctuation, numbers and ids alone."""
    return " ".join(sorted(content(resolution)))


def same(contents: Sequence[frozenset[str]]) -> npt.NDArray[np.bool_]:
    """Return which contents say the same: most of both is shared, or nearly all of the shorter one.

    Returns
    -------
    ndarray of bool, shape (n, n)
        Symmetric; each says the same as itself, unless it says nothing.
    """
    distinct = {words: row for row, words in enumerate(dict.fromkeys(contents))}  # copied from one another, often
    column = {word: place for place, word in enumerate(frozenset().union(*distinct))}
    sizes = np.fromiter(map(len, distinct), dtype=np.intp, count=len(distinct))
    cells = np.fromiter(map(column.__getitem__, chain.from_iterable(distinct)), dtype=np.intp, count=sizes.sum())
    incidence = np.zeros((len(distinct), len(column)), dtype=np.float32)
    incidence[np.repeat(np.arange(len(distinct)), sizes), cells] = 1.0
    shared = (incidence @ incidence.T).astype(np.float64)  # counts, so exact
    union = sizes[:, None] + sizes - shared
    shorter = np.minimum(sizes[:, None], sizes)
    alike: npt.NDArray[np.bool_] = (union > 0) & (shared >= _SHARED * union)
    alike |= (shorter >= _TELLING) & (shared >= _CONTAINED * shorter)
    places = np.array([distinct[words] for words in contents], dtype=np.intp)
    return alike[np.ix_(places, places)]
