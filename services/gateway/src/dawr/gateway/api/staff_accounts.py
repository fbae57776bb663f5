"""Accounts of staff over HTTP: what administrators do with others'."""

import re
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from dawr.gateway.api.session import give
from dawr.gateway.api.staff import StaffDoor, in_order
from dawr.gateway.domain.staff import NAME_LENGTH, Account, StaffRole, StaffState
from dawr.gateway.errors_staff import (
    AccountChanged,
    IllegalStaffMove,
    LastAdministrator,
    LoginTaken,
    NoSuchAccount,
    NotALogin,
    NotAStaffName,
    NotYourOwnAccount,
    OfficeNeeded,
    OfficeNotNeeded,
    RevisionNeeded,
    RoleNeeded,
    TooLongAhead,
)
from dawr.gateway.service import staff as service
from dawr.gateway.service.staff import Invited
from dawr.servicekit.auth import Caller, NotAllowed, Role
from dawr.servicekit.callers import signed_in
from dawr.servicekit.openapi import refusals

Administrator = Annotated[Caller, Depends(signed_in(Role.ADMINISTRATOR))]

Reason = Annotated[
    str, Field(min_length=3, max_length=300, description="Kept with the change.", examples=["moved to Aleppo"])
]
Name = Annotated[str, Field(min_length=2, max_length=NAME_LENGTH, examples=["رنا حداد"])]
Roles = Annotated[list[StaffRole], Field(min_length=1, max_length=len(StaffRole))]
Office = Annotated[str, Field(max_length=32, description="For roles that end at an office.", examples=["DAM-01"])]

_FIELDS = (NotAStaffName, RoleNeeded, OfficeNeeded, OfficeNotNeeded, TooLongAhead)
_OTHERS = (NotAllowed, NotYourOwnAccount, NoSuchAccount, LastAdministrator)


class NewAccount(BaseModel):
    """Asks for an account."""

    model_config = ConfigDict(extra="forbid")

    login: Annotated[str, Field(min_length=3, max_length=40, examples=["r.haddad"])]
    name: Name
    roles: Roles
    office: Office | None = None
    expires_at: AwareDatetime | None = Field(default=None, description="Unset: as late as accounts may run.")


class ChangedAccount(BaseModel):
    """An account's terms, whole."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    roles: Roles
    office: Office | None
    expires_at: AwareDatetime
    reason: Reason


class Reasoned(BaseModel):
    """Why something is done to an account."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


class Extension(Reasoned):
    """Until when an account runs, and why."""

    expires_at: AwareDatetime


class ShownAccount(BaseModel):
    """An account of a member of staff."""

    id: UUID
    login: str
    name: str
    roles: list[StaffRole]
    office: str | None
    state: StaffState
    expires_at: datetime
    made_at: datetime
    made_by: UUID | None = Field(description="None: from the command line.")
    last_used_at: datetime | None
    revision: int = Field(description="What `ETag` and `If-Match` carry.")

    @staticmethod
    def of(account: Account) -> "ShownAccount":
        """An account as administrators see it."""
        return ShownAccount(
            id=account.id,
            login=account.login,
            name=account.name,
            roles=in_order(account.roles),
            office=account.office,
            state=account.state,
            expires_at=account.expires_at,
            made_at=account.made_at,
            made_by=account.made_by,
            last_used_at=account.last_used_at,
            revision=account.revision,
        )


class ShownAccounts(BaseModel):
    """Accounts by login."""

    accounts: list[ShownAccount]
    next: str | None = Field(description="The `after` of the next page.")


class ShownChange(BaseModel):
    """A line of an account's journal."""

    at: datetime
    made_by: UUID | None
    what: str
    reason: str | None


class AccountWithChanges(ShownAccount):
    """An account, and what became of it, oldest first."""

    changes: list[ShownChange]


class InvitedAccount(BaseModel):
    """An account, and the address at which its owner sets it up."""

    account: ShownAccount
    invitation: str = Field(description="Opens once. It is kept nowhere and shown to nobody again.")
    invitation_expires_at: datetime

    @staticmethod
    def of(invited: Invited) -> "InvitedAccount":
        """The answer that has the address."""
        return InvitedAccount(
            account=ShownAccount.of(invited.account),
            invitation=invited.address,
            invitation_expires_at=invited.expires_at,
        )


def create_router(door: StaffDoor) -> APIRouter:
    """The routes; the gateway puts them under `/api`."""
    router = APIRouter(tags=["staff"])
    _add_looks(router, door)
    _add_new_ones(router, door)
    _add_changes(router, door)
    return router


def _add_looks(router: APIRouter, door: StaffDoor) -> None:
    @router.get("/staff/accounts", operation_id="staff_accounts", summary="Who is on the staff")
    async def accounts(
        caller: Administrator,
        response: Response,
        after: Annotated[
            str, Query(max_length=40, pattern=r"^[a-z0-9.-]*$", description="The login before the page.")
        ] = "",
        limit: Annotated[int, Query(ge=1, le=200)] = 100,
    ) -> ShownAccounts:
        """All accounts, with their last use."""
        async with door.database.transaction() as tx:
            found = await service.list_accounts(tx, door.rules, after=after, limit=limit)
        give(response, ())
        return ShownAccounts(
            accounts=[ShownAccount.of(each) for each in found], next=found[-1].login if len(found) == limit else None
        )

    @router.get(
        "/staff/accounts/{account_id}",
        operation_id="staff_account",
        summary="One account of staff",
        responses=refusals(NoSuchAccount),
    )
    async def account(caller: Administrator, account_id: UUID, response: Response) -> AccountWithChanges:
        """With what became of it and who did it; the `ETag` is for changing it."""
        async with door.database.transaction() as tx:
            found = await service.get_account(tx, door.rules, account_id)
            changes = await service.account_changes(tx, door.rules, account_id)
        give(response, ())
        response.headers["etag"] = f'"{found.revision}"'
        return AccountWithChanges(
            **ShownAccount.of(found).model_dump(),
            changes=[
                ShownChange(at=each.at, made_by=each.made_by, what=each.what, reason=each.reason) for each in changes
            ],
        )


def _add_new_ones(router: APIRouter, door: StaffDoor) -> None:
    @router.post(
        "/staff/accounts",
        status_code=201,
        operation_id="make_staff_account",
        summary="Make an account for a member of staff",
        responses=refusals(NotAllowed, LoginTaken, NotALogin, *_FIELDS),
    )
    async def make(caller: Administrator, body: NewAccount, response: Response) -> InvitedAccount:
        """Gives the invitation's address. It takes no `Idempotency-Key`, as kept answers would hold that address: a
        login exists once, and whoever lost the answer invites again."""
        async with door.database.transaction() as tx:
            invited = await service.make_account(
                tx,
                door.rules,
                by=caller.person_id,
                login=body.login,
                name=body.name,
                roles=frozenset(body.roles),
                office=body.office,
                expires_at=body.expires_at,
            )
        give(response, ())
        response.headers["location"] = f"/api/staff/accounts/{invited.account.id}"
        return InvitedAccount.of(invited)

    @router.post(
        "/staff/accounts/{account_id}/invitation",
        operation_id="invite_staff_again",
        summary="Invite a member of staff anew",
        responses=refusals(*_OTHERS),
    )
    async def invite(caller: Administrator, account_id: UUID, body: Reasoned, response: Response) -> InvitedAccount:
        """For one who lost what they sign in with, or was suspended: nothing that opened the account before does so
        any more."""
        async with door.database.transaction() as tx:
            invited = await service.invite_again(
                tx, door.rules, by=caller.person_id, account_id=account_id, reason=body.reason
            )
        give(response, ())
        return InvitedAccount.of(invited)


def _add_changes(router: APIRouter, door: StaffDoor) -> None:
    @router.put(
        "/staff/accounts/{account_id}",
        operation_id="change_staff_account",
        summary="Change an account of staff",
        responses=refusals(*_OTHERS, *_FIELDS, AccountChanged, RevisionNeeded),
    )
    async def change(
        caller: Administrator,
        account_id: UUID,
        body: ChangedAccount,
        response: Response,
        if_match: Annotated[str | None, Header(max_length=40)] = None,
    ) -> ShownAccount:
        """Other roles, office, name or term. The account's sessions end: its owner signs in with the new ones."""
        found = re.fullmatch(r'"(\d{1,9})"', if_match or "")
        if found is None:
            raise RevisionNeeded
        async with door.database.transaction() as tx:
            changed = await service.change_account(
                tx,
                door.rules,
                by=caller.person_id,
                account_id=account_id,
                revision=int(found[1]),
                name=body.name,
                roles=frozenset(body.roles),
                office=body.office,
                expires_at=body.expires_at,
                reason=body.reason,
            )
        return _account(response, changed)

    @router.post(
        "/staff/accounts/{account_id}/extension",
        operation_id="extend_staff_account",
        summary="Give an account more or less time",
        responses=refusals(*_OTHERS, TooLongAhead),
    )
    async def extend(caller: Administrator, account_id: UUID, body: Extension, response: Response) -> ShownAccount:
        """Also how one that ran out goes on."""
        async with door.database.transaction() as tx:
            extended = await service.extend_account(
                tx,
                door.rules,
                by=caller.person_id,
                account_id=account_id,
                expires_at=body.expires_at,
                reason=body.reason,
            )
        return _account(response, extended)

    @router.post(
        "/staff/accounts/{account_id}/suspension",
        operation_id="suspend_staff_account",
        summary="Suspend an account of staff",
        responses=refusals(*_OTHERS, IllegalStaffMove),
    )
    async def suspend(caller: Administrator, account_id: UUID, body: Reasoned, response: Response) -> ShownAccount:
        """Its sessions end, and nobody signs in by it until it is invited anew."""
        async with door.database.transaction() as tx:
            suspended = await service.suspend_account(
                tx, door.rules, by=caller.person_id, account_id=account_id, reason=body.reason
            )
        return _account(response, suspended)


def _account(response: Response, account: Account) -> ShownAccount:
    give(response, ())
    response.headers["etag"] = f'"{account.revision}"'
    return ShownAccount.of(account)
