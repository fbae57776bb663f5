"""Refusals as application/problem+json (RFC 9457), with a stable `code`."""

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from dawr.tools.bank.errors import BankRefusal


def problem(status: int, code: str, detail: str, **more: object) -> JSONResponse:
    body = {"type": f"urn:problem:{code}", "title": HTTPStatus(status).phrase, "status": status, "code": code}
    headers = {"Retry-After": "1"} if status == 503 else {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return JSONResponse(
        body | {"detail": detail} | more, status, headers=headers, media_type="application/problem+json"
    )


def install(app: FastAPI) -> None:
    """Answer every refusal, malformed request and unknown address of the app as a problem."""

    @app.exception_handler(BankRefusal)
    async def refused(_: Request, refusal: BankRefusal) -> Response:
        return problem(refusal.status, refusal.code, str(refusal))

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> Response:
        errors = [
            {"pointer": "/" + "/".join(str(part) for part in item["loc"]), "code": item["type"], "detail": item["msg"]}
            for item in error.errors()
        ]
        return problem(422, "malformed", "The request is not as the protocol has it.", errors=errors)

    @app.exception_handler(HTTPException)
    async def not_served(_: Request, error: HTTPException) -> Response:
        code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
        return problem(error.status_code, code, str(error.detail))
