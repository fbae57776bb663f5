"""Where a request comes from. Nobody is believed about it but the proxies that the settings name."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

from starlette.types import Scope


class Addresses:
    """Tells callers' addresses."""

    def __init__(self, trusted: Sequence[IPv4Network | IPv6Network]) -> None:
        self._trusted = trusted

    def of(self, scope: Scope) -> str:
        """The caller's address: the peer's, or behind trusted proxies the last one that no trusted proxy has."""
        client = scope.get("client")
        address: str = client[0] if client else "unknown"
        if not self._trusted or not self._is_trusted(address):
            return address
        for each in reversed(self._forwarded(scope)):
            address = each
            if not self._is_trusted(each):
                break
        return address

    def _forwarded(self, scope: Scope) -> list[str]:
        values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
        listed = [each.strip() for value in values for each in value.split(",")]
        return [each for each in listed if _is_address(each)]

    def _is_trusted(self, address: str) -> bool:
        if not _is_address(address):
            return False
        parsed = ip_address(address)
        return any(parsed in network for network in self._trusted if network.version == parsed.version)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
