"""Which addresses may be called, and how long: a name is resolved once, every address is checked, and a call ends.

A webhook's URL comes from a person or a system, so it must not become a way into the network behind us (server-side
request forgery), neither by a private address nor by a name that resolves to another one when it is asked again (DNS
rebinding). Redirects are not followed, and proxies from the environment are not used.

A call has a deadline as a whole (`api.http.deadlines`): a slow receiver, or a silent name server, would hold a thread,
and the deliveries to everybody else, for as long as it likes.
"""

from __future__ import annotations

import ipaddress
import math
import ssl
from collections.abc import Callable, Sequence
from functools import cache

import httpcore
import httpx

from api.http.deadlines import Deadline, TimedNetwork, addresses_of, look_up_in_time
from api.telemetry import current_trace
from diagnosis.errors import InputError
from diagnosis.phrases import Phrase

LookUp = Callable[[str, int], Sequence[str]]
_LOOK_UP_SECONDS = 10.0
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Reserved by the IANA special-purpose registries, though Python 3.11 takes them for global, and one public address at
# which Azure tells every machine inside it secrets of its own.
_RESERVED = tuple(
    map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "3fff::/20", "fec0::/10"))
)
# Ports of services that would take a request for their own protocol: https://fetch.spec.whatwg.org/#port-blocking
_REFUSED_PORTS = frozenset(
    (
        *(1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109),
        *(110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530),
        *(531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045),
        *(4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080),
        *(3306, 5432, 6379, 9200, 11211, 27017),  # databases and caches
    )
)


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
    is_special = ip.is_multicast or ip.is_reserved or any(ip in network for network in _RESERVED)
    return ip.is_global and not is_special


def resolve(
    host: str, port: int, allow_private: bool, look_up: LookUp = addresses_of, seconds: float = _LOOK_UP_SECONDS
) -> str:
    """Return one address of a host, after checking all of them; the name is looked up once.

    Parameters
    ----------
    host : str
    port : int
    allow_private : bool
        Whether private, loopback and link-local addresses may be called.
    look_up : callable, optional
        From host and port to addresses; the system's resolver unless given.
    seconds : float
        How long it may take.

    Raises
    ------
    AddressRefusedError
        If any address is private, loopback, link-local or otherwise not public, or the port is that of another
        service than the web, and that is not allowed.
    httpx.ConnectError
        If the name does not resolve, or not in time.
    """
    if port in _REFUSED_PORTS and not allow_private:
        raise AddressRefusedError(Phrase("port_refused", {"port": port}))
    try:
        addresses = look_up_in_time(host, port, seconds, look_up)
    except (OSError, UnicodeError) as error:
        raise httpx.ConnectError(f"{host} does not resolve: {error}") from error
    refused = [address for address in addresses if not is_public(address)]
    if refused and not allow_private:
        raise AddressRefusedError(Phrase("address_not_public", {"host": host, "address": refused[0]}))
    return addresses[0]


class PinnedTransport(httpx.BaseTransport):
    """Sends a request to the address that was checked, under the name that was asked for.

    Parameters
    ----------
    allow_private : bool
        Whether private, loopback and link-local addresses may be called.
    seconds : float
        When everything sent by this transport must be over, from now.
    look_up : callable, optional
        See `resolve`.
    """

    def __init__(self, allow_private: bool, seconds: float, look_up: LookUp = addresses_of) -> None:
        self.allow_private = allow_private
        self.look_up = look_up
        self._deadline = Deadline(seconds)
        self._plain = httpx.HTTPTransport(verify=_authorities(), trust_env=False)
        # httpx has no argument for the network beneath, so the pool is put in its place. No connection is kept: the
        # pool knows addresses only, and would use one host's connection for another's.
        self._plain._pool = httpcore.ConnectionPool(
            ssl_context=_authorities(),
            max_keepalive_connections=0,
            network_backend=TimedNetwork(self._deadline),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        host, port = request.url.host, request.url.port or (443 if request.url.scheme == "https" else 80)
        timeout = request.extensions.get("timeout", {}).get("connect")
        left = self._deadline.left(timeout, httpx.ConnectTimeout)
        address = resolve(host, port, self.allow_private, self.look_up, left)
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


@cache
def _authorities() -> ssl.SSLContext:
    """Return the authorities that this machine trusts: to read them for each call would take longer than most calls."""
    return ssl.create_default_context()


def checked_client(allow_private: bool, timeout: float, look_up: LookUp = addresses_of) -> httpx.Client:
    """Return an HTTP client for many calls to one system: as `client`, but each step has `timeout` seconds."""
    return _client(PinnedTransport(allow_private, math.inf, look_up), timeout)


def client(allow_private: bool, timeout: float, look_up: LookUp = addresses_of) -> httpx.Client:
    """Return an HTTP client for one call, which may be of several requests.

    It calls checked addresses only, follows no redirect, and gives up `timeout` seconds from now, whatever arrives.
    """
    return _client(PinnedTransport(allow_private, timeout, look_up), timeout)


def _client(transport: PinnedTransport, timeout: float) -> httpx.Client:
    trace = current_trace()
    return httpx.Client(
        transport=transport,
        timeout=timeout,
        follow_redirects=False,
        trust_env=False,
        headers={"User-Agent": "Faultwise/1"} | ({"traceparent": trace} if trace else {}),
    )
