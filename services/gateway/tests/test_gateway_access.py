"""The table of who may ask what, and how it is looked up."""

import pytest

from dawr.gateway.access import Owner, Row, Ways, read_table
from dawr.servicekit.auth import Role

HEAD = "service,method,path,roles,owner,note\n"


def row(method: str, path: str) -> Row:
    return Row("shop", method, path, ("citizen",), "own", "")


def test_the_table_is_read() -> None:
    [found] = read_table(HEAD + 'shop,GET,/api/shop/orders/{id},auditor citizen,own-or-role,"auditors: each"\n')
    assert found == Row("shop", "GET", "/api/shop/orders/{id}", ("auditor", "citizen"), "own-or-role", "auditors: each")
    assert found.name == "GET /api/shop/orders/{id}"


@pytest.mark.parametrize("text", ["", "a,b\n", HEAD + "shop,GET,/x,citizen,own\n", HEAD + "shop,GET,/x,*,-,a,b\n"])
def test_another_form_is_no_table(text: str) -> None:
    with pytest.raises(ValueError, match=r"columns"):
        read_table(text)


def test_the_table_that_ships_speaks_of_roles_and_owners_that_there_are() -> None:
    table = read_table()
    for each in table:
        assert each.roles in {("public",), ("*",)} or set(each.roles) <= set(Role), each
        assert each.owner in set(Owner), each
    assert len({each.name for each in table}) == len(table)


@pytest.mark.parametrize(
    ("roles", "held", "may"),
    [
        (("public",), [], True),
        (("public",), [Role.DESK], True),
        (("*",), [], False),
        (("*",), [Role.DESK], True),
        (("citizen", "desk"), [], False),
        (("citizen", "desk"), [Role.DESK, Role.AUDITOR], True),
        (("citizen", "desk"), [Role.AUDITOR], False),
    ],
)
def test_who_may(roles: tuple[str, ...], held: list[Role], may: bool) -> None:
    assert Row("shop", "GET", "/", roles, "-", "").allows(held) is may


def test_paths_are_looked_up_by_their_segments() -> None:
    table = [
        row("GET", "/api/shop/orders"),
        row("POST", "/api/shop/orders"),
        row("GET", "/api/shop/orders/new"),
        row("DELETE", "/api/shop/orders/{id}"),
        row("PUT", "/api/shop/a.b/{one}/and/{other}"),
        Row("bank", "GET", "/api/bank/orders", ("*",), "-", ""),
    ]
    ways = Ways("shop", table)
    assert ways.methods(b"/api/shop/orders") == {"GET", "HEAD", "POST", "OPTIONS"}
    assert ways.methods(b"/api/shop/orders/new") == {"GET", "HEAD", "DELETE", "OPTIONS"}
    assert ways.methods(b"/api/shop/orders/%D8%AF") == {"DELETE", "OPTIONS"}
    assert ways.methods(b"/api/shop/a.b/1/and/2") == {"PUT", "OPTIONS"}
    nowhere = (b"/api/shop/orders/", b"/api/shop/orders/7/8", b"/api/shop/a-b/1/and/2", b"/api/bank/orders", b"", b"\n")
    for path in (*nowhere, b"/api/shop/orders\n", b"/api/shop/orders/7\n/8"):
        assert ways.methods(path) is None, path


def test_a_service_without_rows_has_no_ways() -> None:
    assert Ways("shop", []).methods(b"") is None


def test_a_path_is_meant_by_one_row() -> None:
    with pytest.raises(ValueError, match="can be meant by both"):
        Ways("shop", [row("GET", "/api/shop/{one}/new"), row("PUT", "/api/shop/orders/{id}")])
