"""Conditional requests (RFC 9110, section 13): entity tags made of revisions, 304, `If-Match`."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Header, Request, Response
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.catalog.store.stored import catalogue_revision
from dawr.servicekit.database import Database
from dawr.servicekit.problems import request_language

IfNoneMatch = Annotated[str | None, Header(max_length=1000, description="Entity tags that the caller has.")]
IfMatch = Annotated[
    str | None,
    Header(max_length=1000, description="The entity tag of what the caller read; another one by now: 412."),
]

KEPT: dict[int | str, dict[str, Any]] = {304: {"description": "What the caller has is still true."}}

_REVISION = re.compile(r'"(\d{1,9})"', re.ASCII)

Read = Callable[[AsyncConnection, str], Awaitable[BaseModel]]
"""Reads an answer in a language."""


def entity_tag(*parts: object) -> str:
    """A strong entity tag made of what tells one answer from another."""
    return '"' + "-".join(str(part) for part in parts) + '"'


def holds(if_none_match: str | None, tag: str) -> bool:
    """Whether a caller has the answer with this tag already; compares weakly, as RFC 9110 says for this header."""
    if if_none_match is None:
        return False
    given = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return tag in given or "*" in given


def seen_revisions(if_match: str | None) -> frozenset[int] | None:
    """The revisions that `If-Match` names, to be compared strongly; none if the caller does not mind (`*`)."""
    if if_match is None or if_match.strip() == "*":
        return None
    found = (_REVISION.fullmatch(each.strip()) for each in if_match.split(","))
    return frozenset(int(each[1]) for each in found if each is not None)


@dataclass(frozen=True, slots=True)
class PublicAnswers:
    """Answers that anybody may keep for a while, one per language, and ask for again only if they changed."""

    database: Database
    cache_seconds: int

    async def give(
        self,
        request: Request,
        if_none_match: str | None,
        read: Read,
        *,
        links: Callable[[Any], dict[str, str]] | None = None,
    ) -> Response:
        """What was asked for, or 304 from the catalogue's revision alone. `links` gives its `Link` header."""
        lang = request_language(request)
        async with self.database.reading() as connection:
            # Read before the answer: an answer that is newer than its tag is only asked for once more.
            tag = entity_tag(await catalogue_revision(connection), lang)
            if holds(if_none_match, tag):
                return self._unchanged(tag, lang)
            body = await read(connection, lang)
        headers = self._headers(tag, lang)
        if links is not None:
            headers |= links(body)
        return Response(body.model_dump_json(), 200, headers, "application/json")

    async def give_dated(
        self, request: Request, if_none_match: str | None, read: Read, *, dated: Callable[[Any], object]
    ) -> Response:
        """The same for an answer that also changes with the date that `dated` finds in it."""
        lang = request_language(request)
        async with self.database.reading() as connection:
            revision = await catalogue_revision(connection)
            body = await read(connection, lang)
        tag = entity_tag(revision, lang, dated(body))
        if holds(if_none_match, tag):
            return self._unchanged(tag, lang)
        return Response(body.model_dump_json(), 200, self._headers(tag, lang), "application/json")

    def _unchanged(self, tag: str, lang: str) -> Response:
        return Response(status_code=304, headers=self._headers(tag, lang))

    def _headers(self, tag: str, lang: str) -> dict[str, str]:
        return {
            "etag": tag,
            "cache-control": f"public, max-age={self.cache_seconds}",
            "vary": "Accept-Language",
            "content-language": lang,
        }
