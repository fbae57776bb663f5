"""Contacts: what the gateway registers, what people choose; kept sealed, opened only to be used."""

import re
from collections.abc import Collection
from dataclasses import replace
from typing import Any, get_args
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.contracts.notifications import RegisterContact
from dawr.notifications.domain import Contact, Language, Way
from dawr.notifications.errors import NotSealed
from dawr.notifications.sealing import Seals
from dawr.notifications.store import contacts
from dawr.servicekit import telemetry
from dawr.servicekit.database import Transaction

_log = telemetry.get_logger("dawr.notifications")

EMAIL = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}$"
"""A mail address as HTML's `input type=email` takes it, with a dot in its domain (WHATWG HTML, 4.10.5.1.5)."""
_REGISTERED_EMAIL = r"^[^@\s,;<>]{1,64}@[^@\s,;<>]{1,189}$"
"""What the gateway takes; an address that no server would take fails when it is used, not here."""
PHONE = r"^\+[1-9][0-9]{6,14}$"
"""E.164."""


SIGN_UP = "sign-up-code"
"""The template whose message goes to the address that is sealed within it, and nowhere else: its person is not
registered yet. That address is for this one message; it is gone with the seal once the message is sent."""


async def register(tx: Transaction, request: RegisterContact, seals: Seals) -> None:
    """Keep the addresses that the gateway knows of a person; refuses what is not sealed with our key."""
    content = seals.open(request.sealed)
    checked = {
        "email": _matching(_REGISTERED_EMAIL, content.get("email")),
        "phone": _matching(PHONE, content.get("phone")),
        "language": _one_of(get_args(Language), content.get("language")),
    }
    await contacts.register(tx.connection, request.person_id, seals.seal(checked), tx.now)


def sealed_within(content: dict[str, Any]) -> Contact:
    """Where a message goes that has its address within; raises NotSealed if there is none, or it can't be one."""
    email, phone = (_matching(_REGISTERED_EMAIL, content.get("email")), _matching(PHONE, content.get("phone")))
    if email is None and phone is None:
        raise NotSealed
    return Contact(registered_email=email, registered_phone=phone)


def contact_within(person: UUID, sealed: str | None, seals: Seals) -> Contact:
    """The same for a message that waits: without an address once it was sent, or if the seal's key is gone."""
    content = _content(person, sealed, seals)
    return Contact() if content is None else sealed_within(content)


def _matching(pattern: str, value: Any) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > 254 or not re.fullmatch(pattern, value):
        raise NotSealed
    return value


def _one_of(allowed: Collection[str], value: Any) -> str | None:
    if value is not None and value not in allowed:
        raise NotSealed
    return value if value is None else str(value)


async def choose(tx: Transaction, person: UUID, chosen: Contact, seals: Seals) -> Contact:
    """Keep what a person chose, in place of what they chose before; how they are told from now on."""
    content = {
        "email": chosen.email,
        "phone": chosen.phone,
        "language": chosen.language,
        "digits": chosen.digits,
        "ways": [way.value for way in chosen.ways],
    }
    await contacts.choose(tx.connection, person, seals.seal(content), tx.now)
    return await find(tx.connection, person, seals)


async def find(connection: AsyncConnection, person: UUID, seals: Seals) -> Contact:
    """How a person is told; without an address if nothing is known of them."""
    return (await find_all(connection, [person], seals))[person]


async def find_all(connection: AsyncConnection, people: Collection[UUID], seals: Seals) -> dict[UUID, Contact]:
    """How people are told, each of them."""
    found = await contacts.find(connection, people)
    return {person: _opened(person, found.get(person, (None, None)), seals) for person in people}


def _opened(person: UUID, sealed: contacts.Sealed, seals: Seals) -> Contact:
    registered, chosen = (_content(person, token, seals) for token in sealed)
    contact = Contact()
    if registered is not None:
        contact = replace(
            contact,
            registered_email=registered["email"],
            registered_phone=registered["phone"],
            registered_language=registered["language"],
        )
    if chosen is not None:
        contact = replace(
            contact,
            email=chosen["email"],
            phone=chosen["phone"],
            language=chosen["language"],
            digits=chosen["digits"],
            ways=tuple(Way(way) for way in chosen["ways"]),
        )
    return contact


def _content(person: UUID, token: str | None, seals: Seals) -> dict[str, Any] | None:
    """What a token holds; none also if its key is gone: one person's lost address must not hold up the others."""
    if token is None:
        return None
    try:
        return seals.open(token)
    except NotSealed:
        _log.error("contact.unreadable", person=str(person))
        return None
