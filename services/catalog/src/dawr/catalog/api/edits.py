"""What all edits of staff share: the revision that they start from, and rules told in the caller's language."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import BaseModel

from dawr.catalog.api.conditional import entity_tag, seen_revisions
from dawr.catalog.api.forms import Form, Reason
from dawr.catalog.errors import ChangedMeanwhile, RevisionNeeded, RulesBroken
from dawr.contracts import Text
from dawr.contracts.values import Code
from dawr.servicekit.idempotency import Answer
from dawr.servicekit.pages import link_next
from dawr.servicekit.problems import request_language, say

EDIT_REFUSALS = (RevisionNeeded, ChangedMeanwhile)
"""What a change of something that was read refuses."""

NO_STORE = {"cache-control": "no-store"}

OfOffice = Annotated[Code | None, Query(examples=["DAM-01"])]
OfService = Annotated[Code | None, Query(examples=["PASS_REN"])]


class Why(Form):
    """A step that needs nothing but its reason."""

    reason: Reason


def read_before(if_match: str | None) -> frozenset[int]:
    """The revisions that the caller read; raises RevisionNeeded if `If-Match` names none (`*` would be anything)."""
    seen = seen_revisions(if_match)
    if seen is None:
        raise RevisionNeeded
    return seen


def made(body: BaseModel, revision: int, *, status: int = 200, location: str | None = None) -> Answer:
    """The answer that shows something at its revision; to a first one, with where it is."""
    headers = NO_STORE | {"etag": entity_tag(revision)} | ({"location": location} if location else {})
    return status, body.model_dump(mode="json"), headers


def shown(body: BaseModel, revision: int | None = None) -> Response:
    """The answer to a reader of staff, who may edit what it shows at a revision."""
    tag = {} if revision is None else {"etag": entity_tag(revision)}
    return Response(body.model_dump_json(), 200, NO_STORE | tag, "application/json")


def shown_page(request: Request, page: BaseModel, cursor: str | None) -> Response:
    """The answer to a reader of staff that is one page of a list; `cursor` is the next page's, none for the last."""
    answer = shown(page)
    answer.headers.update(link_next(request, cursor))
    return answer


@contextmanager
def told_in_language(request: Request) -> Iterator[None]:
    """Have the rules that are broken within told in the caller's language."""
    try:
        yield
    except RulesBroken as refusal:
        raise RulesBroken(errors=_said(refusal.data["errors"], request_language(request))) from None


def _said(errors: Any, lang: str) -> list[dict[str, object]]:
    said = []
    for each in errors:
        text = each["detail"]
        said.append(each | {"detail": say(text, lang) if isinstance(text, Text) else text})
    return said
