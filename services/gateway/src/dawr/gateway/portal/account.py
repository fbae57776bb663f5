"""One's own: the account, how one is told of things, where one is signed in, and what one was told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from starlette.responses import Response

from dawr.gateway.door import Door
from dawr.gateway.errors import BrokenAnswer, ServiceSlow, ServiceUnavailable
from dawr.gateway.portal.addresses import mail_address, phone_number
from dawr.gateway.portal.forms import Form, told
from dawr.gateway.portal.pages import CITIZEN, Page, uuid_of
from dawr.gateway.portal.texts import paragraphs
from dawr.gateway.portal.upstream import Refused, segment
from dawr.gateway.portal.visits import Visit
from dawr.gateway.service.people import Profile
from dawr.gateway.sessions import SignedIn
from dawr.servicekit.auth import NotSignedIn, Role
from dawr.servicekit.problems import NotFound

ANYBODY = frozenset(Role)
_SHOWN_MESSAGES = 20
_PAGES_LOOKED_AT = 5

CHANNELS: Mapping[str, tuple[str, ...]] = {
    "email-sms": ("email", "sms", "inbox"),
    "sms-email": ("sms", "email", "inbox"),
    "email": ("email", "inbox"),
    "sms": ("sms", "inbox"),
    "inbox": ("inbox",),
}
"""The orders of ways that make sense, by their radio button: nothing that comes after the inbox is tried."""
_PREFERENCES = {"language": "language", "digits": "digits", "email": "email", "phone": "phone", "channels": "channels"}


@dataclass(frozen=True, slots=True)
class Account:
    """The pages of one's own account."""

    door: Door

    def pages(self) -> tuple[Page, ...]:
        """The pages of this room."""
        return (
            Page("/account", self.account, CITIZEN),
            Page("/preferences", self.preferences, CITIZEN),
            Page("/preferences", self.prefer, CITIZEN, ("POST",)),
            Page("/sessions", self.sessions, ANYBODY),
            Page("/sessions/everywhere", self.end_everywhere, ANYBODY, ("POST",)),
            Page("/sessions/{id}", self.end_session, ANYBODY, ("POST",)),
            Page("/inbox", self.inbox, CITIZEN),
            Page("/inbox/{id}", self.message, CITIZEN),
        )

    async def account(self, visit: Visit) -> Response:
        """Who one is to the platform, and where one changes what."""
        profile = await profile_of(self.door, visit)
        return visit.page("account/account.html", profile=profile, unread=await _unread(visit))

    async def preferences(self, visit: Visit) -> Response:
        """How one is told of things, as it is."""
        known = (await visit.get("/api/notifications/preferences")).data
        form = Form(
            {
                "language": known["language"],
                "digits": known["digits"],
                "email": known["email"] or "",
                "phone": known["phone"] or "",
                "channels": _order(known["channels"]),
            }
        )
        return self._preferences(visit, form, is_saved=visit.param("saved") == "1")

    def _preferences(self, visit: Visit, form: Form, *, status: int = 200, is_saved: bool = False) -> Response:
        return visit.page("account/preferences.html", status=status, form=form, is_saved=is_saved)

    async def prefer(self, visit: Visit) -> Response:
        """Say how one wants to be told; the pages follow in language and digits."""
        form = visit.form()
        form.check("language", form.get("language") in {"ar", "en"}, visit.t("Choose a language"))
        form.check("digits", form.get("digits") in {"latn", "arab"}, visit.t("Choose the digits"))
        form.check("channels", form.get("channels") in CHANNELS, visit.t("Choose how you want to be told"))
        email, phone = mail_address(form.get("email")), phone_number(form.get("phone"))
        form.check("email", email is not None, visit.t("Enter a mail address, like name@example.com"))
        form.check("phone", phone is not None, visit.t("Enter a phone number with its country's code"))
        if not form.is_right:
            return self._preferences(visit, form, status=422)
        wanted = {
            "language": form.get("language"),
            "digits": form.get("digits"),
            "email": email or None,
            "phone": phone or None,
            "channels": CHANNELS[form.get("channels")],
        }
        try:
            await visit.put("/api/notifications/preferences", wanted)
        except Refused as refused:
            form.errors |= told(refused.problem, _PREFERENCES, lambda detail: detail)
            if form.is_right:
                raise
            return self._preferences(visit, form, status=422)
        visit.remember_language(form.get("language"))
        visit.remember_digits(form.get("digits"))
        return visit.redirect("/preferences?saved=1")

    async def sessions(self, visit: Visit) -> Response:
        """Where one is signed in."""
        me = _who(visit)
        found = await self.door.sessions.list(me.person_id)
        return visit.page(
            "account/sessions.html", sessions=found, this=me.session_id, zone=visit.portal.platform.home_zone
        )

    async def end_session(self, visit: Visit) -> Response:
        """Sign out elsewhere, or here."""
        me, session_id = _who(visit), uuid_of(visit.param("id"))
        if session_id == me.session_id:
            visit.cookies += await self.door.sign_out(me)
            return visit.redirect("/sign-out")
        # One that is over already is what was wanted; another person's is not touched.
        await self.door.sessions.end_one(me.person_id, session_id)
        return visit.redirect("/sessions")

    async def end_everywhere(self, visit: Visit) -> Response:
        """Sign out everywhere, here too."""
        visit.cookies += await self.door.sign_out_everywhere(_who(visit))
        return visit.redirect("/sign-out")

    async def inbox(self, visit: Visit) -> Response:
        """What one was told, the newest first."""
        cursor = visit.param("cursor") or None
        page = (await visit.get("/api/notifications/inbox", {"limit": _SHOWN_MESSAGES, "cursor": cursor})).data
        return visit.page("account/inbox.html", page=page, cursor=cursor or "", zone=visit.portal.platform.home_zone)

    async def message(self, visit: Visit) -> Response:
        """One message. It counts as read from now on."""
        message_id, cursor = uuid_of(visit.param("id")), visit.param("cursor") or None
        message = await _find_message(visit, message_id, cursor)
        if message["read_at"] is None:
            await visit.post(f"/api/notifications/inbox/{segment(message_id)}/read")
        text = paragraphs(message["text"])
        return visit.page(
            "account/message.html",
            message=message,
            text=text,
            cursor=cursor or "",
            zone=visit.portal.platform.home_zone,
        )


async def profile_of(door: Door, visit: Visit) -> Profile | None:
    """What the platform knows of the visitor: nothing of those who came by an open registration."""
    async with door.database.reading() as connection:
        return await door.rules.people.load_profile(connection, _who(visit).person_id)


async def _unread(visit: Visit) -> int:
    """How many messages wait; none if notifications is away, as the page is of use without."""
    try:
        inbox = await visit.get("/api/notifications/inbox", {"limit": 1})
    except (Refused, ServiceUnavailable, ServiceSlow, BrokenAnswer):
        return 0
    return int(inbox.data["unread"])


def _who(visit: Visit) -> SignedIn:
    if visit.signed_in is None:
        raise NotSignedIn
    return visit.signed_in


def _order(ways: Sequence[str]) -> str:
    """The radio button for an order of ways: what comes after the inbox does not count."""
    until_inbox = tuple(ways[: ways.index("inbox") + 1]) if "inbox" in ways else (*ways, "inbox")
    return next((name for name, order in CHANNELS.items() if order == until_inbox), "")


async def _find_message(visit: Visit, message_id: UUID, cursor: str | None) -> dict[str, Any]:
    """A message on the page of the inbox where it was seen, or, as new ones move it on, on one of the next."""
    for _ in range(_PAGES_LOOKED_AT):
        page = (await visit.get("/api/notifications/inbox", {"limit": 100, "cursor": cursor})).data
        found: dict[str, Any] | None = next((each for each in page["items"] if each["id"] == str(message_id)), None)
        if found is not None:
            return found
        cursor = page["next"]
        if cursor is None:
            break
    raise NotFound
