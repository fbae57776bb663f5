"""Staff over HTTP: signing in with a password or a passkey, and taking an invitation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from dawr.gateway.addresses import Addresses
from dawr.gateway.api.session import Session, give, refuse_elsewhere
from dawr.gateway.domain.staff import LONGEST_PASSWORD, SHORTEST_PASSWORD, Account, StaffRole
from dawr.gateway.errors import FromElsewhere, SignInPaused, TooManyTries
from dawr.gateway.errors_staff import (
    AccountExpired,
    AccountSuspended,
    InvitationOver,
    PasskeyRefused,
    SignInBusy,
    WeakPassword,
    WrongSecondFactor,
    WrongSignIn,
)
from dawr.gateway.service import passkeys
from dawr.gateway.service import staff as service
from dawr.gateway.service import staff_sign_in as sign_in
from dawr.gateway.service.staff import StaffRules
from dawr.gateway.service.staff_sign_in import Begin, Entered
from dawr.gateway.sessions import How, Issued, Kind, Sessions
from dawr.servicekit.auth import Role
from dawr.servicekit.callers import PUBLIC
from dawr.servicekit.database import Database, Transaction
from dawr.servicekit.openapi import refusals

Password = Annotated[str, Field(min_length=1, max_length=LONGEST_PASSWORD)]
NewPassword = Annotated[
    str, Field(min_length=SHORTEST_PASSWORD, max_length=LONGEST_PASSWORD, description="12 characters at least.")
]
SecondFactor = Annotated[
    str, Field(min_length=6, max_length=24, description="The authenticator's six digits, or a recovery code.")
]
Token = Annotated[str, Field(min_length=1, max_length=100, description="The end of the invitation's address.")]
Answer = Annotated[
    dict[str, Any], Field(description="What the browser gives: `credential.toJSON()` (WebAuthn, Level 3).")
]


class StaffSessionRequest(BaseModel):
    """Signs a member of staff in."""

    model_config = ConfigDict(extra="forbid")

    login: Annotated[str, Field(min_length=1, max_length=80, examples=["r.haddad"])]
    password: Password
    code: SecondFactor


class PasskeyAnswer(BaseModel):
    """What an authenticator answered."""

    model_config = ConfigDict(extra="forbid")

    id: UUID = Field(description="Of the challenge.")
    answer: Answer


class InvitationToken(BaseModel):
    """Names an invitation. In a body, as addresses are logged on their way."""

    model_config = ConfigDict(extra="forbid")

    token: Token


class PasswordForInvitation(InvitationToken):
    """Takes an invitation with a password and an authenticator."""

    password: NewPassword
    code: SecondFactor


class PasskeyForInvitation(InvitationToken):
    """Takes an invitation with a passkey."""

    id: UUID = Field(description="Of the challenge.")
    answer: Answer


class Challenge(BaseModel):
    """What the browser is asked to do."""

    id: UUID = Field(description="Comes back with the answer. Good once, for two minutes.")
    options: dict[str, Any] = Field(description="The JSON form that `PublicKeyCredential.parse…FromJSON` takes.")


class ShownInvitation(BaseModel):
    """What an invitation offers."""

    login: str
    name: str
    roles: list[StaffRole]
    office: str | None
    expires_at: datetime
    totp_secret: str = Field(description="Base32, for an authenticator; the same at every look.")
    totp_uri: str = Field(description="The same as an address, for a QR code.")


class StaffSession(Session):
    """A session of a member of staff."""

    recovery_codes: list[str] = Field(
        default=[], description="Each good once in place of the authenticator's code. Shown now and never again."
    )


@dataclass(frozen=True, slots=True)
class StaffDoor:
    """What the routes of staff work with."""

    database: Database
    addresses: Addresses
    rules: StaffRules
    sessions: Sessions
    public_url: str


def begins(sessions: Sessions, request: Request, how: How) -> Begin[Issued]:
    """Begins the session of a member of staff who has proved who they are; it ends with the account at the latest."""

    async def begin(tx: Transaction, account: Account) -> Issued:
        return await sessions.begin(
            tx,
            person_id=account.id,
            kind=Kind.STAFF,
            roles=frozenset(Role(role.value) for role in account.roles),
            office=account.office,
            how=how,
            request=request,
            not_after=account.expires_at,
        )

    return begin


def create_router(door: StaffDoor) -> APIRouter:
    """The routes; the gateway puts them under `/api`."""
    router = APIRouter(tags=["staff"])
    _add_signing_in(router, door)
    _add_invitations(router, door)
    _add_invitations_by_passkey(router, door)
    return router


def _add_signing_in(router: APIRouter, door: StaffDoor) -> None:
    @router.post(
        "/staff/session",
        operation_id="staff_sign_in",
        summary="Sign in as staff",
        responses=refusals(
            WrongSignIn, AccountSuspended, AccountExpired, FromElsewhere, SignInPaused, TooManyTries, SignInBusy
        ),
        openapi_extra=PUBLIC,
    )
    async def with_password(body: StaffSessionRequest, request: Request, response: Response) -> StaffSession:
        """With login, password and a code. A login that nobody has is answered alike and costs the same work; after
        five wrong tries signing in by a login pauses."""
        refuse_elsewhere(request, door.public_url)
        entered = await sign_in.sign_in_with_password(
            door.database,
            door.rules,
            login=body.login,
            password=body.password,
            code=body.code,
            address=door.addresses.of(request.scope),
            begin=begins(door.sessions, request, How.PASSWORD),
        )
        return _session(response, entered)

    @router.post(
        "/staff/passkeys/challenges",
        operation_id="ask_passkey",
        summary="Ask for a passkey's challenge",
        responses=refusals(TooManyTries),
        openapi_extra=PUBLIC,
    )
    async def challenge(request: Request, response: Response) -> Challenge:
        """The authenticator shows the accounts that it has for this site: no login is named."""
        async with door.database.transaction() as tx:
            asked = await passkeys.ask_to_sign_in(tx, door.rules, address=door.addresses.of(request.scope))
        return shown_challenge(response, asked)

    @router.post(
        "/staff/passkeys/session",
        operation_id="staff_sign_in_by_passkey",
        summary="Sign in with a passkey",
        responses=refusals(PasskeyRefused, AccountSuspended, AccountExpired, FromElsewhere),
        openapi_extra=PUBLIC,
    )
    async def with_passkey(body: PasskeyAnswer, request: Request, response: Response) -> StaffSession:
        """The authenticator must have seen its owner. A challenge is good once, also for a wrong answer."""
        refuse_elsewhere(request, door.public_url)
        entered = await passkeys.sign_in_with_passkey(
            door.database,
            door.rules,
            asked=body.id,
            answer=body.answer,
            begin=begins(door.sessions, request, How.PASSKEY),
        )
        return _session(response, entered)


def _add_invitations(router: APIRouter, door: StaffDoor) -> None:
    @router.post(
        "/staff/invitations/look",
        operation_id="look_at_invitation",
        summary="Look at an invitation",
        responses=refusals(InvitationOver),
        openapi_extra=PUBLIC,
    )
    async def look(body: InvitationToken, response: Response) -> ShownInvitation:
        """Who is invited, as what, and the secret for an authenticator. Nothing is used up."""
        async with door.database.transaction() as tx:
            shown = await service.look_at_invitation(tx, door.rules, token=body.token)
        give(response, ())
        return ShownInvitation(
            login=shown.account.login,
            name=shown.account.name,
            roles=in_order(shown.account.roles),
            office=shown.account.office,
            expires_at=shown.expires_at,
            totp_secret=shown.totp_secret,
            totp_uri=shown.totp_uri,
        )

    @router.post(
        "/staff/invitations/password",
        operation_id="accept_invitation_with_password",
        summary="Take an invitation with a password",
        responses=refusals(
            InvitationOver, WeakPassword, WrongSecondFactor, AccountSuspended, AccountExpired, FromElsewhere, SignInBusy
        ),
        openapi_extra=PUBLIC,
    )
    async def with_password(body: PasswordForInvitation, request: Request, response: Response) -> StaffSession:
        """The code shows that the authenticator has the secret. Signs in, and gives ten recovery codes, once."""
        refuse_elsewhere(request, door.public_url)
        entered = await sign_in.accept_with_password(
            door.database,
            door.rules,
            token=body.token,
            password=body.password,
            code=body.code,
            begin=begins(door.sessions, request, How.PASSWORD),
        )
        return _session(response, entered)


def _add_invitations_by_passkey(router: APIRouter, door: StaffDoor) -> None:
    @router.post(
        "/staff/invitations/passkey/challenge",
        operation_id="ask_passkey_for_invitation",
        summary="Begin to take an invitation with a passkey",
        responses=refusals(InvitationOver),
        openapi_extra=PUBLIC,
    )
    async def challenge(body: InvitationToken, response: Response) -> Challenge:
        """What `navigator.credentials.create` is given."""
        async with door.database.transaction() as tx:
            asked = await passkeys.ask_for_invited(tx, door.rules, token=body.token)
        return shown_challenge(response, asked)

    @router.post(
        "/staff/invitations/passkey",
        operation_id="accept_invitation_with_passkey",
        summary="Take an invitation with a passkey",
        responses=refusals(InvitationOver, PasskeyRefused, AccountSuspended, AccountExpired, FromElsewhere),
        openapi_extra=PUBLIC,
    )
    async def with_passkey(body: PasskeyForInvitation, request: Request, response: Response) -> StaffSession:
        """The passkey that was made for the invitation. Signs in."""
        refuse_elsewhere(request, door.public_url)
        entered = await passkeys.accept_with_passkey(
            door.database,
            door.rules,
            token=body.token,
            asked=body.id,
            answer=body.answer,
            begin=begins(door.sessions, request, How.PASSKEY),
        )
        return _session(response, entered)


def shown_challenge(response: Response, asked: passkeys.Asked) -> Challenge:
    """A challenge as it is answered."""
    give(response, ())
    return Challenge(id=asked.id, options=asked.options)


def in_order(roles: frozenset[StaffRole]) -> list[StaffRole]:
    """Roles as they are shown."""
    return sorted(roles)


def _session(response: Response, entered: Entered[Issued]) -> StaffSession:
    give(response, entered.session.cookies)
    codes: Sequence[str] = entered.recovery_codes
    return StaffSession(**Session.of(entered.session).model_dump(), recovery_codes=list(codes))
