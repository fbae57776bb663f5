"""Where a request comes from. Nobody is believed about it but the proxies that the settings name."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from starlette.types import Scope

_SAYS_A_PROXY = (b"forwarded", b"via", b"x-real-ip")


class Operators:
    """Tells who may read what is meant for operators, `/metrics` and `/readyz`: whoever connects from one of their
    networks, and not through a proxy. What a header says of an address is never asked, only whether one says it."""

    def __init__(self, networks: Sequence[IPv4Network | IPv6Network]) -> None:
        self._networks = networks

    def __call__(self, scope: Scope) -> bool:
        client = scope.get("client")
        if not client or not _is_in(client[0], self._networks):
            return False
        names = [name for name, _ in scope["headers"]]
        return not any(name in _SAYS_A_PROXY or name.startswith(b"x-forwarded-") for name in names)


class Addresses:
    """Tells callers' addresses."""

    def __init__(self, trusted: Sequence[IPv4Network | IPv6Network]) -> None:
        self._trusted = trusted

    def of(self, scope: Scope) -> str:
        """The caller's address: the peer's, or behind trusted proxies the last one that no trusted proxy has."""
        client = scope.get("client")
        address = _plain(client[0]) if client else "unknown"
        if not self._trusted or not self._is_trusted(address):
            return address
        for each in reversed(self._forwarded(scope)):
            address = _plain(each)
            if not self._is_trusted(each):
                break
        return address

    def _forwarded(self, scope: Scope) -> list[str]:
        values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
        listed = [each.strip() for value in values for each in value.split(",")]
        return [each for each in listed if _is_address(each)]

    def _is_trusted(self, address: str) -> bool:
        return _is_in(address, self._trusted)


def _is_in(address: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    if not _is_address(address):
        return False
    parsed = _parsed(address)
    return any(parsed in network for network in networks if network.version == parsed.version)


def _plain(address: str) -> str:
    """The address as others tell it, so that one caller is not two."""
    return str(_parsed(address)) if _is_address(address) else address


def _parsed(address: str) -> IPv4Address | IPv6Address:
    """The address; of an IPv4 peer on a socket that listens for IPv6 too (`::ffff:10.0.0.1`), its own."""
    parsed = ip_address(address)
    return parsed.ipv4_mapped or parsed if isinstance(parsed, IPv6Address) else parsed


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
