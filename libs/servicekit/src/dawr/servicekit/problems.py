"""Errors as RFC 9457 problem documents, in the caller's language, never with a stack."""

from collections.abc import Iterable
from typing import Any

import orjson
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from dawr.contracts import Text
from dawr.servicekit import telemetry
from dawr.servicekit.errors import Refusal, is_outage, is_transient

_log = telemetry.get_logger("dawr.problems")

MEDIA_TYPE = "application/problem+json"
DOCS = "/docs/problems#"


class InvalidRequest(Refusal):
    """The request does not have the form that the OpenAPI document gives."""

    code = "invalid-request"
    status = 422
    title = Text(ar="الطلب غير صحيح", en="The request is not valid")


class MalformedRequest(InvalidRequest):
    """The body is not JSON, or not of the announced type."""

    code = "malformed-request"
    status = 400
    title = Text(ar="تعذرت قراءة الطلب", en="The request can't be read")


class NotFound(Refusal):
    """Nothing is here, or nothing that the caller may see."""

    code = "not-found"
    status = 404
    title = Text(ar="غير موجود", en="Not found")


class Unavailable(Refusal):
    """A part that this answer needs is away for now."""

    code = "unavailable"
    status = 503
    title = Text(ar="الخدمة غير متاحة حالياً، حاول بعد قليل", en="Not available right now; try again shortly")


class InternalError(Refusal):
    """A bug of ours."""

    code = "internal-error"
    status = 500
    title = Text(ar="حدث خطأ لدينا", en="Something went wrong on our side")


_PLAIN = {
    404: NotFound.title,
    405: Text(ar="الطريقة غير مسموحة", en="Method not allowed"),
    406: Text(ar="لا يمكن الرد بهذا الشكل", en="No answer of that kind"),
    413: Text(ar="الطلب كبير جداً", en="The request is too large"),
    415: Text(ar="نوع المحتوى غير مدعوم", en="Content type not supported"),
}
_PLAIN_CODES = {
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    413: "too-large",
    415: "unsupported-media-type",
}


def catalogue() -> list[dict[str, Any]]:
    """Every problem that this process may answer with, by code: `{code, status, title: {ar, en}, meaning}`.

    Made from the refusals that it has loaded, so it can't tell of one that is not there or leave one out.
    """
    found: dict[str, dict[str, Any]] = {}
    for status, code in _PLAIN_CODES.items():
        found[code] = {
            "code": code,
            "status": status,
            "title": _PLAIN[status].model_dump(),
            "meaning": _PLAIN[status].en,
        }
    waiting: list[type[Refusal]] = [Refusal]
    while waiting:
        refusal = waiting.pop()
        waiting += refusal.__subclasses__()
        if not refusal.__module__.startswith("dawr."):
            continue  # a test's own
        meaning = " ".join((refusal.__doc__ or "").split("\n\n")[0].split())
        for code, title in refusal.titles().items():
            found[code] = {"code": code, "status": refusal.status, "title": title.model_dump(), "meaning": meaning}
    return [found[code] for code in sorted(found)]


def language(accept: str | None, default: str = "ar") -> str:
    """`ar` or `en`, whichever an `Accept-Language` header prefers; `default` if it names neither."""
    best, weight = default, 0.0
    for part in (accept or "")[:200].split(","):
        tag, _, parameters = part.strip().partition(";")
        primary = tag.split("-")[0].lower()
        if primary not in {"ar", "en"}:
            continue
        try:
            q = float(parameters.strip().removeprefix("q=")) if parameters else 1.0
        except ValueError:
            continue
        if q > weight:
            best, weight = primary, q
    return best


def say(text: Text, lang: str) -> str:
    """A text in a language."""
    return text.en if lang == "en" else text.ar


def request_language(request: Request) -> str:
    """The language of the answer to a request."""
    return language(request.headers.get("accept-language"), request.app.state.default_language)


def document(refusal: Refusal, *, lang: str, instance: str) -> dict[str, Any]:
    """The members of the problem document of a refusal. Its data takes the place of none that every problem has."""
    own = {
        "type": DOCS + refusal.code,
        "code": refusal.code,
        "title": say(refusal.title, lang),
        "status": refusal.status,
        "detail": say(refusal.detail, lang),
        "instance": instance,
        "trace_id": telemetry.trace_id(),
    }
    return own | {key: value for key, value in refusal.data.items() if value is not None and key not in own}


def respond(refusal: Refusal, *, lang: str, instance: str) -> Response:
    """The answer that a refusal gives."""
    headers = {"content-language": lang, "cache-control": "no-store"}
    if refusal.retry_after_seconds is not None:
        headers["retry-after"] = str(refusal.retry_after_seconds)
    if refusal.status == 401:
        headers["www-authenticate"] = "Bearer"
    body = orjson.dumps(document(refusal, lang=lang, instance=instance), default=_plain)
    return Response(body, refusal.status, headers, MEDIA_TYPE)


def _plain(value: object) -> object:
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if dump is not None else str(value)


def refusal_for(error: Exception) -> Refusal:
    """What an exception that reached the edge is to the caller."""
    if isinstance(error, Refusal):
        return error
    if is_outage(error) or is_transient(error) or isinstance(error, TimeoutError):
        _log.warning("request.unavailable", why=type(error).__name__)
        return Unavailable(retry_after_seconds=2)
    _log.error("request.failed", exc_info=error)
    return InternalError()


async def on_error(request: Request, error: Exception) -> Response:
    """Answer any exception with a problem document."""
    if isinstance(error, RequestValidationError):
        error = invalid_request(error.errors())
    elif isinstance(error, HTTPException):
        return _on_http_exception(request, error)
    return respond(refusal_for(error), lang=request_language(request), instance=request.url.path)


def _on_http_exception(request: Request, error: HTTPException) -> Response:
    refusal = MalformedRequest() if error.status_code == 400 else NotFound()
    lang = request_language(request)
    members = document(refusal, lang=lang, instance=request.url.path)
    if error.status_code != 400:
        code = _PLAIN_CODES.get(error.status_code, f"http-{error.status_code}")
        text = say(_PLAIN.get(error.status_code, InvalidRequest.title), lang)
        members |= {"type": DOCS + code, "code": code, "title": text, "detail": text, "status": error.status_code}
    headers = {**(error.headers or {}), "content-language": lang}
    return Response(orjson.dumps(members), error.status_code, headers, MEDIA_TYPE)


def invalid_request(errors: Iterable[Any]) -> Refusal:
    """The refusal of a request whose fields are wrong: `errors: [{pointer, code, detail}]`, without their values."""
    listed = []
    for each in errors:
        if each["type"] == "json_invalid":
            return MalformedRequest()
        location = [str(part).replace("~", "~0").replace("/", "~1") for part in each["loc"]]
        where = {"body": "#/", "query": "?", "path": "path:", "header": "header:"}.get(
            location[0] if location else "", ""
        )
        pointer = where + ("/" if where == "#/" else ".").join(location[1:] if where else location)
        listed.append({"pointer": pointer.rstrip("/") or "#", "code": each["type"], "detail": str(each["msg"])[:200]})
    return InvalidRequest(errors=listed[:20])
