"""Workarounds as resolutions word them: what calls itself one, and what only restored service. English and Chinese.

ITIL: a workaround restores service and leaves the cause.
"""

from __future__ import annotations

import re

# What is temporary by its nature, or was given out for a time: of these the word says nothing of the fix.
_ENGLISH_THINGS = (
    r"(?:internet |network |user |system |guest |admin |local |work )*"
    r"(?:files?|folders?|director(?:y|ies)|profiles?|passwords?|accounts?|tables?|tablespaces?|certificates?|access"
    r"|badges?|credentials|logins?|permissions?|rights|licen[cs]es?|tokens?|links?|keys?|space|storage|data|variables?"
    r"|staff|workers?|employees?|contractors?|hires?|office|workplaces?|assignments?"
    r"|outages?|failures?|errors?|glitch(?:es)?|issues?|problems?|interruptions?|disruptions?|spikes?)\b"
)
_CHINESE_THINGS = (
    r"(?:用户|系统|缓存|网络|工作|管理员?|访客|数据|下载|登录|办公|安装|访问|本地)*"
    r"(?:文件|目录|账号|帐号|账户|帐户|密码|口令|配置|表|证书|权限|授权|许可|令牌|链接|密钥|变量|空间|存储|数据|磁盘"
    r"|身份|通行|门禁|访客|卡|工(?!作|具|程|单)|用工|人员|员工|岗|聘|外包|会议|任务|需求|通知|出差|办公|工位|座位|项目|建筑"
    r"|故障|中断|断网|断电|停电|抖动|波动|异常|问题|报错|错误)"
)
_CALLED = re.compile(
    rf"work[- ]?around|for (?:now|the moment)\b|temporarily(?! (?:un\w+able|down|offline|overloaded|busy|absent)\b)"
    rf"|temporary(?! {_ENGLISH_THINGS})"
    r"|interim(?! (?:managers?|heads?|staff|reports?|reviews?|accounts?|statements?)\b)"
    rf"|临时(?!性?的?{_CHINESE_THINGS})"
    rf"|暂时(?!性?的?{_CHINESE_THINGS}|[还仍尚]?(?:没|无|未|不(?:能|支持|会|允|可|具备|需|存在)))"
    r"|绕过|规避|替代方案"
    r"|应急(?:措施|方案|处理|处置|切换|恢复|修复|抢修|启用|改用|使用|替换|替代|放行)"
    r"(?!的?(?:小组|流程|预案|演练|手册|培训|机制|能力|中心|人员|指南|制度|计划))",
    re.IGNORECASE,
)
_CALLED_OFF = re.compile(
    r"\b(?:no|without(?: an?| any)?|not an?|(?:remov|replac|revert|undo|end)\w*(?: the| a)?)"
    r"(?: (?:further|more|temporary))? work[- ]?arounds?"
    r"|work[- ]?arounds? (?:(?:is|are|was|were) )?(?:removed|(?:no longer|not) (?:needed|required|necessary))\b"
    r"|(?:不再|无需|无须|不用|不必|不需要|取消|撤销|去除|去掉|移除)[^，。；,.;]{0,4}(?:规避|绕过|替代方案|临时|应急)(?:方案|措施|处理)?",
    re.IGNORECASE,
)
_RESTORED = re.compile(
    r"restart|reboot|power[- ]?cycl|reset|re-?login|logged (?:off|out)|clear(?:ed)? (?:the )?(?:cache|cookies)|killed"
    r"|monitoring (?:for|the|it)\b|(?:will|shall|continu(?:e|ing) to) monitor\b"
    r"|could not reproduce|unable to reproduce|went away"
    r"|重启|重新启动|重置|清(?:除|理|空)(?:了)?缓存|重新登录|未复现|无法复现|自行恢复|继续观察",
    re.IGNORECASE,
)


def calls_itself_workaround(text: str) -> bool:
    """Return whether close code or resolution say that it is a workaround.

    That something was restarted does not say so: of a service it may be the fix.

    Examples
    --------
    >>> [calls_itself_workaround(text) for text in ("临时切换到备用线路", "发放临时账号", "Deleted temporary files")]
    [True, False, False]
    """
    return _CALLED.search(_CALLED_OFF.sub(" ", text)) is not None


def reads_like_workaround(text: str) -> bool:
    """Return whether they say so, or name only what agents do to restore service: restart, reset, wait and see."""
    return _RESTORED.search(text) is not None or calls_itself_workaround(text)
