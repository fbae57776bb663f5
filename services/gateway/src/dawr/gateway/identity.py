"""Identity numbers, codes and addresses under secrets: nothing of them is kept or sent in clear.

An identity number has so few values that a bare hash of it could be reversed by trying them all; the pepper, which is
in no table and no topic, is what prevents that.
"""

import hashlib
import hmac
import secrets
from ipaddress import IPv6Address, ip_address
from uuid import UUID, uuid5

import orjson
from cryptography.fernet import Fernet

from dawr.contracts.ids import DAWR
from dawr.gateway.domain.digits import plain_digits
from dawr.gateway.errors import NotAnIdentityNumber

_PEOPLE = uuid5(DAWR, "person")
NUMBER_DIGITS = 11
CODE_DIGITS = 6


class Identity:
    """Hashes under the pepper. One secret makes them all; what each is for keeps them apart."""

    def __init__(self, pepper: str) -> None:
        self._pepper = pepper.encode()

    def person_id(self, identity_number: str) -> UUID:
        """The person whom a number names: always the same opaque id. Raises NotAnIdentityNumber."""
        digits = plain_digits(identity_number)
        if len(digits) != NUMBER_DIGITS or not (digits.isascii() and digits.isdigit()):
            raise NotAnIdentityNumber
        return uuid5(_PEOPLE, self._digest("identity", digits).hex())

    def code(self, person_id: UUID, code: str) -> bytes:
        """What is kept of a code, 32 bytes; no use without the pepper, nor for another person."""
        return self._digest("code", f"{person_id}/{plain_digits(code)}")

    def address(self, address: str) -> bytes:
        """What is counted for an address, 32 bytes. Of IPv6 the /64 counts: it is one subscriber's."""
        try:
            parsed = ip_address(address)
        except ValueError:
            return self._digest("address", address)
        if isinstance(parsed, IPv6Address):
            if parsed.ipv4_mapped is not None:
                return self._digest("address", str(parsed.ipv4_mapped))
            return self._digest("address", parsed.packed[:8].hex())
        return self._digest("address", str(parsed))

    def login(self, login: str) -> bytes:
        """What wrong tries for a login of staff are counted under, 32 bytes: anything can be typed there."""
        return self._digest("login", login.strip().lower())

    def recovery_code(self, account_id: UUID, code: str) -> bytes:
        """What is kept of a recovery code of staff, 32 bytes; it has too many values to be found by trying."""
        return self._digest("recovery", f"{account_id}/{code.lower().replace('-', '').replace(' ', '')}")

    def oidc_subject(self, issuer: str, subject: str) -> bytes:
        """What is kept of an identity provider's name for somebody, 32 bytes."""
        return self._digest("oidc", f"{issuer}\n{subject}")

    def _digest(self, purpose: str, text: str) -> bytes:
        return hmac.new(self._pepper, f"{purpose}:{text}".encode(), hashlib.sha256).digest()


class Seal:
    """Closes what only notifications may open: Fernet tokens of JSON, under the first of the keys that both share."""

    def __init__(self, keys: str) -> None:
        """Keys with commas between, as notifications takes them; ValueError if the first is none."""
        self._fernet = Fernet(keys.split(",", maxsplit=1)[0].strip())

    def close(self, **content: object) -> str:
        """The sealed text of a JSON object."""
        return self._fernet.encrypt(orjson.dumps(content)).decode()


def new_code() -> str:
    """Six random digits."""
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"


def nobodys_code() -> bytes:
    """What is kept in place of a code's hash for a number that nobody registered: no code has this hash."""
    return secrets.token_bytes(32)
