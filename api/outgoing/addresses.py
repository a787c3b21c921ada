"""Which addresses may be called: a name is resolved once, every address is checked, and the connection goes to it.

A webhook's URL comes from a person or a system, so it must not become a way into the network behind us (server-side
request forgery), neither by a private address nor by a name that resolves to another one when it is asked again (DNS
rebinding). Redirects are not followed, and proxies from the environment are not used.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable, Sequence

import httpx

from diagnosis.errors import InputError

LookUp = Callable[[str, int], Sequence[str]]
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressRefusedError(InputError):
    """A URL that leads to an address that may not be called."""


def is_public(address: str) -> bool:
    """Return whether an IP address is one of the public internet, looking through IPv4 inside IPv6."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inside = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inside = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inside is not None:
            return is_public(str(inside))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def addresses_of(host: str, port: int) -> list[str]:
    """Return the addresses that the system's resolver gives for a host.

    Raises
    ------
    OSError
        If the name does not resolve.
    """
    return [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def resolve(host: str, port: int, allow_private: bool, look_up: LookUp = addresses_of) -> str:
    """Return one address of a host, after checking all of them; the name is looked up once.

    Parameters
    ----------
    host : str
    port : int
    allow_private : bool
        Whether private, loopback and link-local addresses may be called.
    look_up : callable, optional
        From host and port to addresses; the system's resolver unless given.

    Raises
    ------
    AddressRefusedError
        If any address is private, loopback, link-local or otherwise not public, and that is not allowed.
    httpx.ConnectError
        If the name does not resolve.
    """
    try:
        addresses = look_up(host, port)
    except (OSError, UnicodeError) as error:
        raise httpx.ConnectError(f"{host} does not resolve: {error}") from error
    refused = [address for address in addresses if not is_public(address)]
    if refused and not allow_private:
        raise AddressRefusedError(f"expected a public address; found {host} at {refused[0]}, which may not be called")
    return addresses[0]


class PinnedTransport(httpx.BaseTransport):
    """Sends a request to the address that was checked, under the name that was asked for.

    Parameters
    ----------
    allow_private : bool
        Whether private, loopback and link-local addresses may be called.
    look_up : callable, optional
        See `resolve`.
    """

    def __init__(self, allow_private: bool, look_up: LookUp = addresses_of) -> None:
        self.allow_private = allow_private
        self.look_up = look_up
        # No connection is kept: the pool knows addresses only, and would use one host's connection for another's.
        self._plain = httpx.HTTPTransport(
            verify=ssl.create_default_context(), trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        host, port = request.url.host, request.url.port or (443 if request.url.scheme == "https" else 80)
        address = resolve(host, port, self.allow_private, self.look_up)
        pinned = httpx.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=request.headers,
            stream=request.stream,
            # The certificate is checked against the name, not the address.
            extensions={**request.extensions, "sni_hostname": host},
        )
        return self._plain.handle_request(pinned)

    def close(self) -> None:
        """Close every connection."""
        self._plain.close()


def client(allow_private: bool, timeout: float, look_up: LookUp = addresses_of) -> httpx.Client:
    """Return an HTTP client that calls checked addresses only, follows no redirect and gives up after `timeout` s."""
    return httpx.Client(
        transport=PinnedTransport(allow_private, look_up),
        timeout=timeout,
        follow_redirects=False,
        trust_env=False,
        headers={"User-Agent": "Faultwise/1"},
    )
