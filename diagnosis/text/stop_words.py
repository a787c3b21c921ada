"""Small words of English and Chinese that say nothing of a fault, so that no reason and no marking rests on them."""

from __future__ import annotations

import re

from diagnosis.text.chinese import chinese_words
from diagnosis.text.tokens import HAN

_ENGLISH = """
a about after again all already also always am an and any are as ask asked at back be because been before being both
but by call came can cannot come could did do does doing done down each either else even ever every everything few for
from get gets getting give given go goes going gone got had has have having hello help her here hers hi him his how i
if in into is it its just keep keeps know let like little look lot lots many may me might more most much must my need
needs never
new no not nothing now of off often ok on once one only or other our out over own per please put re same say says see
seem seems she should since so some somebody someone something sometimes soon still such sure take than thank thanks
that the their them then there these they thing things this those though through to today together told too try trying
two under until up upon us use used uses using very want was way we well were what when where which while who whole why
will with within without work would yes yet you your yours
"""
_CHINESE = """
一下 一个 一些 一样 一直 一般 一起 不了 不能 不行 不要 不会 不到 不是 不过 东西 为了 为什么 么 之前 之后 之类 也
了 事情 什么 今天 从 他们 他 们 以前 以后 以及 但 但是 使用 依然 便 偶尔 像 其他 再 刚刚 别人 到 前 又 发现 变
只 可以 可能 各位 同事 后 吗 吧 呢 和 哪 啊 因为 因此 在 地 大家 好 好像 如果 如何 它 对 就 就是 已 已经 帮 帮忙
常 平时 并 并且 应该 开始 当 很 得 您 您好 情况 想 感觉 感谢 我 我们 所以 所有 所有人 才 才能 把 提示 操作 是
最近 有 有时 有点 有的 某 根本 每 每天 每次 没 没有 然后 现在 用 用户 的 看 看到 知道 而且 自己 处理 解决 让 说
请 请问 谢谢 越来越 跟 还 还是 这 这个 这些 这样 进行 这里 通过 那 那个 都 里 问题 随时 非常 麻烦 能 总 总是
经常 被 你 你们 你好 我的 你的 他的 您的 先生 女士 小姐
"""
STOP_WORDS = frozenset((_ENGLISH + _CHINESE).split())
# Words of letters and of the hour: they stand beside every fault, and search and models may read them; no reason does.
_OF_LETTERS = """
able afternoon all another anybody anyone apologies appreciate appreciated apr april asap attached aug august best bye
can cant cheers colleague colleagues couldn couldnt currently day days dear dec december didn didnt doesn doesnt don
dont dr due earlier evening everybody everyone eve faithfully feb february folks following fri friday fyi good great
greetings guys hallo hasn hasnt haven hey hope hour hours however immediately inform informed isn isnt jan january jul
july jun june kind kindly later latest madam mar minute minutes mon monday month months morning mr mrs ms night noon nov
november oct october past per possible previously quickly really recently regard regarding regards respectfully sat
saturday sep september sincerely sir sirs sorry sun sunday team thx thu thursday tomorrow tonight truly tue tuesday
unable unfortunately urgency urgent urgently usual usually wasn wasnt wed wednesday week weekend weeks wish won wont
wouldn wouldnt work working works yesterday yours
i'm i've i'd i'll we're we've we'll you're you've they're he's she's it's that's there's let's can't couldn't didn't
doesn't don't hasn't haven't isn't aren't wasn't weren't won't wouldn't shouldn't
bitte danke freundlich freundliche freundlichen gruß grüße gruss gruesse guten heute gestern liebe mfg morgen tag viele
vielen
凌晨 清早 清晨 一早 早上 早晨 上午 中午 下午 傍晚 晚上 夜里 今早 今晨 今晚 昨天 昨日 昨晚 前天 明天 明日 后天 今日 近日
近期 目前 当前 刚 刚才 周一 周二 周三 周四 周五 周六 周日 周末 星期一 星期二 星期三 星期四 星期五 星期六 星期日 星期天
本周 上周 下周 本月 上月 上个月 这周 几天 两天 小时 分钟 半天 多次 好几次 再次 又 尽快 尽早 紧急 急 加急 急需 马上 立刻
立即 及时 无法 没法 不能 没办法 需要 希望 求助 协助 帮助 拜托 辛苦 敬礼 此致 祝好 顺祝 商祺 老师 同事 领导 大神 早安
午安 晚安 万分 十分 特别 比较 太 真的 其实 突然 忽然 一会儿 一会
"""
SMALL_WORDS = STOP_WORDS | frozenset(_OF_LETTERS.split())
# Words of grammar and politeness, and those that say only that it happens again, which stand beside every fault: a
# question asks the same without them. No "down", "no" or "cannot".
_GRAMMAR = """
a again always am an and are been but constantly dear for had has have he hello her hi him his i i'm if in into is it
it's its just keep keeping keeps kept kindly let me my of often on or our ours please pls she since so some still thank
thanks that the their them then there these they this those to us was we were with would you your
一下 也 了 从 他 他们 你 你们 你好 吗 吧 呢 和 啊 啦 因为 在 大家 她 它 对 就 已 已经 并 帮 帮忙 很 您 您好 感谢 我 我们
所以 把 是 有 有点 的 着 老 老是 被 请 请问 谢谢 跟 还 还是 这 这个 这些 那 那个 都 非常 麻烦 一直 总 总是
经常 又 再 地 得
"""
GRAMMAR_WORDS = frozenset(_GRAMMAR.split())
_RUN = re.compile(rf"[{HAN}]+|(?<![\w./\\-])[A-Za-z]+(?:['’][A-Za-z]+)?(?![\w/\\-]|\.\w)")  # no part of a code or path


def without_grammar(text: str) -> str:
    """Return a text without words of grammar and politeness; whole if it holds no others.

    Examples
    --------
    >>> without_grammar("我的打印机一直卡纸")
    '打印机 卡纸'
    >>> without_grammar("my printer keeps jamming, please help me")
    'printer jamming, help'
    """
    shorter = re.sub(" +", " ", _RUN.sub(_telling_words, text)).strip()
    return shorter if any(map(str.isalnum, shorter)) else text


def _telling_words(run: re.Match[str]) -> str:
    """Return a word, or a run of Chinese, without words of grammar."""
    text = run[0]
    if text[0].isascii():
        is_grammar = text.replace("’", "'").lower() in GRAMMAR_WORDS
        return "" if is_grammar and not (text.isupper() and (len(text) > 1 or _is_designation(run))) else text
    return "".join(" " if word in GRAMMAR_WORDS else word for word in chinese_words(text)).strip()


def _is_designation(letter: re.Match[str]) -> bool:
    """Return whether a capital names something: ``drive I:``, and ``Hall A``, which no sentence begins with."""
    before = letter.string[: letter.start()].rstrip(" ")
    is_inside = bool(before) and (before[-1].isalnum() or before[-1] in "\"'(“‘（")
    return letter.string[letter.end() :].startswith((":", "：")) or (letter[0] == "A" and is_inside)


def tells_something(word: str) -> bool:
    """Whether a word can stand as a reason: no small word or word of letters, and no character cut from a longer word.

    Examples
    --------
    >>> [word for word in ("vpn", "the", "月结", "结", "809", "Regards", "don’t", "昨天", "C") if tells_something(word)]
    ['vpn', '月结', '809']
    """
    return len(word) > 1 and word.casefold().replace("’", "'") not in SMALL_WORDS
