"""Conditional requests (RFC 9110, section 13): entity tags made of revisions, 304, `If-Match`."""

import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Header, Request, Response
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.catalog.service.editions import Editions
from dawr.catalog.store.editions import Edition, edition
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
    """Whether a caller has an answer that there is; compares weakly, as RFC 9110 says for this header."""
    return names(if_none_match, tag) or (if_none_match is not None and if_none_match.strip() == "*")


def names(if_none_match: str | None, tag: str) -> bool:
    """Whether a caller names the tag of an answer, so that they must have got it: `*` names none."""
    return if_none_match is not None and tag in {each.strip().removeprefix("W/") for each in if_none_match.split(",")}


def seen_revisions(if_match: str | None) -> frozenset[int] | None:
    """The revisions that `If-Match` names, to be compared strongly; none if the caller does not mind (`*`)."""
    if if_match is None or if_match.strip() == "*":
        return None
    found = (_REVISION.fullmatch(each.strip()) for each in if_match.split(","))
    return frozenset(int(each[1]) for each in found if each is not None)


@dataclass(frozen=True, slots=True)
class PublicAnswers:
    """Answers that anybody may keep for a while, one per language, and ask for again only if they changed.

    Whoever has the latest edition that this process knows is told so (304) without a query.
    """

    database: Database
    editions: Editions
    cache_seconds: int

    async def give(
        self,
        request: Request,
        if_none_match: str | None,
        read: Read,
        *,
        links: Callable[[Any], dict[str, str]] | None = None,
        by_day: bool = False,
    ) -> Response:
        """What was asked for, or 304. `links` gives its `Link` header; `by_day` says that it changes with the date."""
        lang = request_language(request)
        latest = self.editions.latest()
        if latest is not None and names(if_none_match, tag := self._tag(latest, lang, by_day)):
            return self._unchanged(tag, lang)
        begin = time.monotonic()
        async with self.database.reading() as connection:
            # Read before the answer: an answer that is newer than its tag is only asked for once more.
            latest = await edition(connection)
            tag = self._tag(latest, lang, by_day)
            self.editions.note(latest, begin)
            body = await read(connection, lang)
        if holds(if_none_match, tag):
            return self._unchanged(tag, lang)
        headers = self._headers(tag, lang)
        if links is not None:
            headers |= links(body)
        return Response(body.model_dump_json(), 200, headers, "application/json")

    def _tag(self, latest: Edition, lang: str, by_day: bool) -> str:
        days = (latest.days(self.database.clock()),) if by_day else ()
        return entity_tag(latest.revision, lang, *days)

    def _unchanged(self, tag: str, lang: str) -> Response:
        return Response(status_code=304, headers=self._headers(tag, lang))

    def _headers(self, tag: str, lang: str) -> dict[str, str]:
        return {
            "etag": tag,
            "cache-control": f"public, max-age={self.cache_seconds}",
            "vary": "Accept-Language",
            "content-language": lang,
        }
