"""Who may call is said by each operation, in the OpenAPI document and to those who call; silence is refused."""

from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dawr.servicekit.auth import Caller, Role
from dawr.servicekit.callers import PUBLIC, for_roles, signed_in
from dawr.servicekit.service import Service
from dawr.servicekit.settings import ServiceSettings


def shop(*routers: APIRouter, **more: Any) -> Service:
    return Service(
        name="shop", title="Shop", version="1", settings=ServiceSettings(), has_database=False, routers=routers, **more
    )


async def nothing(_request: Request) -> Response:
    return Response()


def test_the_document_tells_who_may() -> None:
    router, staff = APIRouter(), APIRouter(prefix="/staff", dependencies=[Depends(signed_in(Role.DESK, Role.AUDITOR))])

    @router.get("/prices", openapi_extra=PUBLIC)
    async def prices() -> int:
        return 1

    @router.get("/orders")
    async def orders(_caller: Annotated[Caller, Depends(signed_in())]) -> int:
        return 1

    def of_one(caller: Annotated[Caller, Depends(signed_in(Role.CITIZEN))]) -> Caller:
        return caller

    @router.post("/orders")
    async def order(_caller: Annotated[Caller, Depends(of_one)]) -> int:
        return 1

    @staff.delete("/orders/{number}")
    async def remove(number: int) -> int:
        return number

    router.include_router(staff)
    paths = shop(router).fastapi().openapi()["paths"]
    told = {
        f"{method} {path}": {name: value for name, value in operation.items() if name in {"x-roles", "x-public"}}
        for path, item in paths.items()
        for method, operation in item.items()
    }
    assert told == {
        "get /api/shop/prices": {"x-public": True},
        "get /api/shop/orders": {"x-roles": ["*"]},
        "post /api/shop/orders": {"x-roles": ["citizen"]},
        "delete /api/shop/staff/orders/{number}": {"x-roles": ["auditor", "desk"]},
    }


def test_a_route_that_says_nothing_keeps_its_service_from_starting() -> None:
    router = APIRouter()

    @router.get("/forgotten", include_in_schema=False)
    async def forgotten() -> int:
        return 1

    with pytest.raises(ValueError, match=r"GET /api/shop/forgotten must say once who may call it"):
        shop(router).app()


def test_a_route_says_one_thing() -> None:
    router = APIRouter(dependencies=[Depends(signed_in(Role.FINANCE))])

    @router.get("/both", openapi_extra=PUBLIC)
    async def both() -> int:
        return 1

    with pytest.raises(ValueError, match="GET /api/shop/both must say once"):
        shop(router).app()
    other = APIRouter(dependencies=[Depends(signed_in(Role.FINANCE))])

    @other.get("/twice", dependencies=[Depends(signed_in(Role.AUDITOR))])
    async def twice() -> int:
        return 1

    with pytest.raises(ValueError, match="GET /api/shop/twice must say once"):
        shop(other).app()


@pytest.mark.parametrize("said", [{}, {**PUBLIC, **for_roles(Role.DESK)}])
def test_what_is_described_by_hand_says_it_too(said: dict[str, Any]) -> None:
    def described(document: dict[str, Any]) -> dict[str, Any]:
        operation = {"summary": "By hand", "responses": {}, **said}
        return {**document, "paths": {**document["paths"], "/api/shop/plain": {"get": operation}}}

    service = shop(routes=(Route("/api/shop/plain", nothing),), openapi=described)
    with pytest.raises(ValueError, match="GET /api/shop/plain must say who may call it"):
        service.fastapi().openapi()
