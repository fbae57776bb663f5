"""`/import`, `/export`: the whole catalogue as a workbook, or as an archive of CSV files."""

import asyncio
import hashlib
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from dawr.catalog.api.edits import NO_STORE
from dawr.catalog.api.forms import Reason
from dawr.catalog.api.shown import Shown
from dawr.catalog.errors import BelowUse, CatalogueInvalid
from dawr.catalog.folder.archives import ARCHIVE_BYTES
from dawr.catalog.folder.catalogue import Catalogue, catalogue_of, read_rows
from dawr.catalog.folder.files import Format, source_of, written
from dawr.catalog.folder.problems import called_as
from dawr.catalog.folder.reading import Source
from dawr.catalog.service.alterations import Altered, What
from dawr.catalog.service.close_days import Horizon
from dawr.catalog.service.imports import import_catalogue, present_catalogue
from dawr.catalog.service.load import Loaded
from dawr.servicekit.auth import Caller, NotAllowed, Role
from dawr.servicekit.callers import signed_in
from dawr.servicekit.database import Database, Transaction
from dawr.servicekit.idempotency import KEY_REFUSALS, Answer, IdempotencyKey, answer_once, needed
from dawr.servicekit.limits import Upload, body_of
from dawr.servicekit.openapi import refusals
from dawr.servicekit.problems import invalid_request

PATH = "/import"
UPLOAD = Upload(ARCHIVE_BYTES, tuple(form.media_type for form in Format))
"""What the import takes: the largest body of all, and no JSON."""

Administrator = Annotated[Caller, Depends(signed_in(Role.ADMINISTRATOR))]

_FILE: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_FILES = {form.media_type: _FILE for form in Format}


class ShownDifference(Shown):
    """A place that becomes another."""

    path: str = Field(examples=["/name/en"])
    """A JSON pointer; an entry of a list that has codes goes by its code."""
    before: Any
    after: Any


class ShownAltered(Shown):
    """A thing that becomes another."""

    kind: str = Field(examples=["service"])
    code: str = Field(examples=["PASS_REN"])
    """Of a fee `PASS_REN/N/online/2026-12-01`, of a plan `DAM-01/PASS_REN/N/2026-12-01`."""
    what: What
    differences: tuple[ShownDifference, ...]


class ImportReport(Shown):
    """What an import changed, or would change."""

    dry_run: bool
    counts: dict[What, int]
    changes: tuple[ShownAltered, ...]


class _TriedOut(Exception):
    """Ends a transaction that was only to show what it would do."""


class _Importer:
    """Reads files one at a time, however many are sent: each takes memory and a processor."""

    def __init__(self, database: Database, horizon: Horizon) -> None:
        self._database = database
        self._horizon = horizon
        self._reading = asyncio.Lock()

    async def read(self, body: bytes, form: Format) -> tuple[Source, Catalogue]:
        """What a file says; raises CatalogueInvalid with every problem."""
        async with self._reading:
            return await asyncio.to_thread(_read, body, form)

    async def load(self, tx: Transaction, source: Source, catalogue: Catalogue, caller: Caller, reason: str) -> Loaded:
        """Import it; what can't be decided is told by the source's own places."""
        with called_as(source.called):
            return await import_catalogue(tx, catalogue, by=caller.person_id, reason=reason, horizon=self._horizon)

    async def try_out(self, source: Source, catalogue: Catalogue, caller: Caller) -> Loaded:
        """Import it, and undo that."""
        loaded = Loaded()
        with suppress(_TriedOut):
            async with self._database.transaction() as tx:
                loaded = await self.load(tx, source, catalogue, caller, "a dry run")
                raise _TriedOut
        return loaded


def create_imports_router(database: Database, horizon: Horizon) -> APIRouter:
    """The resources by which whole catalogues come in and go out."""
    router = APIRouter(tags=["staff"])
    importer = _Importer(database, horizon)

    @router.post(
        PATH,
        operation_id="import_catalogue",
        summary="Import a workbook, or an archive of CSV files",
        description="All or nothing. What the files have otherwise is changed; what they don't have stays. Fees are "
        "added, plans are proposed. `dry_run` changes nothing, and needs neither reason nor key.",
        response_model=ImportReport,
        responses=refusals(*KEY_REFUSALS, NotAllowed, CatalogueInvalid, BelowUse),
        openapi_extra={"requestBody": {"required": True, "content": _FILES}},
    )
    async def import_(
        request: Request,
        caller: Administrator,
        dry_run: Annotated[bool, Query(description="Only tell what it would change, and every problem.")] = False,
        reason: Annotated[Reason | None, Query(description="Why: kept with each change.")] = None,
        key: IdempotencyKey = None,
    ) -> Response:
        body, form = body_of(request), _form(request)
        if dry_run:
            loaded = await importer.try_out(*await importer.read(body, form), caller)
            report = _report(loaded, dry_run=True)
            return Response(report.model_dump_json(), 200, NO_STORE, "application/json")
        needed(key)
        if reason is None:
            raise invalid_request([{"type": "missing", "loc": ("query", "reason"), "msg": "Field required"}])
        why = reason
        source, catalogue = await importer.read(body, form)

        async def load(tx: Transaction) -> Answer:
            loaded = await importer.load(tx, source, catalogue, caller, why)
            return 200, _report(loaded, dry_run=False).model_dump(mode="json"), NO_STORE

        asked = ("import_catalogue", why, hashlib.sha256(body).hexdigest())
        return await answer_once(database, person_id=caller.person_id, key=key, request=asked, use_case=load)

    @router.get(
        "/export",
        operation_id="export_catalogue",
        summary="The catalogue as a workbook, or as an archive of CSV files",
        description="To import it again changes nothing.",
        response_class=Response,
        responses={200: {"description": "The file.", "content": _FILES}, **refusals(NotAllowed)},
        dependencies=[Depends(signed_in(Role.ADMINISTRATOR))],
    )
    async def export(
        form: Annotated[Format, Query(alias="format", description="`csv`: an archive with a file of each kind.")],
    ) -> Response:
        async with database.transaction() as tx:
            catalogue = await present_catalogue(tx)
        body = await asyncio.to_thread(written, catalogue, form)
        name = f'attachment; filename="catalogue{form.suffix}"'
        return Response(body, 200, NO_STORE | {"content-disposition": name}, form.media_type)

    return router


def _form(request: Request) -> Format:
    given = request.headers.get("content-type", "").split(";")[0].strip().lower()
    return next(form for form in Format if form.media_type == given)


def _read(body: bytes, form: Format) -> tuple[Source, Catalogue]:
    source = source_of(body, form)
    return source, catalogue_of(read_rows(source))


def _report(loaded: Loaded, *, dry_run: bool) -> ImportReport:
    counts = {what: sum(each.what is what for each in loaded.altered) for what in What}
    # What was imported is in `changes`, place by place: its answer is kept for two days, so it is short.
    changes = tuple(_shown(each, with_differences=dry_run) for each in loaded.altered)
    return ImportReport(dry_run=dry_run, counts=counts, changes=changes)


def _shown(altered: Altered, *, with_differences: bool) -> ShownAltered:
    found = altered.differences if with_differences else ()
    return ShownAltered(
        kind=altered.kind,
        code=altered.code,
        what=altered.what,
        differences=tuple(ShownDifference(path=each.path, before=each.before, after=each.after) for each in found),
    )
