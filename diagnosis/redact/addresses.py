"""Mail, IP and MAC addresses."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}(?![A-Za-z0-9_])"
)
_MAC = re.compile(
    r"(?<![0-9A-Za-z:.-])(?:[0-9A-Fa-f]{2}(?P<sep>[:-])(?:[0-9A-Fa-f]{2}(?P=sep)){4}[0-9A-Fa-f]{2}"
    r"|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4})(?![0-9A-Za-z:-]|\.[0-9A-Za-z])"
)
_IPV4 = re.compile(r"(?<![0-9A-Za-z_.-])(?:\d{1,3}\.){3}\d{1,3}(?![0-9A-Za-z_-]|\.[0-9A-Za-z])")
_IPV6 = re.compile(r"(?<![0-9A-Za-z:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![0-9A-Za-z:]|\.[0-9])")
_GLOBAL_GROUP = re.compile(r"(?:[23][0-9a-f]{3}|f[cde][0-9a-f]{2}):", re.IGNORECASE)

# "version 4.3.0.5" is no address.
_VERSION_BEFORE = re.compile(
    r"(?:\bv|\bversion|\bver\.?|\bbuild|\brelease|\brev(?:ision)?\.?|\bfirmware|\bdriver|\bengine|\bbios|\bplugin|\bpatch"
    r"|\bupdate|\bupgraded? to|版本号?|固件|驱动|补丁|升级到|更新到|升级至|更新至)[\s:：=#为是(（]*$",
    re.IGNORECASE,
)
_ADDRESS_BEFORE = re.compile(
    r"(?:\bips?\b|\bipv4|\baddress(?:es)?|\bhost|\bserver|\bping|\bdns|\bgateway|\bfrom|\bto|\bsrc|\bdst|\bsource"
    r"|\bdestination|\btraceroute|\btracert|\btelnet|\bssh|\brdp|\bproxy|\bsubnet|@|//|地址|网关|主机|服务器|代理)[\s:：=为是(（\[]*$",
    re.IGNORECASE,
)
_WINDOW = 24  # characters of context that are read before a number
_SMALL = 32  # four parts all below this read as a version (1.2.3.4) unless something says "address"


def mask_emails(text: str) -> str:
    """Mask mail addresses; ``user@host`` without a domain stays."""
    return _EMAIL.sub("<EMAIL>", text) if "@" in text else text


def mask_macs(text: str) -> str:
    """Mask MAC addresses in the notations of IEEE 802 and Cisco."""
    if max(text.count(":"), text.count("-")) < 5 and text.count(".") < 2:
        return text
    return _MAC.sub(lambda m: "<MAC>" if _is_mac(m[0]) else m[0], text)


def mask_ips(text: str) -> str:
    """Mask IPv4 and IPv6 addresses; loopback, net masks and four-part versions stay."""
    if text.count(".") >= 3:
        text = _IPV4.sub(lambda m: "<IP>" if _is_ipv4(m) else m[0], text)
    if text.count(":") >= 2:
        text = _IPV6.sub(lambda m: "<IP>" if _is_ipv6(m[0]) else m[0], text)
    return text


def _is_mac(address: str) -> bool:
    """Rule out dates (``16-10-26-12-05-33``) and numbers (``1234.5678.9012``): they have no hexadecimal letter."""
    return ":" in address or not address.replace("-", "").replace(".", "").isdigit()


def _is_ipv4(match: re.Match[str]) -> bool:
    try:
        address = IPv4Address(match[0])
    except AddressValueError:
        return False
    if address.is_loopback or address.is_unspecified or match[0].startswith("255."):
        return False
    context = match.string[max(0, match.start() - _WINDOW) : match.start()]
    if _VERSION_BEFORE.search(context):
        return False
    small = all(int(part) < _SMALL for part in match[0].split("."))
    next_chars = match.string[match.end() : match.end() + 2]
    is_labelled = _ADDRESS_BEFORE.search(context) or re.match(r"[:/]\d", next_chars)
    return not small or address.is_private or bool(is_labelled)


def _is_ipv6(text: str) -> bool:
    """Rule out times (``12:34:56``) and C++ names (``a::b``): an address has many groups or a known first one."""
    try:
        address = IPv6Address(text)
    except AddressValueError:
        return False
    groups = [group for group in text.split(":") if group]
    return not address.is_loopback and (len(groups) >= 3 or bool(_GLOBAL_GROUP.match(text)))
