"""Which network an address of a client is counted as."""

from __future__ import annotations

import ipaddress


def network_of(address: str) -> str:
    """Return what counts as one client: an IPv4 address, an IPv6 network (/64), else the text as it is.

    Examples
    --------
    >>> network_of("203.0.113.7"), network_of("2001:db8:1:2:3::4")
    ('203.0.113.7', '2001:db8:1:2::/64')

    A socket that listens on ``::`` names IPv4 clients by IPv6 addresses; each is one client still.

    >>> network_of("::ffff:203.0.113.7")
    '203.0.113.7'
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:  # a Unix socket has none
        return address
    if parsed.version == 6 and parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)
