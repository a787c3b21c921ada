"""Secrets: private keys, tokens, credentials in addresses, and what stands after "password"."""

from __future__ import annotations

import re

_PRIVATE_KEY = re.compile(
    r"-----BEGIN (?P<kind>[A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?)-----.*?(?:-----END (?P=kind)-----|\Z)", re.DOTALL
)
_URL_CREDENTIAL = re.compile(
    r"(?P<scheme>\b[A-Za-z][A-Za-z0-9+.-]{1,20}://)(?!<SECRET>@)[^\s/@:<>]{0,64}:[^\s/@<>]{1,128}@"
)
_BEARER = re.compile(r"\b(?P<scheme>Bearer|Basic|Token)\s+(?=[^\s]*\d)[A-Za-z0-9._~+/-]{16,}=*", re.IGNORECASE)
# Keys that tell themselves by their first letters, as their makers document it.
_KEY = re.compile(
    r"(?<![A-Za-z0-9_-])(?:"
    r"(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{16}"  # AWS
    r"|gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}|glpat-[A-Za-z0-9_-]{20,64}"
    r"|xox[abprs]-[A-Za-z0-9-]{10,}"  # Slack
    r"|[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"  # Stripe
    r"|sk-[A-Za-z0-9_-]{20,}"
    r"|AIza[A-Za-z0-9_-]{35}"  # Google
    r"|LTAI[A-Za-z0-9]{12,24}|AKID[A-Za-z0-9]{32}"  # Alibaba Cloud, Tencent Cloud
    r"|eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"  # JSON Web Token, RFC 7519
    r")(?![A-Za-z0-9_-])"
)
_LABEL = (
    r"(?:(?<![A-Za-z])(?:pass ?word|passwd|passwort|kennwort|passphrase|pwd|pw|psswd|passcode|pin(?: code)?"
    r"|secret(?:[ _-]?key)?|(?:api|access|private|auth|account)[ _-]?(?:key|token|secret)|token|client[ _-]secret"
    r"|credential)s?"
    r"|密码|密碼|口令|秘钥|密钥|令牌|验证码)"
)
# One of these stands in every label: a search for them is a hundred times cheaper than for the labels.
_LABEL_SIGNS = (
    "pass",
    "pw",
    "psswd",
    "kennwort",
    "pin",
    "key",
    "secret",
    "token",
    "credential",
    "密码",
    "密碼",
    "口令",
    "秘钥",
    "密钥",
    "令牌",
    "验证码",
)
# In quotes the secret may hold blanks; bare it ends at one. A mask that stands there already is none.
_PRINTABLE = r"(?:(?!<[A-Z_]+>)[!#-&(-~])"
_VALUE = rf"(?:[\"'“](?P<quoted>(?:{_PRINTABLE}| ){{4,128}})(?=[\"'”])|[\"'“]?(?P<bare>{_PRINTABLE}{{4,128}}))"
_GAP = r"[^\S\n]{0,3}"
# After a colon anything that is not a status is the secret; after "is" or "to" only what looks like one.
_LABELLED = re.compile(rf"{_LABEL}[\"']?{_GAP}(?:[:：=]|->|=>){_GAP}{_VALUE}", re.IGNORECASE)
_IN_SENTENCE = re.compile(
    rf"{_LABEL}(?: (?:was |has been )?(?:re)?set)?{_GAP}"
    rf"(?:is|are|was|ist|lautet|to|auf|是|为|改为|重置为|改成|设为)(?: now)?{_GAP}{_VALUE}",
    re.IGNORECASE,
)
_STATUS = re.compile(
    r"(?:0x[0-9a-f]{4,8}|n/?a|none|null|nil|true|false|yes|no|not|unknown|expired?|expires|expiring|reset|locked"
    r"|unlocked|lockout|incorrect|wrong|invalid|failed|failure|fail|forgotten|forgot|missing|required|empty|blank|changed?|error|issue|issues"
    r"|problem|please|help|user|unable|cannot|can't|does|doesn't|need|needs|the|this|that|for|and|with|when|abgelaufen|falsch"
    r"|vergessen|gesperrt|zurücksetzen|nicht|bitte|https?://.*|\$[a-z_]+|\$\{\w+\}|%\w+%|\$\(.*|read-host.*|\*+|x+|_+|-+|\.+)",
    re.IGNORECASE,
)
_TRAILING = re.compile(r"[\"'`.,;:!?)\]}>]+$")


def mask_secrets(text: str) -> str:
    """Mask private keys, tokens, credentials in addresses, and the value after a word for "password"."""
    if "PRIVATE KEY" in text:
        text = _PRIVATE_KEY.sub("<SECRET>", text)
    if "://" in text and "@" in text:
        text = _URL_CREDENTIAL.sub(r"\g<scheme><SECRET>@", text)
    lowered = text.lower()
    if "bearer" in lowered or "basic" in lowered or "token" in lowered:
        text = _BEARER.sub(r"\g<scheme> <SECRET>", text)
    text = _KEY.sub("<SECRET>", text)
    if not any(word in lowered for word in _LABEL_SIGNS):
        return text
    text = _LABELLED.sub(lambda m: _masked(m, sure=True), text)
    return _IN_SENTENCE.sub(lambda m: _masked(m, sure=False), text)


def _masked(match: re.Match[str], sure: bool) -> str:
    secret = match["quoted"] or match["bare"]
    value = _TRAILING.sub("", secret)
    names_field = value.isalpha() and secret[len(value) :].startswith(":")  # "token:Kind: job": a list of fields
    if names_field or len(value) < 4 or _STATUS.fullmatch(value) or not (sure or _looks_secret(value)):
        return match[0]
    return f"{match[0][: -len(secret)]}<SECRET>{secret[len(value) :]}"


def _looks_secret(value: str) -> bool:
    return any(char.isdigit() for char in value) and any(char.isalpha() for char in value)
