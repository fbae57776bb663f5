"""Accounts of staff, for administrators: who has one, what they may do, until when, and when it was last used."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from starlette.responses import Response

from dawr.gateway.api.staff import StaffDoor
from dawr.gateway.domain.staff import AT_AN_OFFICE, LOGIN, Account, StaffRole, StaffState
from dawr.gateway.errors_staff import (
    AccountChanged,
    IllegalStaffMove,
    LastAdministrator,
    LoginTaken,
    NotALogin,
    NotAStaffName,
    NotYourOwnAccount,
    OfficeNeeded,
    OfficeNotNeeded,
    RoleNeeded,
    TooLongAhead,
)
from dawr.gateway.portal.forms import Form
from dawr.gateway.portal.pages import Page, uuid_of
from dawr.gateway.portal.staff_door import said
from dawr.gateway.portal.visits import Visit
from dawr.gateway.service import staff
from dawr.gateway.service.staff import Invited
from dawr.servicekit.auth import Role
from dawr.servicekit.database import Transaction
from dawr.servicekit.errors import Refusal
from dawr.servicekit.problems import NotFound

ADMINISTRATOR = frozenset({Role.ADMINISTRATOR})
_SHOWN = 50
_AT = {
    LoginTaken: "login",
    NotALogin: "login",
    NotAStaffName: "name",
    RoleNeeded: "roles",
    LastAdministrator: "roles",
    NotYourOwnAccount: "roles",
    OfficeNeeded: "office",
    OfficeNotNeeded: "office",
    TooLongAhead: "expires",
    AccountChanged: "name",
    IllegalStaffMove: "reason",
}
"""Beside which field a refusal is told."""

Change = Callable[[Transaction, UUID], Awaitable[Invited | Account]]


@dataclass(frozen=True, slots=True)
class StaffAccounts:
    """Pages about accounts."""

    door: StaffDoor

    def pages(self) -> tuple[Page, ...]:
        """The pages of this room."""
        return (
            Page("/staff/accounts", self.accounts, ADMINISTRATOR),
            Page("/staff/accounts/new", self.new, ADMINISTRATOR),
            Page("/staff/accounts/new", self.make, ADMINISTRATOR, ("POST",)),
            Page("/staff/accounts/{id}", self.account, ADMINISTRATOR),
            Page("/staff/accounts/{id}", self.change, ADMINISTRATOR, ("POST",)),
            Page("/staff/accounts/{id}/suspension", self.suspend, ADMINISTRATOR, ("POST",)),
            Page("/staff/accounts/{id}/invitation", self.invite, ADMINISTRATOR, ("POST",)),
        )

    async def accounts(self, visit: Visit) -> Response:
        """All accounts, by login."""
        async with self.door.database.transaction() as tx:
            found = await staff.list_accounts(tx, self.door.rules, after=_login(visit.param("after")), limit=_SHOWN + 1)
        more = found[_SHOWN - 1].login if len(found) > _SHOWN else None
        now = self.door.database.clock()
        return visit.page("staff/accounts.html", accounts=found[:_SHOWN], more=more, now=now)

    async def new(self, visit: Visit) -> Response:
        """A form for a new account."""
        return self._form(visit, Form())

    def _form(self, visit: Visit, form: Form, *, status: int = 200, **more: Any) -> Response:
        content = {"form": form, "roles": list(StaffRole), "at_an_office": AT_AN_OFFICE, "chosen": _roles(form)}
        return visit.page("staff/account_new.html", status=status, **content, **more)

    async def make(self, visit: Visit) -> Response:
        """Make it, and show the invitation: it can be had this once only."""
        form = visit.form()
        expires = _expires(visit, form)
        if form.is_right and visit.person_id is not None:
            try:
                async with self.door.database.transaction() as tx:
                    invited = await staff.make_account(
                        tx,
                        self.door.rules,
                        by=visit.person_id,
                        login=form.get("login"),
                        name=form.get("name"),
                        roles=_roles(form),
                        office=form.get("office") or None,
                        expires_at=expires,
                    )
                return visit.page("staff/invited.html", invited=invited)
            except tuple(_AT) as error:
                _tell(visit, form, error)
        return self._form(visit, form, status=422)

    async def account(self, visit: Visit) -> Response:
        """One account, and what was changed about it."""
        return await self._account(visit, None)

    async def _account(
        self, visit: Visit, form: Form | None, *, errors: dict[str, str] | None = None, status: int = 200
    ) -> Response:
        id = uuid_of(visit.param("id"))
        async with self.door.database.transaction() as tx:
            found = await staff.get_account(tx, self.door.rules, id)
            changes = await staff.account_changes(tx, self.door.rules, id)
        shown = form or Form(
            {
                "name": found.name,
                "office": found.office or "",
                "expires": found.expires_at.date().isoformat(),
                "revision": str(found.revision),
                **{f"role-{each.value}": "1" for each in found.roles},
            }
        )
        shown.errors |= errors or {}
        return visit.page(
            "staff/account.html",
            status=status,
            account=found,
            changes=changes,
            form=shown,
            roles=list(StaffRole),
            at_an_office=AT_AN_OFFICE,
            chosen=_roles(shown),
            now=self.door.database.clock(),
            is_own=id == visit.person_id,
            is_suspended=found.state is StaffState.SUSPENDED,
        )

    async def change(self, visit: Visit) -> Response:
        """Another name, roles, office or end."""
        form = visit.form()
        expires = _expires(visit, form)
        form.check("reason", len(form.get("reason")) >= 3, visit.t("Say why"))
        if not form.is_right or not re.fullmatch(r"[0-9]{1,9}", form.get("revision")):
            return await self._account(visit, form, status=422)

        async def change(tx: Transaction, by: UUID) -> Account:
            id = uuid_of(visit.param("id"))
            known = await staff.get_account(tx, self.door.rules, id)
            return await staff.change_account(
                tx,
                self.door.rules,
                by=by,
                account_id=id,
                revision=int(form.get("revision")),
                name=form.get("name"),
                roles=_roles(form),
                office=form.get("office") or None,
                expires_at=expires or known.expires_at,
                reason=form.get("reason"),
            )

        return await self._changed(visit, form, change)

    async def suspend(self, visit: Visit) -> Response:
        """The account opens nothing any more, from now on."""
        form = visit.form()

        async def change(tx: Transaction, by: UUID) -> Account:
            id = uuid_of(visit.param("id"))
            return await staff.suspend_account(
                tx, self.door.rules, by=by, account_id=id, reason=form.get("suspend-reason")
            )

        return await self._with_reason(visit, form, "suspend-reason", change)

    async def invite(self, visit: Visit) -> Response:
        """A new invitation: what opened the account before does so no more."""
        form = visit.form()

        async def change(tx: Transaction, by: UUID) -> Invited:
            id = uuid_of(visit.param("id"))
            return await staff.invite_again(tx, self.door.rules, by=by, account_id=id, reason=form.get("invite-reason"))

        return await self._with_reason(visit, form, "invite-reason", change)

    async def _with_reason(self, visit: Visit, form: Form, field: str, change: Change) -> Response:
        """Do it if somebody said why; else show the account again with what is missing."""
        if not form.check(field, len(form.get(field)) >= 3, visit.t("Say why")):
            return await self._account(visit, None, errors=form.errors, status=422)
        return await self._changed(visit, form, change)

    async def _changed(self, visit: Visit, form: Form, change: Change) -> Response:
        if visit.person_id is None:
            raise NotFound
        try:
            async with self.door.database.transaction() as tx:
                made = await change(tx, visit.person_id)
        except tuple(_AT) as error:
            _tell(visit, form, error)
            return await self._account(visit, form, status=error.status)
        if isinstance(made, Invited):
            return visit.page("staff/invited.html", invited=made)
        return visit.redirect(f"/staff/accounts/{visit.param('id')}")


def _login(text: str) -> str:
    """The login after which a page begins; the first page's for what is none."""
    return text if LOGIN.fullmatch(text) else ""


def _roles(form: Form) -> frozenset[StaffRole]:
    return frozenset(each for each in StaffRole if form.get(f"role-{each.value}"))


def _expires(visit: Visit, form: Form) -> datetime | None:
    """The end of the day that was typed; none if none was."""
    typed = form.get("expires")
    if not typed:
        return None
    try:
        return datetime.combine(date.fromisoformat(typed), time.max, UTC)
    except ValueError:
        form.check("expires", False, visit.t("Enter a day, such as 2027-12-31"))
        return None


def _tell(visit: Visit, form: Form, error: Refusal) -> None:
    form.errors[_AT[type(error)]] = said(visit, error)
