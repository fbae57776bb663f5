"""The table of who may ask what is as the documents say, and whoever changes an operation is told what to write."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dawr.gateway.access import Owner, Row, read_table
from dawr.tools.access.__main__ import main
from dawr.tools.access.table import TABLE, renewed, rows, written, wrong


def document(**operations: dict[str, Any]) -> dict[str, Any]:
    return {"paths": {"/api/booking/turns/{id}": operations}}


@pytest.fixture
def kept() -> tuple[Row, ...]:
    """A table as people left it."""
    made = rows({"booking": document(get={"x-roles": ["citizen"]}, put={"x-roles": ["*"]})})
    owned = [replace(row, owner="own", note="of oneself, only" if row.method == "PUT" else "") for row in made]
    return read_table(written(owned))


def test_a_row_stands_for_each_operation_and_for_the_document_itself(kept: tuple[Row, ...]) -> None:
    assert [(row.name, row.roles) for row in kept] == [
        ("GET /api/booking/openapi.json", ("public",)),
        ("GET /api/booking/turns/{id}", ("citizen",)),
        ("PUT /api/booking/turns/{id}", ("*",)),
    ]


def test_what_people_wrote_stays(kept: tuple[Row, ...]) -> None:
    wanted = rows({"booking": document(put={"x-roles": ["desk", "mission"]}, delete={"x-public": True})})
    new = {row.name: row for row in renewed(wanted, kept)}
    path = "/api/booking/turns/{id}"
    assert new[f"PUT {path}"] == Row("booking", "PUT", path, ("desk", "mission"), "own", "of oneself, only")
    assert new[f"DELETE {path}"] == Row("booking", "DELETE", path, ("public",), "", "")
    assert f"GET {path}" not in new


def test_nothing_is_wrong_with_a_table_that_is_current(kept: tuple[Row, ...]) -> None:
    assert wrong([replace(row, owner="", note="") for row in kept], kept) == []


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (document(get={"x-roles": ["citizen"]}), "PUT .* is no operation"),
        (document(get={"x-roles": ["citizen"]}, put={"x-roles": ["*"]}, post={"x-public": True}), "POST .* has no row"),
        (document(get={"x-roles": ["citizen"]}, put={"x-roles": ["desk"]}), "PUT .* is for .*desk.*, not"),
        (document(get={"x-roles": ["citizen"]}, put={"x-public": True}), "PUT .* is for .*public.*, not"),
    ],
)
def test_what_differs_is_named(kept: tuple[Row, ...], now: dict[str, Any], told: str) -> None:
    [found] = wrong(rows({"booking": now}), kept)
    assert re.match(told, found), found


@pytest.mark.parametrize("owner", ["", "mine", "OWN"])
def test_an_owner_is_written_in_a_known_word(kept: tuple[Row, ...], owner: str) -> None:
    table = (replace(kept[0], owner=owner), *kept[1:])
    [found] = wrong(list(kept), table)
    assert found.startswith(f"{kept[0].name}: no owner is called {owner!r}")
    assert all(each.value in found for each in Owner)


def test_a_row_stands_once(kept: tuple[Row, ...]) -> None:
    assert any("stands twice" in each for each in wrong(list(kept), (*kept, kept[0])))


def test_the_table_that_ships_is_current(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0, capsys.readouterr().err
    (tmp_path / TABLE.parent).mkdir(parents=True)
    assert main(["write"], root=tmp_path) == 0
    assert main(["check"], root=tmp_path) == 1, "nobody has written owners"
    assert "no owner is called ''" in capsys.readouterr().err
    (tmp_path / TABLE).write_text("service,method\n")
    assert main(["check"], root=tmp_path) == 1
