"""The payer's page: plain HTML forms in Arabic and English, usable without JavaScript."""

import asyncio
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from babel import Locale, negotiate_locale
from babel.dates import format_datetime, get_timezone
from fastapi import APIRouter, Depends, Form, Header, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dawr.tools.bank.amounts import amount_text
from dawr.tools.bank.domain import PAYABLE, Checkout
from dawr.tools.bank.errors import CheckoutClosed, NoSuchThing
from dawr.tools.bank.page.texts import TEXTS
from dawr.tools.bank.parts import Parts, parts_of
from dawr.tools.bank.wire import Language

Action = Literal["approve", "decline", "later"]
Outcome = Literal["approved", "declined", "later"]
PartsDep = Annotated[Parts, Depends(parts_of)]
AcceptDep = Annotated[str, Header(alias="accept")]
LanguagesDep = Annotated[str, Header(alias="accept-language")]

_LANGUAGES: dict[str, Language] = {"ar": "ar", "en": "en"}
_FOLDER = Path(__file__).parent / "page"
router = APIRouter(include_in_schema=False)


def page_templates() -> Environment:
    return Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined)


def chosen_language(asked: str | None, checkout: Checkout | None, accept_language: str) -> Language:
    """What the payer clicked, else what the merchant said, else what the browser prefers, else Arabic."""
    for language in (asked, checkout.language if checkout else None):
        if known := _LANGUAGES.get(language or ""):
            return known
    preferred = [part.split(";")[0].strip() for part in accept_language.split(",")]
    return _LANGUAGES.get(negotiate_locale(preferred, list(_LANGUAGES), sep="-") or "", "ar")


def way_back(checkout: Checkout, outcome: str) -> str:
    """The merchant's return_url with `status` set."""
    parts = urlsplit(checkout.return_url)
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != "status"]
    return urlunsplit(parts._replace(query=urlencode([*query, ("status", outcome)])))


def _headers(checkout: Checkout | None) -> dict[str, str]:
    """No scripts, no frames. A form's redirect goes to the merchant, so browsers must be told of its origin."""
    back = urlsplit(checkout.return_url) if checkout else None
    form_action = f"'self' {back.scheme}://{back.netloc}" if back else "'none'"
    return {
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action {form_action}",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Vary": "Accept-Language",
    }


def _rendered(request: Request, checkout: Checkout | None, language: Language, status: int) -> HTMLResponse:
    locale = Locale(language)
    other: Language = "en" if language == "ar" else "ar"
    facts: dict[str, object] = {}
    if checkout:
        figure, currency = amount_text(checkout.amount, checkout.currency, locale)
        until = format_datetime(checkout.expires_at, "d MMMM y HH:mm z", tzinfo=get_timezone("UTC"), locale=locale)
        facts = {
            "description": checkout.description_ar if language == "ar" else checkout.description_en,
            "figure": figure,
            "currency": currency,
            "until": until,
            "reference": checkout.reference,
            "status": checkout.status,
            "payable": checkout.status in PAYABLE,
            "back": way_back(checkout, checkout.status),
        }
    page = request.app.state.templates.get_template("pay.html").render(
        text=TEXTS[language],
        language=language,
        direction=locale.text_direction,
        other_language=other,
        other_name=TEXTS[other].own_name,
        found=checkout is not None,
        **facts,
    )
    return HTMLResponse(page, status, headers=_headers(checkout) | {"Content-Language": language})


@router.get("/pay.css")
async def style_sheet() -> Response:
    return FileResponse(_FOLDER / "pay.css", media_type="text/css", headers={"Cache-Control": "max-age=300"})


@router.get("/pay/{checkout_id}")
async def show(
    request: Request,
    checkout_id: str,
    parts: PartsDep,
    language: str | None = None,
    accept_language: LanguagesDep = "",
) -> Response:
    try:
        checkout = await asyncio.to_thread(parts.bank.page, checkout_id)
    except NoSuchThing:
        return _rendered(request, None, chosen_language(language, None, accept_language), 404)
    return _rendered(request, checkout, chosen_language(language, checkout, accept_language), 200)


async def _act(parts: Parts, checkout_id: str, action: Action) -> tuple[Checkout, Outcome]:
    """Raises CheckoutClosed, NoSuchThing."""
    if action == "approve":
        return await asyncio.to_thread(parts.bank.approve, checkout_id), "approved"
    if action == "decline":
        return await asyncio.to_thread(parts.bank.decline, checkout_id), "declined"
    checkout = await asyncio.to_thread(parts.bank.page, checkout_id)
    if checkout.status not in PAYABLE:
        raise CheckoutClosed(checkout.status)
    return checkout, "later"


@router.post("/pay/{checkout_id}")
async def act(
    request: Request,
    checkout_id: str,
    *,
    action: Annotated[Action, Form()],
    parts: PartsDep,
    language: str | None = None,
    accept: AcceptDep = "",
    accept_language: LanguagesDep = "",
) -> Response:
    """A browser is sent back to the merchant; a client that accepts JSON gets {"status": …} or a problem."""
    wants_json = "application/json" in accept
    try:
        checkout, outcome = await _act(parts, checkout_id, action)
    except CheckoutClosed:
        if wants_json:
            raise
        checkout = await asyncio.to_thread(parts.bank.page, checkout_id)
        return _rendered(request, checkout, chosen_language(language, checkout, accept_language), 409)
    except NoSuchThing:
        if wants_json:
            raise
        return _rendered(request, None, chosen_language(language, None, accept_language), 404)
    finally:
        parts.courier.wake()
    if wants_json:
        return JSONResponse({"status": outcome})
    return RedirectResponse(way_back(checkout, outcome), 303, headers={"Cache-Control": "no-store"})
