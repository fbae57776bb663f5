"""Signing in, signing out, and going on where one was. `signing_up` has the way of those who are new."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from starlette.responses import Response

from dawr.gateway.door import Door
from dawr.gateway.errors import SignInCrowded, SignInPaused, TooManyCodes, TooManyTries, WrongCode
from dawr.gateway.identity import CODE_DIGITS, NUMBER_DIGITS
from dawr.gateway.portal.forms import Form
from dawr.gateway.portal.pages import Page
from dawr.gateway.portal.sealed import SealedCookie
from dawr.gateway.portal.security import own_path
from dawr.gateway.portal.visits import Visit
from dawr.gateway.service.sign_in import Contact
from dawr.servicekit.errors import Refusal
from dawr.servicekit.problems import say

WAITING_SECONDS = 30 * 60
"""For how long the browser keeps who waits for a code: longer than a code holds."""
AGAIN_SECONDS = 30
"""How soon another code can be asked for."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody who waits for a code, as their browser keeps it."""

    number: str
    next: str
    sent_at: float
    """Seconds since the epoch."""
    is_new: bool
    """Whether they are registering."""

    def again_in(self, now: float) -> int:
        """Seconds until another code can be asked for."""
        return max(0, math.ceil(self.sent_at + AGAIN_SECONDS - now))


class Doors:
    """The pages of signing in and out."""

    def __init__(self, door: Door, secrets: Sequence[bytes], public_url: str, *, has_provider: bool) -> None:
        self.door = door
        self.waiting = SealedCookie("dawr-code", secrets, seconds=WAITING_SECONDS, public_url=public_url)
        self.typed = [self.waiting]
        """What a browser keeps of who stands at the door; whoever uses it next has nothing to see there."""
        self._has_provider = has_provider

    def pages(self) -> tuple[Page, ...]:
        """The pages of this room."""
        return (
            Page("/sign-in", self.number),
            Page("/sign-in", self.ask, methods=("POST",)),
            Page("/sign-in/code", self.code),
            Page("/sign-in/code", self.enter, methods=("POST",)),
            Page("/sign-in/again", self.again, methods=("POST",)),
            Page("/sign-out", self.out),
            Page("/sign-out", self.sign_out, methods=("POST",)),
            Page("/continue", self.go_on),
        )

    async def number(self, visit: Visit) -> Response:
        """Who is it."""
        onward = own_path(visit.param("next"))
        if visit.signed_in is not None:
            return visit.redirect(self._onward(visit, onward, visit.person_id))
        # A number in an address is one of the ready-made people of a development platform, never anybody's.
        known = visit.param("number") if visit.portal.platform.mail_url else ""
        return self._number(visit, Form({"number": known, "next": onward}))

    def _number(self, visit: Visit, form: Form, *, status: int = 200) -> Response:
        return visit.page(
            "doors/sign_in.html",
            status=status,
            form=form,
            onward=own_path(form.get("next")),
            has_ended=visit.param("ended") == "1",
            problem=visit.param("problem"),
            has_provider=self._has_provider,
        )

    async def ask(self, visit: Visit) -> Response:
        """Send a code. Whether the number is known shows neither in what is answered nor in when."""
        form = visit.form()
        number = identity_number(visit, form)
        if not form.is_right:
            return self._number(visit, form, status=422)
        try:
            await self.door.ask_code(visit.request, number, language=visit.lang, contact=Contact())
        except (SignInPaused, TooManyCodes, SignInCrowded) as refusal:
            form.errors["number"] = resting(visit, refusal)
            return _waits(self._number(visit, form, status=refusal.status), refusal)
        return self.wait_for_code(visit, number, own_path(form.get("next")), is_new=False)

    def wait_for_code(self, visit: Visit, number: str, onward: str, *, is_new: bool) -> Response:
        """On to the page where the code is entered, which is told who waits for it by a cookie."""
        content = {"number": number, "next": onward, "sent": self._now(), "new": is_new}
        kept = self.waiting.keep(content)
        if kept is not None:
            visit.cookies.append(kept)
        return visit.redirect("/sign-in/code")

    async def code(self, visit: Visit) -> Response:
        """The code that came."""
        waiting = self._who_waits(visit)
        if waiting is None:
            return visit.redirect("/sign-in")
        return self._code(visit, waiting, Form())

    def _code(self, visit: Visit, waiting: Waiting, form: Form, *, status: int = 200) -> Response:
        minutes = int(self.door.rules.policy.lifetime.total_seconds() // 60)
        again_in = waiting.again_in(self._now())
        content = {"waiting": waiting, "minutes": minutes, "again_in": again_in}
        return visit.page("doors/code.html", status=status, form=form, **content)

    async def enter(self, visit: Visit) -> Response:
        """A right code begins a session, always a new one."""
        waiting, form = self._who_waits(visit), visit.form()
        if waiting is None:
            return visit.redirect("/sign-in")
        code = form.digits("code")
        is_code = len(code) == CODE_DIGITS and code.isascii() and code.isdigit()
        if not form.check("code", is_code, visit.t("Enter the six digits of the code")):
            return self._code(visit, waiting, form, status=422)
        try:
            issued = await self.door.enter_code(visit.request, waiting.number, code)
        except WrongCode as refusal:
            form.errors["code"] = _wrong(visit, refusal)
            return _waits(self._code(visit, waiting, form, status=422), refusal)
        except (SignInPaused, TooManyTries, SignInCrowded) as refusal:
            form.errors["code"] = resting(visit, refusal)
            return _waits(self._code(visit, waiting, form, status=refusal.status), refusal)
        visit.cookies += [*issued.cookies, *(each.forget() for each in self.typed)]
        return visit.redirect(self._onward(visit, waiting.next, issued.signed_in.person_id))

    async def again(self, visit: Visit) -> Response:
        """Another code in the place of the one before."""
        waiting = self._who_waits(visit)
        if waiting is None:
            return visit.redirect("/sign-in")
        if waiting.is_new:
            return visit.redirect("/sign-up/check")
        if waiting.again_in(self._now()):
            return self._code(visit, waiting, Form())
        try:
            await self.door.ask_code(visit.request, waiting.number, language=visit.lang, contact=Contact())
        except (SignInPaused, TooManyCodes, SignInCrowded) as refusal:
            form = Form(errors={"code": resting(visit, refusal)})
            return _waits(self._code(visit, waiting, form, status=refusal.status), refusal)
        return self.wait_for_code(visit, waiting.number, waiting.next, is_new=False)

    async def out(self, visit: Visit) -> Response:
        """Signed out; or the button, for whoever comes by a link."""
        return visit.page("doors/sign_out.html")

    async def sign_out(self, visit: Visit) -> Response:
        """End the session, and take away what this browser keeps of its owner."""
        if visit.signed_in is not None:
            visit.cookies += await self.door.sign_out(visit.signed_in)
        visit.cookies += [*(each.forget() for each in self.typed), visit.portal.kept_forms.forget()]
        return visit.redirect("/sign-out")

    async def go_on(self, visit: Visit) -> Response:
        """The form that came too late, to be sent again by its sender."""
        kept = visit.portal.kept_forms.open(visit.request, visit.person_id)
        if kept is None:
            return visit.redirect("/")
        return visit.page("doors/continue.html", kept=kept, about=_about(visit, kept.path))

    def _now(self) -> float:
        return self.door.database.clock().timestamp()

    def _who_waits(self, visit: Visit) -> Waiting | None:
        kept: Mapping[str, Any] | None = self.waiting.open(visit.request)
        return None if kept is None else Waiting(kept["number"], own_path(kept["next"]), kept["sent"], kept["new"])

    def _onward(self, visit: Visit, path: str, person_id: UUID | None) -> str:
        """Where somebody who has signed in goes on: where they were going, or to the form that waits for them."""
        return "/continue" if visit.portal.kept_forms.open(visit.request, person_id) is not None else path


def _about(visit: Visit, path: str) -> str:
    """What somebody was about to do, by the path of their form."""
    known = {
        "take": visit.t("take a turn"),
        "turns": visit.t("change a turn"),
        "cases": visit.t("change a turn at a mission"),
        "preferences": visit.t("change how you are told"),
        "relatives": visit.t("change a mandate"),
        "sessions": visit.t("sign out elsewhere"),
    }
    return known.get(path.split("?", maxsplit=1)[0].split("/")[1], visit.t("send a form"))


def identity_number(visit: Visit, form: Form) -> str:
    """The identity number that was typed, in ASCII digits; an error of the form if it is none."""
    number = form.digits("number")
    is_number = len(number) == NUMBER_DIGITS and number.isascii() and number.isdigit()
    form.check("number", is_number, visit.t("Enter your identity number: 11 digits"))
    return number


def resting(visit: Visit, refusal: Refusal) -> str:
    """What a refusal says, and when to try again."""
    return f"{say(refusal.title, visit.lang)}. {wait_for(visit, refusal.retry_after_seconds or 1)}"


def wait_for(visit: Visit, seconds: int) -> str:
    """When to try again."""
    if seconds < 2 * 60:
        return visit.nt("Try again in %(num)s second.", "Try again in %(num)s seconds.", seconds)
    return visit.nt("Try again in %(num)s minute.", "Try again in %(num)s minutes.", -(-seconds // 60))


def _wrong(visit: Visit, refusal: WrongCode) -> str:
    """A wrong code, and what comes next: how many tries are left, or how long the pause is that has just begun."""
    if refusal.retry_after_seconds:
        return f"{visit.t('That was too many wrong codes. Ask for a new one after the pause.')} " + wait_for(
            visit, refusal.retry_after_seconds
        )
    left = int(str(refusal.data["tries_left"]))
    told = visit.nt(
        "%(num)s try is left, then signing in pauses.", "%(num)s tries are left, then signing in pauses.", left
    )
    return f"{say(refusal.title, visit.lang)}. {told}"


def _waits(response: Response, refusal: Refusal) -> Response:
    if refusal.retry_after_seconds:
        response.headers["retry-after"] = str(refusal.retry_after_seconds)
    return response
