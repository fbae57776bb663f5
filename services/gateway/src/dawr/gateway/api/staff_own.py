"""What members of staff do with their own accounts over HTTP: passkeys, password, recovery codes."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from dawr.gateway.api.session import give
from dawr.gateway.api.staff import (
    Challenge,
    NewPassword,
    PasskeyAnswer,
    Password,
    SecondFactor,
    StaffDoor,
    shown_challenge,
)
from dawr.gateway.domain.staff import StaffRole
from dawr.gateway.errors import SignInPaused, TooManyTries
from dawr.gateway.errors_staff import (
    AccountExpired,
    AccountSuspended,
    LastWayIn,
    NoSuchAccount,
    PasskeyRefused,
    SignInBusy,
    WeakPassword,
    WrongSignIn,
)
from dawr.gateway.service import passkeys
from dawr.gateway.service import staff_sign_in as sign_in
from dawr.gateway.service.passkeys import ShownPasskey
from dawr.servicekit.auth import Caller, Role
from dawr.servicekit.callers import signed_in
from dawr.servicekit.openapi import refusals
from dawr.servicekit.problems import NotFound

Staff = Annotated[Caller, Depends(signed_in(*(Role(role.value) for role in StaffRole)))]


class ChangedPassword(BaseModel):
    """Takes a new password."""

    model_config = ConfigDict(extra="forbid")

    old: Password
    new: NewPassword
    code: SecondFactor


class CodesRequest(BaseModel):
    """Asks for new recovery codes."""

    model_config = ConfigDict(extra="forbid")

    password: Password
    code: SecondFactor


class RecoveryCodes(BaseModel):
    """Ten codes, shown once."""

    recovery_codes: list[str]


class OwnPasskey(BaseModel):
    """A passkey of the caller's account."""

    id: str = Field(description="base64url.")
    is_synced: bool = Field(description="Whether it is copied to its owner's other devices.")
    made_at: datetime
    used_at: datetime | None

    @staticmethod
    def of(passkey: ShownPasskey) -> "OwnPasskey":
        """A passkey as its owner sees it."""
        return OwnPasskey(id=passkey.id, is_synced=passkey.is_synced, made_at=passkey.made_at, used_at=passkey.used_at)


class OwnPasskeys(BaseModel):
    """The caller's passkeys, oldest first."""

    passkeys: list[OwnPasskey]


def create_router(door: StaffDoor) -> APIRouter:
    """The routes; the gateway puts them under `/api`."""
    router = APIRouter(tags=["staff"])
    _add_own_passkeys(router, door)
    _add_own_password(router, door)
    return router


def _add_own_passkeys(router: APIRouter, door: StaffDoor) -> None:
    @router.get("/staff/me/passkeys", operation_id="own_passkeys", summary="My passkeys")
    async def own(caller: Staff, response: Response) -> OwnPasskeys:
        """Those that open the caller's account."""
        async with door.database.transaction() as tx:
            found = await passkeys.list_own(tx, account_id=caller.person_id)
        give(response, ())
        return OwnPasskeys(passkeys=[OwnPasskey.of(each) for each in found])

    @router.post(
        "/staff/me/passkeys/challenges",
        operation_id="ask_own_passkey",
        summary="Begin to add a passkey",
        responses=refusals(NoSuchAccount, AccountSuspended, AccountExpired),
    )
    async def challenge(caller: Staff, response: Response) -> Challenge:
        """What `navigator.credentials.create` is given."""
        async with door.database.transaction() as tx:
            asked = await passkeys.ask_for_own(tx, door.rules, account_id=caller.person_id)
        return shown_challenge(response, asked)

    @router.post(
        "/staff/me/passkeys",
        status_code=201,
        operation_id="add_own_passkey",
        summary="Add a passkey",
        responses=refusals(NoSuchAccount, AccountSuspended, AccountExpired, PasskeyRefused),
    )
    async def add(caller: Staff, body: PasskeyAnswer, response: Response) -> OwnPasskey:
        """The passkey that was made for the challenge opens the caller's account from now on."""
        added = await passkeys.add_own(
            door.database, door.rules, account_id=caller.person_id, asked=body.id, answer=body.answer
        )
        give(response, ())
        return OwnPasskey.of(added)

    @router.delete(
        "/staff/me/passkeys/{id}",
        status_code=204,
        operation_id="remove_own_passkey",
        summary="Let a passkey go",
        responses=refusals(NotFound, LastWayIn, NoSuchAccount),
    )
    async def remove(caller: Staff, id: str) -> None:
        """Not the last one of an account without a password."""
        async with door.database.transaction() as tx:
            await passkeys.remove_own(tx, door.rules, account_id=caller.person_id, id=id)


def _add_own_password(router: APIRouter, door: StaffDoor) -> None:
    guessed = (WrongSignIn, NoSuchAccount, AccountSuspended, AccountExpired, SignInPaused, TooManyTries, SignInBusy)

    @router.post(
        "/staff/me/password",
        status_code=204,
        operation_id="change_own_password",
        summary="Change my password",
        responses=refusals(*guessed, WeakPassword),
    )
    async def change(caller: Staff, body: ChangedPassword, request: Request) -> None:
        """For the old one and a code; every session of the account ends."""
        await sign_in.change_password(
            door.database,
            door.rules,
            account_id=caller.person_id,
            old=body.old,
            new=body.new,
            code=body.code,
            address=door.addresses.of(request.scope),
        )

    @router.post(
        "/staff/me/recovery-codes",
        operation_id="renew_recovery_codes",
        summary="Get new recovery codes",
        responses=refusals(*guessed),
    )
    async def renew(caller: Staff, body: CodesRequest, request: Request, response: Response) -> RecoveryCodes:
        """Ten new ones for password and code; the old ones hold no more."""
        codes = await sign_in.renew_recovery_codes(
            door.database,
            door.rules,
            account_id=caller.person_id,
            password=body.password,
            code=body.code,
            address=door.addresses.of(request.scope),
        )
        give(response, ())
        return RecoveryCodes(recovery_codes=list(codes))
