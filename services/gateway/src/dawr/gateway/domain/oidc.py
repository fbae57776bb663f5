"""What an identity provider's claims come to, decided purely: a citizen, a member of staff, or nobody here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dawr.gateway.domain.staff import StaffRole, check_name, check_place, plain_login
from dawr.gateway.errors_staff import ProviderRefused


@dataclass(frozen=True, slots=True)
class ClaimNames:
    """The names of the claims that matter here, as the settings say; empty where nobody comes that way."""

    number: str
    login: str
    roles: str
    office: str


@dataclass(frozen=True, slots=True)
class Citizen:
    """Somebody with an identity number."""

    identity_number: str


@dataclass(frozen=True, slots=True)
class Staff:
    """Somebody on the staff, with what the provider says that they may do."""

    login: str
    name: str
    roles: frozenset[StaffRole]
    office: str | None


def who(claims: Mapping[str, Any], names: ClaimNames) -> Citizen | Staff:
    """Who comes. One who has a login and a role here is staff, else one with an identity number a citizen.

    Raises ProviderRefused for nobody, NotALogin, OfficeNeeded, … for staff whose claims do not fit together.
    """
    login = claims.get(names.login) if names.login else None
    roles = _roles(claims.get(names.roles)) if names.roles else frozenset[StaffRole]()
    if isinstance(login, str) and roles:
        return _staff(login, roles, claims, names)
    number = claims.get(names.number) if names.number else None
    if isinstance(number, str) and number:
        return Citizen(number)
    raise ProviderRefused


def _staff(login: str, roles: frozenset[StaffRole], claims: Mapping[str, Any], names: ClaimNames) -> Staff:
    office = claims.get(names.office) if names.office else None
    office = office if isinstance(office, str) and office else None
    check_place(roles, office)
    plain = plain_login(login)
    name = claims.get("name")
    if not isinstance(name, str):
        name = plain
    check_name(name)
    return Staff(plain, name, roles, office)


def _roles(said: object) -> frozenset[StaffRole]:
    """The roles among what the claim lists, or names with spaces between; others are the provider's own matter."""
    listed: Sequence[object] = said.split() if isinstance(said, str) else said if isinstance(said, list) else ()
    known = {role.value: role for role in StaffRole}
    return frozenset(known[each] for each in listed if isinstance(each, str) and each in known)
