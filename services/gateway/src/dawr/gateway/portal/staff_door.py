"""The staff's door: signing in by password or passkey, an invitation, and what is one's own."""

from dataclasses import dataclass

import orjson
import segno
from starlette.responses import JSONResponse, Response

from dawr.gateway.api.staff import StaffDoor, begins
from dawr.gateway.domain.sessions import How
from dawr.gateway.errors import SignInPaused, TooManyTries
from dawr.gateway.errors_staff import (
    AccountExpired,
    AccountSuspended,
    InvitationOver,
    LastWayIn,
    SignInBusy,
    WeakPassword,
    WrongSecondFactor,
    WrongSignIn,
)
from dawr.gateway.portal.forms import Form
from dawr.gateway.portal.pages import STAFF, Page, uuid_of
from dawr.gateway.portal.security import own_path
from dawr.gateway.portal.visits import Visit
from dawr.gateway.service import passkeys, staff, staff_sign_in
from dawr.gateway.service.passkeys import Site
from dawr.servicekit.auth import Role
from dawr.servicekit.errors import Refusal
from dawr.servicekit.problems import MalformedRequest, say

_NO_ENTRY = (WrongSignIn, SignInPaused, TooManyTries, SignInBusy, AccountSuspended, AccountExpired)


@dataclass(frozen=True, slots=True)
class StaffPages:
    """Pages of the staff's door."""

    door: StaffDoor

    def pages(self) -> tuple[Page, ...]:
        """The pages of this room."""
        return (
            Page("/staff/sign-in", self.sign_in),
            Page("/staff/sign-in", self.enter, methods=("POST",)),
            Page("/staff/invitation/{token}", self.invitation),
            Page("/staff/invitation/{token}", self.accept, methods=("POST",)),
            Page("/staff", self.own, STAFF),
            Page("/staff/password", self.change_password, STAFF, ("POST",)),
            Page("/staff/recovery-codes", self.renew_codes, STAFF, ("POST",)),
            Page("/staff/passkeys/challenges", self.ask_passkey, STAFF, ("POST",)),
            Page("/staff/passkeys", self.add_passkey, STAFF, ("POST",)),
            Page("/staff/passkeys/{id}/removal", self.remove_passkey, STAFF, ("POST",)),
        )

    async def sign_in(self, visit: Visit) -> Response:
        """Login, password and code, or a passkey."""
        return self._sign_in(visit, Form())

    def _sign_in(self, visit: Visit, form: Form, *, status: int = 200, why: str = "") -> Response:
        return visit.page(
            "staff/sign_in.html",
            status=status,
            form=form,
            why=why,
            next=own_path(visit.param("next"), otherwise=""),
            ended=visit.param("ended") == "1",
            takes_passkeys=self._takes_passkeys,
        )

    @property
    def _takes_passkeys(self) -> bool:
        return Site.at(self.door.public_url).takes_passkeys

    async def enter(self, visit: Visit) -> Response:
        """Sign in, or tell why not: never which of the three was wrong."""
        form = visit.form()
        form.check("login", bool(form.get("login")), visit.t("Enter your login"))
        form.check("password", bool(form.values.get("password")), visit.t("Enter your password"))
        form.check("code", bool(form.get("code")), visit.t("Enter the code of your authenticator, or a recovery code"))
        if not form.is_right:
            return self._sign_in(visit, form, status=422)
        try:
            entered = await staff_sign_in.sign_in_with_password(
                self.door.database,
                self.door.rules,
                login=form.get("login"),
                password=form.values["password"],
                code=form.get("code"),
                address=self.door.addresses.of(visit.request.scope),
                begin=begins(self.door.sessions, visit.request, How.PASSWORD),
            )
        except _NO_ENTRY as error:
            return self._sign_in(visit, form, status=error.status, why=said(visit, error))
        visit.cookies.extend(entered.session.cookies)
        home = "/operations" if Role.ADMINISTRATOR in entered.session.signed_in.roles else "/staff"
        return visit.redirect(own_path(form.get("next"), otherwise=home))

    async def invitation(self, visit: Visit) -> Response:
        """What an invitation opens: choose a password and an authenticator, or a passkey."""
        return await self._invitation(visit, Form())

    async def _invitation(self, visit: Visit, form: Form, *, status: int = 200) -> Response:
        try:
            async with self.door.database.transaction() as tx:
                shown = await staff.look_at_invitation(tx, self.door.rules, token=visit.param("token"))
        except InvitationOver as error:
            return visit.page("staff/invitation_over.html", status=error.status)
        code = segno.make(shown.totp_uri, error="m")
        response = visit.page(
            "staff/invitation.html",
            status=status,
            form=form,
            shown=shown,
            token=visit.param("token"),
            qr=code.svg_data_uri(scale=4, border=3),
            takes_passkeys=self._takes_passkeys,
        )
        response.headers["referrer-policy"] = "same-origin"
        return response

    async def accept(self, visit: Visit) -> Response:
        """The account is its owner's from now on; recovery codes are shown once."""
        form = visit.form()
        same = form.values.get("password") == form.values.get("again")
        form.check("again", same, visit.t("The two passwords are not the same"))
        if not form.is_right:
            return await self._invitation(visit, form, status=422)
        try:
            entered = await staff_sign_in.accept_with_password(
                self.door.database,
                self.door.rules,
                token=visit.param("token"),
                password=form.values.get("password", ""),
                code=form.get("code"),
                begin=begins(self.door.sessions, visit.request, How.PASSWORD),
            )
        except WeakPassword as error:
            form.errors["password"] = said(visit, error)
        except WrongSecondFactor as error:
            form.errors["code"] = said(visit, error)
        except InvitationOver as error:
            return visit.page("staff/invitation_over.html", status=error.status)
        else:
            visit.cookies.extend(entered.session.cookies)
            return visit.page("staff/recovery_codes.html", codes=entered.recovery_codes)
        return await self._invitation(visit, form, status=422)

    async def own(self, visit: Visit) -> Response:
        """One's own account: roles, passkeys, password."""
        return await self._own(visit, Form())

    async def _own(self, visit: Visit, form: Form, *, status: int = 200, done: str = "") -> Response:
        assert visit.signed_in is not None  # noqa: S101 - the table of pages asks for it
        async with self.door.database.transaction() as tx:
            account = await staff.get_account(tx, self.door.rules, visit.signed_in.person_id)
            keys = await passkeys.list_own(tx, account_id=account.id)
        content = {"account": account, "keys": keys, "form": form, "done": done, "takes_passkeys": self._takes_passkeys}
        return visit.page("staff/own.html", status=status, **content)

    async def change_password(self, visit: Visit) -> Response:
        """Another password; every session ends, this one too."""
        form = visit.form()
        same = form.values.get("new") == form.values.get("again")
        if not form.check("again", same, visit.t("The two passwords are not the same")):
            return await self._own(visit, form, status=422)
        assert visit.signed_in is not None  # noqa: S101 - the table of pages asks for it
        try:
            await staff_sign_in.change_password(
                self.door.database,
                self.door.rules,
                account_id=visit.signed_in.person_id,
                old=form.values.get("old", ""),
                new=form.values.get("new", ""),
                code=form.get("code"),
                address=self.door.addresses.of(visit.request.scope),
            )
        except WeakPassword as error:
            form.errors["new"] = said(visit, error)
            return await self._own(visit, form, status=error.status)
        except (*_NO_ENTRY, WrongSecondFactor) as error:
            form.errors["old"] = said(visit, error)
            return await self._own(visit, form, status=error.status)
        return visit.redirect("/staff/sign-in")

    async def renew_codes(self, visit: Visit) -> Response:
        """Ten new recovery codes, shown once; those of before are worth nothing."""
        form = visit.form()
        assert visit.signed_in is not None  # noqa: S101 - the table of pages asks for it
        try:
            codes = await staff_sign_in.renew_recovery_codes(
                self.door.database,
                self.door.rules,
                account_id=visit.signed_in.person_id,
                password=form.values.get("password", ""),
                code=form.get("codes-code"),
                address=self.door.addresses.of(visit.request.scope),
            )
        except (*_NO_ENTRY, WrongSecondFactor) as error:
            form.errors["codes-password"] = said(visit, error)
            return await self._own(visit, form, status=error.status)
        return visit.page("staff/recovery_codes.html", codes=codes)

    async def ask_passkey(self, visit: Visit) -> Response:
        """What the browser is asked to make, for its script."""
        assert visit.signed_in is not None  # noqa: S101 - the table of pages asks for it
        async with self.door.database.transaction() as tx:
            asked = await passkeys.ask_for_own(tx, self.door.rules, account_id=visit.signed_in.person_id)
        return JSONResponse({"id": str(asked.id), "options": asked.options}, headers={"cache-control": "no-store"})

    async def add_passkey(self, visit: Visit) -> Response:
        """What the browser made, from its script."""
        assert visit.signed_in is not None  # noqa: S101 - the table of pages asks for it
        form = visit.form()
        try:
            answer = orjson.loads(form.get("answer"))
        except orjson.JSONDecodeError as error:
            raise MalformedRequest from error
        await passkeys.add_own(
            self.door.database,
            self.door.rules,
            account_id=visit.signed_in.person_id,
            asked=uuid_of(form.get("id")),
            answer=answer,
        )
        return JSONResponse({}, 201)

    async def remove_passkey(self, visit: Visit) -> Response:
        """A passkey that opens the account no more."""
        assert visit.signed_in is not None  # noqa: S101 - the table of pages asks for it
        try:
            async with self.door.database.transaction() as tx:
                person = visit.signed_in.person_id
                await passkeys.remove_own(tx, self.door.rules, account_id=person, id=visit.param("id"))
        except LastWayIn as error:
            form = Form(errors={"passkeys": said(visit, error)})
            return await self._own(visit, form, status=error.status)
        return visit.redirect("/staff")


def said(visit: Visit, error: Refusal) -> str:
    """A refusal in the visitor's language, with when to try again."""
    text = say(error.detail, visit.lang)
    if error.retry_after_seconds:
        text += " " + visit.t("Try again in %(seconds)s seconds.", seconds=error.retry_after_seconds)
    return text
