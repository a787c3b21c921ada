"""Formats: what a group robot of WeCom, DingTalk or Feishu takes, and what it answers when it did not.

Sources: https://developer.work.weixin.qq.com/document/path/91770 (WeCom),
https://open.dingtalk.com/document/robots/custom-robot-access (DingTalk),
https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot (Feishu).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import httpx

from api.webhooks.messages import Message
from diagnosis.store.subscriptions import Format, Language

__all__ = ["Format", "Language", "chat_request", "refusal"]

ChatRequest = tuple[httpx.URL, Mapping[str, Any]]
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|<>~])")
_WECOM_BYTES = 4096  # of a message's content


def chat_request(chat: Format, url: str, secret: str, message: Message, moment: datetime) -> ChatRequest:
    """Return where a message goes and the JSON that is posted there.

    Parameters
    ----------
    chat : {"wecom", "dingtalk", "feishu"}
    url : str
        The robot's address, its key among it.
    secret : str
        What the robot's settings show where it asks for signatures (DingTalk, Feishu); empty where it does not.
    message : Message
    moment : datetime
        When it is signed.
    """
    return _REQUESTS[chat](httpx.URL(url), secret, message, moment)


def refusal(reply: object) -> str:
    """Return what a robot says it did not take, from its answer's JSON; empty if it took the message.

    All three answer 200 and put the error into the body: `errcode` and `errmsg`, or `code` and `msg`.
    """
    if not isinstance(reply, Mapping):
        return "answered without JSON"
    for code, text in (("errcode", "errmsg"), ("code", "msg")):
        if code in reply:
            return "" if reply[code] == 0 else f"answered {code} {reply[code]}: {str(reply.get(text, ''))[:300]}"
    return "answered without errcode or code"


def _wecom(url: httpx.URL, _secret: str, message: Message, _moment: datetime) -> ChatRequest:
    content = _cut(_markdown(message), _WECOM_BYTES)
    return url, {"msgtype": "markdown", "markdown": {"content": content}}


def _dingtalk(url: httpx.URL, secret: str, message: Message, moment: datetime) -> ChatRequest:
    if secret:
        milliseconds = str(int(moment.timestamp() * 1000))
        signature = _signature(secret.encode(), f"{milliseconds}\n{secret}".encode())
        url = url.copy_merge_params({"timestamp": milliseconds, "sign": signature})
    return url, {"msgtype": "markdown", "markdown": {"title": message.title, "text": _markdown(message)}}


def _feishu(url: httpx.URL, secret: str, message: Message, moment: datetime) -> ChatRequest:
    body: dict[str, Any] = {"msg_type": "text", "content": {"text": _harmless(message.text)}}
    if secret:
        seconds = str(int(moment.timestamp()))
        body |= {"timestamp": seconds, "sign": _signature(f"{seconds}\n{secret}".encode(), b"")}
    return url, body


_REQUESTS: Mapping[str, Callable[[httpx.URL, str, Message, datetime], ChatRequest]] = {
    "wecom": _wecom,
    "dingtalk": _dingtalk,
    "feishu": _feishu,
}


def _signature(key: bytes, text: bytes) -> str:
    return base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()


def _markdown(message: Message) -> str:
    # What people wrote stands in it: a value must not become a link or a mention.
    title, *lines = (_harmless(_MARKUP.sub(r"\\\1", line)) for line in (message.title, *message.lines))
    return "\n\n".join((f"**{title}**", *lines))


def _harmless(text: str) -> str:
    """Return text in which no tag, mention or link begins: robots mention everybody at ``<at user_id="all">``."""
    return text.replace("<", "<\u200b").replace("@", "@\u200b").replace("](", "]\u200b(")


def _cut(text: str, most: int) -> str:
    return text.encode()[:most].decode(errors="ignore")
