"""What notifications answers over HTTP: the inbox, preferences, templates, and what was tried."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from dawr.notifications import examples
from dawr.notifications.domain import Contact, Digits, Language, MessageState, Way
from dawr.notifications.errors import MessageUnknown, TemplateUnknown
from dawr.notifications.rendering import PARTS, Style, Texts
from dawr.notifications.sealing import Seals
from dawr.notifications.service import contacts, inbox
from dawr.notifications.service.sending import CatalogueCopy
from dawr.notifications.store import inbox as inbox_store
from dawr.notifications.values import values_of, zone_of
from dawr.servicekit.auth import Caller, NotAllowed, Role
from dawr.servicekit.callers import signed_in
from dawr.servicekit.database import Database
from dawr.servicekit.openapi import refusals
from dawr.servicekit.pages import Cursor, Limit, cursor_after, link_next, moment_and_id, place_of
from dawr.servicekit.problems import request_language

Email = Annotated[str, Field(pattern=contacts.EMAIL, max_length=254, examples=["sami@example.org"])]
Phone = Annotated[str, Field(pattern=contacts.PHONE, examples=["+963991234567"])]
Ways = Annotated[tuple[Way, ...], Field(max_length=3, examples=[["sms", "email"]])]


class Preferences(BaseModel):
    """How the caller is told. What is left out or null falls back to what is registered, then to mail, SMS, inbox."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    language: Language | None = None
    digits: Digits = "latn"
    """Of Arabic texts: `latn` 012, `arab` ٠١٢."""
    email: Email | None = None
    phone: Phone | None = None
    """E.164. Sign-in codes go to registered addresses alone."""
    channels: Ways = ()
    """In the order of preference; nothing that comes after `inbox` is tried."""


class ShownPreferences(BaseModel):
    """How the caller is told from now on."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    language: Language
    digits: Digits
    email: str | None
    phone: str | None
    channels: tuple[Way, ...]


class InboxMessage(BaseModel):
    """One message, in the language of the answer."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: UUID
    template: str
    subject: str
    text: str
    turn_id: UUID | None
    """What it is about, if it is about a turn."""
    created_at: datetime
    read_at: datetime | None


class Inbox(BaseModel):
    """A page of messages, the newest first."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    items: list[InboxMessage]
    unread: int
    """Of the whole inbox."""
    next: str | None


class ReadMark(BaseModel):
    """Since when a message counts as read."""

    id: UUID
    read_at: datetime


class Delivery(BaseModel):
    """One attempt to hand a message over. Addresses are not shown."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    message_id: UUID
    person_id: UUID
    template: str
    channel: Way
    provider: str
    attempt: int
    outcome: Literal["taken", "not-now", "never"]
    code: str
    """`smtp-550`, `http-503`, `timed-out`, …"""
    reference: str | None
    """The provider's own."""
    at: datetime
    message_state: MessageState


class Deliveries(BaseModel):
    """A page of attempts, the newest first."""

    items: list[Delivery]
    next: str | None


class TemplateSummary(BaseModel):
    """A template, and the parts it has in each language."""

    code: str
    languages: tuple[Language, ...] = ("ar", "en")
    parts: tuple[str, ...] = PARTS


class Templates(BaseModel):
    """The templates there are."""

    items: list[TemplateSummary]


class PreviewRequest(BaseModel):
    """For which reader to show it."""

    model_config = ConfigDict(extra="forbid")

    language: Language = "ar"
    digits: Digits = "latn"


class Preview(BaseModel):
    """A template filled in with its example."""

    code: str
    language: Language
    subject: str
    text: str
    html: str
    sms: str


SignedIn = Annotated[Caller, Depends(signed_in())]
for_auditors = Depends(signed_in(Role.AUDITOR))
for_administrators = Depends(signed_in(Role.ADMINISTRATOR))


def create_router(database: Database, texts: Texts, seals: Seals) -> APIRouter:
    """The resources of notifications."""
    router = APIRouter()
    _add_preferences(router, database, seals)
    _add_inbox(router, database, texts, seals)
    _add_deliveries(router, database)
    _add_templates(router, texts)
    return router


def _shown(contact: Contact) -> ShownPreferences:
    addresses = contact.addresses()
    return ShownPreferences(
        language=contact.speaks(),
        digits=contact.digits,
        email=addresses.get(Way.EMAIL),
        phone=addresses.get(Way.SMS),
        channels=tuple(dict.fromkeys((*contact.ways, *Way))),
    )


def _add_preferences(router: APIRouter, database: Database, seals: Seals) -> None:
    @router.get(
        "/preferences",
        operation_id="get_preferences",
        summary="How I am told",
        tags=["preferences"],
    )
    async def get_preferences(caller: SignedIn) -> ShownPreferences:
        async with database.reading() as connection:
            return _shown(await contacts.find(connection, caller.person_id, seals))

    @router.put(
        "/preferences",
        operation_id="put_preferences",
        summary="Say how I want to be told",
        tags=["preferences"],
    )
    async def put_preferences(wanted: Preferences, caller: SignedIn) -> ShownPreferences:
        chosen = Contact(
            email=wanted.email,
            phone=wanted.phone,
            language=wanted.language,
            digits=wanted.digits,
            ways=tuple(dict.fromkeys(wanted.channels)),
        )
        async with database.transaction() as tx:
            return _shown(await contacts.choose(tx, caller.person_id, chosen, seals))


def _add_inbox(router: APIRouter, database: Database, texts: Texts, seals: Seals) -> None:
    catalogue = CatalogueCopy()

    @router.get(
        "/inbox",
        operation_id="get_inbox",
        summary="What I was told, the newest first",
        tags=["inbox"],
    )
    async def get_inbox(
        request: Request, response: Response, caller: SignedIn, limit: Limit = 20, cursor: Cursor = None
    ) -> Inbox:
        async with database.reading() as connection:
            contact = await contacts.find(connection, caller.person_id, seals)
            asked: Language = "en" if request_language(request) == "en" else "ar"
            page = await inbox.page(
                connection,
                caller.person_id,
                contact,
                texts=texts,
                catalogue=catalogue,
                language=asked if "accept-language" in request.headers else contact.speaks(asked),
                now=database.clock(),
                limit=limit,
                before=place_of(cursor, moment_and_id),
            )
        following = cursor_after(page.last[0].isoformat(), page.last[1]) if page.last else None
        response.headers.update(link_next(request, following))
        items = [
            InboxMessage(
                id=entry.id,
                template=entry.template,
                subject=entry.subject,
                text=entry.text,
                turn_id=entry.subject_id,
                created_at=entry.created_at,
                read_at=entry.read_at,
            )
            for entry in page.entries
        ]
        return Inbox(items=items, unread=page.unread, next=following)

    @router.post(
        "/inbox/{id}/read",
        operation_id="read_message",
        summary="I have read this; saying it again changes nothing",
        tags=["inbox"],
        responses=refusals(MessageUnknown),
    )
    async def read_message(id: UUID, caller: SignedIn) -> ReadMark:
        async with database.transaction() as tx:
            return ReadMark(id=id, read_at=await inbox.read(tx, caller.person_id, id))


def _add_deliveries(router: APIRouter, database: Database) -> None:
    @router.get(
        "/deliveries",
        operation_id="list_deliveries",
        summary="What was tried, for a person or a message, the newest first (auditors)",
        tags=["deliveries"],
        responses=refusals(NotAllowed),
        dependencies=[for_auditors],
    )
    async def list_deliveries(
        request: Request,
        response: Response,
        person: UUID | None = None,
        message: UUID | None = None,
        limit: Limit = 50,
        cursor: Annotated[str | None, Query(pattern=r"^[0-9]{1,18}$", description="`next` of the page before.")] = None,
    ) -> Deliveries:
        async with database.reading() as connection:
            rows = await inbox_store.find_deliveries(
                connection,
                person=person,
                message=message,
                before=int(cursor) if cursor else None,
                limit=limit + 1,
            )
        following = str(rows[limit - 1].id) if len(rows) > limit else None
        response.headers.update(link_next(request, following))
        items = [
            Delivery(
                message_id=row.message_id,
                person_id=row.person_id,
                template=row.template,
                channel=Way(row.way),
                provider=row.provider,
                attempt=row.attempt,
                outcome=row.outcome,
                code=row.code,
                reference=row.reference,
                at=row.at,
                message_state=MessageState(row.state),
            )
            for row in rows[:limit]
        ]
        return Deliveries(items=items, next=following)


def _add_templates(router: APIRouter, texts: Texts) -> None:
    @router.get(
        "/templates",
        operation_id="list_templates",
        summary="The templates (administrators)",
        tags=["templates"],
        responses=refusals(NotAllowed),
        dependencies=[for_administrators],
    )
    async def list_templates() -> Templates:
        return Templates(items=[TemplateSummary(code=code) for code in texts.codes])

    @router.post(
        "/templates/{code}/preview",
        operation_id="preview_template",
        summary="A template filled in with its example; nothing is sent (administrators)",
        tags=["templates"],
        responses=refusals(NotAllowed, TemplateUnknown),
        dependencies=[for_administrators],
    )
    async def preview_template(
        code: Annotated[str, Path(max_length=48, examples=["turn-held"])],
        wanted: PreviewRequest,
    ) -> Preview:
        notice, known, secret = examples.example(code)
        style = Style(wanted.language, wanted.digits, zone_of(notice, known))
        values = values_of(notice, known, notice.created_at, secret=secret)
        mail = texts.mail(code, style, values)
        return Preview(
            code=code,
            language=wanted.language,
            subject=mail.subject,
            text=mail.text,
            html=mail.html,
            sms=texts.sms(code, style, values),
        )
