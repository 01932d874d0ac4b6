"""Which addresses a download may go to. Resolves names and judges the result; opens no connection.

An address that a provider's answer names must not make this machine ask its own network (server-side
request forgery).
"""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import httpx

from engine.errors import BadRequestError, NotSentError

SERVICE = "download"
"""The name under which errors of downloads are reported."""

type Resolver = Callable[[str, int], Awaitable[list[str]]]
"""(host, port) to IP addresses, best first. Raises OSError."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
# RFC 4291, and IANA's register: nothing outside of it belongs to anybody on the internet.
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
# RFC 6052: IPv6 addresses of a NAT64 gateway end in the IPv4 address that they stand for.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Destination:
    """A checked URL. Connect to one of `addresses` and to nothing else: a second look-up may differ."""

    url: httpx.URL
    addresses: tuple[str, ...]


def host_and_port(url: str | httpx.URL) -> str:
    """`host:port` of an http or https URL, lower case, the scheme's default port filled in.

    Raises BadRequestError `unsafe_url` for any other URL.
    """
    try:
        parsed = httpx.URL(url)
        host, port = parsed.raw_host.decode("ascii").lower(), parsed.port
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise _refused("the address of a picture", f"cannot be read: {error}") from error
    if parsed.scheme not in _DEFAULT_PORTS:
        raise _refused("the address of a picture", f"begins with {parsed.scheme!r}, not with http or https")
    if not host or (port or 0) > 65_535:
        raise _refused("the address of a picture", "names no host, or no possible port")
    bracketed = f"[{host}]" if ":" in host else host
    return f"{bracketed}:{port or _DEFAULT_PORTS[parsed.scheme]}"


def hosts_of(base_urls: Iterable[str]) -> frozenset[str]:
    """The `host:port` of each configured base URL: these may be private, because the user chose them."""
    return frozenset(host_and_port(url) for url in base_urls)


async def check_url(
    url: str | httpx.URL, allowed_private_hosts: frozenset[str], resolve: Resolver
) -> Destination:
    """Resolve the host and refuse every address that is not a public one, unless its `host:port` is allowed.

    All addresses of the name have to be public, or lead to where an allowed host listens. Raises
    BadRequestError `unsafe_url`, NotSentError.
    """
    location = host_and_port(url)
    parsed = httpx.URL(url)
    if parsed.userinfo:
        raise _refused(location, "carries a user name or password")
    host, _, port = location.rpartition(":")
    try:
        addresses = await resolve(host.strip("[]"), int(port))
    except (OSError, UnicodeError) as error:
        raise NotSentError(
            SERVICE,
            f"the host {host} is not known: {error}",
            hint="Check the network connection.",
        ) from error
    private = [address for address in addresses if not is_public(address)]
    if private and location not in allowed_private_hosts:
        # A service may name itself by another of its names: localhost for 127.0.0.1.
        own = await _addresses_on_port(port, allowed_private_hosts, resolve)
        addresses = [address for address in private if address in own]
        if not addresses:
            raise _refused(location, f"leads to {private[0]}, which is not a public address")
    return Destination(parsed.copy_with(fragment=None), tuple(addresses))


async def _addresses_on_port(port: str, allowed: frozenset[str], resolve: Resolver) -> set[str]:
    """Every address of the configured hosts that listen on `port`."""
    found: set[str] = set()
    for location in allowed:
        host, _, its_port = location.rpartition(":")
        if its_port == port:
            with contextlib.suppress(OSError, UnicodeError):
                found.update(await resolve(host.strip("[]"), int(port)))
    return found


def is_public(address: str) -> bool:
    """False for loopback, private, link-local (with the clouds' metadata service), site-local, shared, multicast,
    reserved and unspecified addresses of both families, and for IPv6 addresses that stand for such an IPv4
    address."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    judged = _embedded_ipv4(ip) or ip if isinstance(ip, ipaddress.IPv6Address) else ip
    if isinstance(judged, ipaddress.IPv6Address) and judged not in _GLOBAL_UNICAST:
        return False
    return judged.is_global and not judged.is_multicast


async def resolve_with_system(host: str, port: int) -> list[str]:
    """The addresses that the system's resolver names, in its order.

    Every spelling of an IPv4 address that some resolvers accept (`127.1`, `0x7f.1`, `2130706433`) is read
    here, so that the answer does not depend on the resolver.
    """
    try:
        return [socket.inet_ntoa(socket.inet_aton(host))]
    except OSError:
        pass  # a name, or IPv6
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _embedded_ipv4(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip.sixtofour is not None:
        return ip.sixtofour
    if ip.teredo is not None:
        return ip.teredo[1]
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    return None


def _refused(what: str, why: str) -> BadRequestError:
    return BadRequestError(
        SERVICE,
        f"not fetched: {what} {why}",
        hint="If the service runs in your own network, set its base URL to this host and port.",
        code="unsafe_url",
    )
