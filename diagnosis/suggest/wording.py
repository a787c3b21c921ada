"""What a resolution says: whether it says anything, and whether two of them say the same. English and Chinese."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain

import numpy as np
import numpy.typing as npt

from diagnosis.text.tokens import tokenise

# What people write into a resolution field that is no resolution. All of it gone, a word must be left.
_EMPTY_PHRASES = re.compile(
    r"(?:用户|客户|同事|经|与|已经|已|问题|故障|工单|事件|报修|申请|处理|解决|修复|修好|恢复|关闭|关单|结单|完成|完毕|"
    r"搞定|正常|使用|可以|可用|现在|目前|成功|确认|回访|反馈|沟通|联系|电话|远程|协助|后|好了|没有|没|无|不用|不需要|"
    r"暂|同上|如上|见上|见附件|见备注|谢谢|您好|你好|请|吧|了|的|并|为|由|已由|此|单|ok|测试|通过|"
    r"撤销|取消|重复|误报|自行|自动|暂无|未知|其他|略|重启|重新启动|电脑|计算机|设备|机器|系统|关机|开机|一下|再次|后)",
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
# Nor is a restart of the whole machine, which everybody has tried; one of a service or a spooler is.
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
_NO_FIX = _EMPTY_WORDS | frozenset(_RESTART_WORDS.split())
_SHARED = 0.6  # of the words of both together
_CONTAINED = 0.9  # of the words of the shorter one, if it has as many as this:
_TELLING = 5
_REMEMBERED = 4_096  # resolutions whose words are kept at hand
_VARYING = re.compile(r"\d")
_NUMBER = re.compile(r"[a-z]{2,6}_?\d{4,}")  # of a record: "duplicate of INC0012345" says nothing


# The same resolutions are found again and again.
@lru_cache(maxsize=_REMEMBERED)
def says_nothing(resolution: str) -> bool:
    """Return whether a resolution field holds no resolution: empty, ``done``, ``fixed, user confirmed``, ``已处理``.

    That the machine was restarted is no fix either: it comes back, and everybody has tried it. Nor is a restart that
    helped for now, or a pointer to another report: ``duplicate of an earlier incident``, ``重复报障``.
    """
    if _POINTS_ELSEWHERE.fullmatch(resolution) or _RESTARTED_FOR_NOW.fullmatch(resolution):
        return True
    words = re.findall(r"\w+", _EMPTY_PHRASES.sub(" ", resolution.lower()))
    left = [word for word in words if word not in _NO_FIX and not word.isdigit() and not _NUMBER.fullmatch(word)]
    # A single character left over between Chinese phrases is a particle or a cut-off name, not an instruction.
    return not any(len(word) > 1 for word in left)


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
