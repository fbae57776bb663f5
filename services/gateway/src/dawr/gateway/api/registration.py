"""Registering over HTTP: `/api/registrations`. The code that comes is entered at `/api/session`, as to sign in."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from dawr.contracts import Text
from dawr.gateway.api.session import IdentityNumber
from dawr.gateway.domain.registration import Form
from dawr.gateway.door import Door
from dawr.gateway.errors import SignInCrowded, SignInPaused
from dawr.gateway.errors_people import RegistrationNotInForm, RegistryAway, TooManyRegistrations
from dawr.servicekit.callers import PUBLIC
from dawr.servicekit.openapi import refusals
from dawr.servicekit.problems import request_language, say

CHECKED = Text(
    ar="إن طابقت البيانات ما في السجل المدني فالرمز في طريقه إليك، ومن سبق له التسجيل يصله الرمز حيث سجل",
    en="If this is what the civil registry has, a code is on its way; to whoever is registered already, where they are",
)

Typed = Annotated[str, Field(max_length=64)]


class RegistrationRequest(BaseModel):
    """Who somebody is, by one document, and where they are reached. Digits may be Arabic or Latin."""

    model_config = ConfigDict(extra="forbid")

    identity_number: IdentityNumber
    born: Typed = Field(description="Date of birth, ISO 8601.", examples=["1991-04-17"])
    card: Typed = Field(default="", description="Number of the identity card.", examples=["104382915"])
    passport: Typed = Field(default="", description="Number of the passport.", examples=["N01234567"])
    mrz: list[Typed] = Field(
        default=[],
        max_length=2,
        description="The two lines at the foot of the passport's page, 44 signs each, in place of its number.",
    )
    email: Annotated[str, Field(max_length=254)] = Field(default="", examples=["name@example.com"])
    phone: Typed = Field(default="", description="With the country's code.", examples=["+963991234567"])


class RegistrationAnswer(BaseModel):
    """The one answer, whether the civil registry knows the person or not."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"detail": CHECKED.en, "expires_in": 600}]})

    detail: str
    expires_in: int = Field(description="For how many seconds a code holds.")


def create_router(door: Door) -> APIRouter:
    """The routes; the gateway puts them under `/api`."""
    router = APIRouter(tags=["session"])

    @router.post(
        "/registrations",
        status_code=202,
        operation_id="register",
        summary="Register",
        responses=refusals(RegistrationNotInForm, SignInPaused, TooManyRegistrations, SignInCrowded, RegistryAway),
        openapi_extra=PUBLIC,
    )
    async def register(body: RegistrationRequest, request: Request) -> RegistrationAnswer:
        """Sends a code to the address given, if the civil registry has the person as given: trade it at
        `POST /api/session`. Asked again, the new registration takes the place of the one before."""
        lang = request_language(request)
        try:
            form = Form(**body.model_dump(exclude={"mrz"}), mrz="\n".join(body.mrz))
            await door.register(request, form, language=lang)
        except RegistrationNotInForm as refusal:
            raise RegistrationNotInForm(refusal.faults, lang) from None
        return RegistrationAnswer(detail=say(CHECKED, lang), expires_in=int(door.rules.policy.lifetime.total_seconds()))

    return router
