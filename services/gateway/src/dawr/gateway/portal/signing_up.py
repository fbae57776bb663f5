"""Registering: one thing a page, kept sealed in the browser between the pages, and sent when all of it was checked."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response

from dawr.gateway.domain.digits import plain_digits
from dawr.gateway.domain.registration import Form as Registration
from dawr.gateway.domain.registration import read
from dawr.gateway.errors import SignInCrowded, SignInPaused
from dawr.gateway.errors_people import RegistrationNotInForm, RegistryAway, TooManyRegistrations
from dawr.gateway.portal.doors import Doors, resting
from dawr.gateway.portal.forms import Form
from dawr.gateway.portal.pages import Page
from dawr.gateway.portal.sealed import SealedCookie
from dawr.gateway.portal.security import own_path
from dawr.gateway.portal.visits import Visit
from dawr.servicekit.errors import Refusal
from dawr.servicekit.problems import say

SECONDS = 60 * 60
"""For how long the browser keeps what was typed."""
DOCUMENTS = ("card", "passport", "mrz")
_RESTING = (SignInPaused, TooManyRegistrations, SignInCrowded, RegistryAway)


@dataclass(frozen=True, slots=True)
class Step:
    """One page: its fields, and the fields of the registration that are judged by them."""

    name: str
    fields: tuple[str, ...]
    judged: tuple[str, ...]


STEPS = (
    Step("number", ("number",), ("identity_number",)),
    Step("born", ("day", "month", "year"), ("born",)),
    Step("document", ("document", *DOCUMENTS), ("document", *DOCUMENTS)),
    Step("reach", ("email", "phone"), ("address", "email", "phone")),
)
_FIELDS = {"identity_number": "number", "born": "day", "address": "email"}
"""The field of a page at which something is told that is wrong with a field of the registration."""


class SigningUp:
    """The pages of registering."""

    def __init__(self, doors: Doors, secrets: Sequence[bytes], public_url: str) -> None:
        self._doors = doors
        self._typed = SealedCookie("dawr-sign-up", secrets, seconds=SECONDS, public_url=public_url)
        doors.typed.append(self._typed)

    def pages(self) -> tuple[Page, ...]:
        """The pages of this room."""
        return (
            Page("/sign-up", self.start),
            Page("/sign-up/check", self.check),
            Page("/sign-up/check", self.register, methods=("POST",)),
            *(Page(f"/sign-up/{step.name}", self.ask) for step in STEPS),
            *(Page(f"/sign-up/{step.name}", self.take, methods=("POST",)) for step in STEPS),
        )

    async def start(self, visit: Visit) -> Response:
        """What is needed."""
        onward = own_path(visit.param("next"))
        if visit.signed_in is not None:
            return visit.redirect(onward)
        if onward != "/":
            self._keep(visit, self._answers(visit) | {"next": onward})
        return visit.page("signing_up/start.html")

    async def ask(self, visit: Visit) -> Response:
        """One of the steps."""
        return self._step(visit, Form(self._answers(visit)))

    def _step(self, visit: Visit, form: Form, *, status: int = 200) -> Response:
        at = _place(visit)
        back = f"/sign-up/{STEPS[at - 1].name}" if at else "/sign-up"
        content = {"form": form, "number": at + 1, "count": len(STEPS), "back": back}
        return visit.page(f"signing_up/{STEPS[at].name}.html", status=status, **content)

    async def take(self, visit: Visit) -> Response:
        """Keep what was typed, if it is in form, and go on to what is missing."""
        step, form = STEPS[_place(visit)], visit.form()
        answers = self._answers(visit) | {name: form.get(name) for name in step.fields}
        if step.name == "document":
            answers |= {name: "" for name in DOCUMENTS if name != form.get("document")}
            form.check("document", form.get("document") in DOCUMENTS, visit.t("Choose a document"))
        faults = self._faults(visit, answers)
        for field in step.judged:
            if field in faults:
                form.errors.setdefault(_at(step, field, answers), faults[field])
        if not form.is_right:
            return self._step(visit, form, status=422)
        self._keep(visit, answers)
        return visit.redirect(f"/sign-up/{_missing(answers, faults)}")

    async def check(self, visit: Visit) -> Response:
        """All of it, before it is sent."""
        return self._check(visit, Form())

    def _check(self, visit: Visit, form: Form, *, status: int = 200) -> Response:
        answers = self._answers(visit)
        missing = _missing(answers, self._faults(visit, answers))
        if missing != "check":
            return visit.redirect(f"/sign-up/{missing}")
        w, document = visit.writing, answers["document"]
        names = {
            "card": visit.t("Number of the identity card"),
            "passport": visit.t("Number of the passport"),
            "mrz": visit.t("The two lines at the foot of the passport's page"),
        }
        rows = [
            (visit.t("Identity number"), w.ltr(plain_digits(answers["number"])), "/sign-up/number"),
            (visit.t("Date of birth"), w.day(_born(answers), "long"), "/sign-up/born"),
            (names[document], w.ltr(answers[document]), "/sign-up/document"),
        ]
        if answers["email"]:
            rows.append((visit.t("Mail address"), w.ltr(answers["email"]), "/sign-up/reach"))
        if answers["phone"]:
            rows.append((visit.t("Phone"), w.ltr(answers["phone"]), "/sign-up/reach"))
        return visit.page("signing_up/check.html", status=status, form=form, rows=rows)

    async def register(self, visit: Visit) -> Response:
        """Send it. Whether the civil registry has the person as typed shows neither in the answer nor in its time."""
        answers, form = self._answers(visit), visit.form()
        if _missing(answers, self._faults(visit, answers)) != "check":
            return self._check(visit, form)
        try:
            await self._doors.door.register(visit.request, _registration(answers), language=visit.lang)
        except _RESTING as refusal:
            form.errors["send"] = resting(visit, refusal)
            return self._check(visit, form, status=refusal.status)
        return self._doors.wait_for_code(visit, plain_digits(answers["number"]), answers["next"], is_new=True)

    def _answers(self, visit: Visit) -> dict[str, str]:
        empty = {name: "" for step in STEPS for name in step.fields} | {"next": "/"}
        return empty | (self._typed.open(visit.request) or {})

    def _keep(self, visit: Visit, answers: dict[str, str]) -> None:
        kept = self._typed.keep(answers)
        if kept is not None:
            visit.cookies.append(kept)

    def _faults(self, visit: Visit, answers: dict[str, str]) -> dict[str, str]:
        """What is wrong, by field of the registration, as the rule for registrations judges it."""
        door = self._doors.door
        try:
            read(_registration(answers), door.database.clock().date(), door.rules.people.minor_years)
        except RegistrationNotInForm as refusal:
            return {field: _said(visit, fault) for field, fault in refusal.faults}
        return {}


def _place(visit: Visit) -> int:
    """Which of the steps a page is."""
    return next(at for at, step in enumerate(STEPS) if visit.path == f"/sign-up/{step.name}")


def _missing(answers: dict[str, str], faults: dict[str, str]) -> str:
    """The first step that is still to be made; `check` if none is."""
    for step in STEPS:
        if any(field in faults for field in step.judged) or not any(answers[name] for name in step.fields):
            return step.name
    return "check"


def _at(step: Step, field: str, answers: dict[str, str]) -> str:
    """The field of a page where something wrong is told."""
    if field == "document":
        return answers["document"] if answers["document"] in DOCUMENTS else "document"
    return _FIELDS.get(field, field if field in step.fields else step.fields[0])


def _born(answers: dict[str, str]) -> str:
    """The date of birth as ISO 8601, if the three fields make one."""
    year, month, day = (plain_digits(answers[name]) for name in ("year", "month", "day"))
    return f"{year:0>4}-{month:0>2}-{day:0>2}"


def _registration(answers: dict[str, str]) -> Registration:
    return Registration(
        identity_number=answers["number"],
        born=_born(answers),
        card=answers["card"],
        passport=answers["passport"],
        mrz=answers["mrz"],
        email=answers["email"],
        phone=answers["phone"],
    )


def _said(visit: Visit, fault: Refusal) -> str:
    return say(fault.title, visit.lang)
