"""The rows that there should be, from the services' documents, and what is wrong with those that there are."""

import csv
import importlib
import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from dawr.gateway.access import COLUMNS, PUBLIC, Owner, Row
from dawr.tools.demo.books import SERVICES

TABLE = Path("services/gateway/src/dawr/gateway/access.csv")
_OWNERS = {owner.value for owner in Owner}
_AGAIN = "run `python -m dawr.tools.access write`"

Document = dict[str, Any]


def documents() -> dict[str, Document]:
    """The OpenAPI document of each service, from the service put together here; nothing is connected."""
    with _environment():
        return {
            service: importlib.import_module(f"dawr.{service}.app").create_service().fastapi().openapi()
            for service in SERVICES
        }


def rows(of: Mapping[str, Document]) -> list[Row]:
    """A row for each operation, without owners and notes; and for each service's document itself."""
    found = []
    for service, document in of.items():
        found.append(Row(service, "GET", f"/api/{service}/openapi.json", (PUBLIC,), "", ""))
        for path, item in document["paths"].items():
            for method, operation in item.items():
                roles = (PUBLIC,) if "x-public" in operation else tuple(operation["x-roles"])
                found.append(Row(service, method.upper(), path, roles, "", ""))
    return sorted(found, key=lambda row: (SERVICES.index(row.service), row.path, row.method))


def renewed(wanted: list[Row], kept: tuple[Row, ...]) -> list[Row]:
    """The rows that there should be, with the owners and notes of those that there are."""
    by_name = {row.name: row for row in kept}
    return [
        replace(row, owner=by_name[row.name].owner, note=by_name[row.name].note) if row.name in by_name else row
        for row in wanted
    ]


def written(table: list[Row]) -> str:
    """The text of the table."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((row.service, row.method, row.path, " ".join(row.roles), row.owner, row.note) for row in table)
    return text.getvalue()


def wrong(wanted: list[Row], kept: tuple[Row, ...]) -> list[str]:
    """What is wrong with the table; empty if it is as the documents say."""
    should, has = {row.name: row for row in wanted}, {row.name: row for row in kept}
    found = [f"{name} has no row: {_AGAIN}, and write its owner" for name in should if name not in has]
    found += [f"{name} is no operation: {_AGAIN}" for name in has if name not in should]
    for name, row in has.items():
        if name in should and (row.service, row.roles) != (should[name].service, should[name].roles):
            found.append(f"{name} is for {should[name].roles} of {should[name].service}, not {row.roles}: {_AGAIN}")
        if row.owner not in _OWNERS:
            found.append(f"{name}: no owner is called {row.owner!r}; the words are {', '.join(sorted(_OWNERS))}")
    if len(has) != len(kept):
        found.append(f"a row stands twice: {_AGAIN}")
    return found


@contextmanager
def _environment() -> Iterator[None]:
    """What services need to be put together: this is no platform, and there is no database."""
    told = {"DAWR_ENVIRONMENT": "development"}
    told |= {f"{service.upper()}_DATABASE_URL": "postgresql://127.0.0.1:1/none" for service in SERVICES}
    before = dict(os.environ)
    os.environ.update(told)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
