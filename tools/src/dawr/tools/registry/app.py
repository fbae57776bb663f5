"""The registry over HTTP: /v1 for those who may ask, behind the API key; /sandbox for tests, without."""

import asyncio
import secrets
from dataclasses import dataclass, field
from datetime import date
from http import HTTPStatus
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Depends, FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from dawr.tools.registry.faults import Faults
from dawr.tools.registry.names import Name
from dawr.tools.registry.people import PEOPLE, Families, Person, Sex
from dawr.tools.registry.samples import Sample, add_samples
from dawr.tools.registry.settings import RegistrySettings


@dataclass
class Parts:
    settings: RegistrySettings
    people: dict[str, Person]
    samples: tuple[Sample, ...]
    faults: Faults = field(default_factory=Faults)


def parts_of(request: Request) -> Parts:
    return cast(Parts, request.app.state.parts)


PartsDep = Annotated[Parts, Depends(parts_of)]


class Bilingual(BaseModel):
    ar: str
    en: str


class PassportRecord(BaseModel):
    """A passport; `mrz` are its two machine-readable lines (ICAO Doc 9303, TD3)."""

    number: str
    until: date
    mrz: tuple[str, str]


class Documents(BaseModel):
    """What the person was issued; null where there is none."""

    identity_card: str | None
    passport: PassportRecord | None


class RelativeRecord(BaseModel):
    """One of a person's family."""

    kinship: Literal["parent", "spouse", "sibling", "child"]
    identity_number: str
    given: Bilingual
    family: Bilingual
    born: date
    died: date | None


class PersonRecord(BaseModel):
    """A person as the registry has them."""

    identity_number: str
    given: Bilingual
    family: Bilingual
    born: date
    sex: Sex
    died: date | None
    abroad: str | None
    """ISO 3166-1 alpha-2."""
    documents: Documents
    relatives: list[RelativeRecord]


class SampleRecord(BaseModel):
    """A ready-made person, and who that is in a few words."""

    label: Bilingual
    person: PersonRecord


class Search(BaseModel):
    """The body of POST /v1/people/search: a number in an address would be in every log."""

    identity_number: Annotated[str, Field(pattern=r"^\d{11}$")]


class Refusal(Exception):
    """A request that is refused."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        self.status, self.code = status, code
        super().__init__(detail)


def _problem(status: int, code: str, detail: str, **more: object) -> JSONResponse:
    body = {"type": f"urn:problem:{code}", "title": HTTPStatus(status).phrase, "status": status, "code": code}
    headers = {"Retry-After": "1"} if status in {429, 503} else {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return JSONResponse(
        body | {"detail": detail} | more, status, headers=headers, media_type="application/problem+json"
    )


def require_api_key(parts: PartsDep, authorization: Annotated[str, Header()] = "") -> None:
    scheme, _, key = authorization.partition(" ")
    expected = parts.settings.api_key.get_secret_value().encode()
    if scheme.lower() != "bearer" or not secrets.compare_digest(key.strip().encode(), expected):
        raise Refusal(401, "key-refused", "Send your API key as 'Authorization: Bearer <key>'.")


async def meet_faults(parts: PartsDep) -> None:
    await asyncio.sleep(parts.faults.answer_seconds)
    if parts.faults.refuses():
        raise Refusal(parts.faults.status, "fault", "Refused by a fault switch.")


askers = APIRouter(prefix="/v1", dependencies=[Depends(require_api_key), Depends(meet_faults)])
sandbox = APIRouter(prefix="/sandbox")


@askers.post("/people/search")
async def search(wanted: Search, parts: PartsDep) -> PersonRecord:
    """The person of a number; 404 if it is nobody's."""
    person = parts.people.get(wanted.identity_number)
    if person is None:
        raise Refusal(404, "not-found", "Nobody has this number.")
    return record_of(person)


@askers.get("/samples")
async def samples(parts: PartsDep) -> list[SampleRecord]:
    """Three people to try a platform as; of no registry but this one."""
    return [SampleRecord(label=_text(each.label), person=record_of(each.person)) for each in parts.samples]


def record_of(person: Person) -> PersonRecord:
    """A person as the answer has them."""
    passport, mrz = person.passport, person.mrz
    return PersonRecord(
        identity_number=person.number,
        given=_text(person.given),
        family=_text(person.family),
        born=person.born,
        sex=person.sex,
        died=person.died,
        abroad=person.abroad,
        documents=Documents(
            identity_card=person.card,
            passport=PassportRecord(number=passport.number, until=passport.until, mrz=mrz)
            if passport and mrz
            else None,
        ),
        relatives=[
            RelativeRecord(
                kinship=kinship,
                identity_number=each.number,
                given=_text(each.given),
                family=_text(each.family),
                born=each.born,
                died=each.died,
            )
            for kinship, each in person.family_members
        ],
    )


def _text(name: Name) -> Bilingual:
    return Bilingual(ar=name.ar, en=name.en)


@sandbox.get("/faults")
async def show_faults(parts: PartsDep) -> Faults:
    return parts.faults


@sandbox.put("/faults")
async def set_faults(faults: Faults, parts: PartsDep) -> Faults:
    """Replaces all switches: what the body leaves out is off."""
    parts.faults = faults
    return faults


@sandbox.delete("/faults", status_code=204)
async def clear_faults(parts: PartsDep) -> Response:
    parts.faults = Faults()
    return Response(status_code=204)


def _install_problems(app: FastAPI) -> None:
    @app.exception_handler(Refusal)
    async def refused(_: Request, refusal: Refusal) -> Response:
        return _problem(refusal.status, refusal.code, str(refusal))

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> Response:
        # Without what was sent: it may be somebody's number.
        errors = [{"pointer": "/" + "/".join(map(str, each["loc"])), "code": each["type"]} for each in error.errors()]
        return _problem(422, "malformed", "The request is not as the protocol has it.", errors=errors)

    @app.exception_handler(HTTPException)
    async def not_served(_: Request, error: HTTPException) -> Response:
        code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
        return _problem(error.status_code, code, str(error.detail))


def create_app(settings: RegistrySettings) -> FastAPI:
    """Makes all its people: they are the same each time, so that there is nothing to keep."""
    families = Families(settings.seed)
    made = add_samples(families)
    families.fill(PEOPLE)
    app = FastAPI(title="Sandbox civil registry", version="1", docs_url=None, redoc_url=None)
    app.state.parts = Parts(settings, families.people, made)
    _install_problems(app)
    app.include_router(askers)
    app.include_router(sandbox)

    @app.get("/healthz", include_in_schema=False)
    async def alive() -> Response:
        return JSONResponse({"status": "alive"})

    @app.get("/readyz", include_in_schema=False)
    async def ready() -> Response:
        return JSONResponse({"status": "ready"})

    return app
