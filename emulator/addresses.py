"""Which names mean this machine."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address


def is_loopback(host: str) -> bool:
    """Whether one of the host's addresses is loopback or unspecified: what `listen` can be at."""
    return any(each.is_loopback or each.is_unspecified for each in addresses_of(host))


def is_this_machine(host: str) -> bool:
    """Whether a host is this machine: loopback, unspecified, or one of our own addresses."""
    return is_loopback(host) or bool(addresses_of(host) & addresses_of(socket.gethostname()))


def addresses_of(host: str) -> set[IPv4Address | IPv6Address]:
    """The addresses that a name resolves to; empty if there are none."""
    try:
        infos = socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        return set()
    found = {ip_address(str(info[4][0]).partition("%")[0]) for info in infos}
    return {getattr(each, "ipv4_mapped", None) or each for each in found}
