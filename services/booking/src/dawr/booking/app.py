"""Booking, put together."""

import asyncio

from dawr.booking.api import create_router
from dawr.booking.availability import Enquiries
from dawr.booking.catalogue import Catalogue
from dawr.booking.consumers import create_consumers
from dawr.booking.intake import Intake
from dawr.booking.line import Line
from dawr.booking.offices import create_offices_router
from dawr.booking.present import Presenter
from dawr.booking.reschedules import Rescheduling, create_reschedules_router
from dawr.booking.service.ask_offices import count_questions
from dawr.booking.service.count_turns import count_turns
from dawr.booking.service.expire_holds import expire_holds
from dawr.booking.settings import BookingSettings
from dawr.booking.watch import Watch
from dawr.servicekit.clock import Clock, utc_now
from dawr.servicekit.copies import Copies
from dawr.servicekit.service import Service

VERSION = "0.1.0"
QUESTIONS_SECONDS = 15.0
"""How often turns by state, and the questions that wait for an office, are counted."""


def create_service(settings: BookingSettings | None = None, *, clock: Clock = utc_now) -> Service:
    """The booking service, ready to run; nothing connects before it does."""
    settings = settings or BookingSettings()
    service = Service(name="booking", title="Dawr booking", version=VERSION, settings=settings, clock=clock)
    database = service.database
    catalogue = Catalogue()
    line = Line(database)
    watch = Watch(database, line)
    intake = Intake(service.producer, service.verifier, catalogue, line, settings, clock)
    shown = Presenter(catalogue, settings.moves_count, clock)
    enquiries = Enquiries(database, catalogue, settings, clock)

    async def sweep() -> None:
        while True:
            async with database.transaction() as tx:
                expired = await expire_holds(tx)
            if not expired:
                await asyncio.sleep(settings.sweep_seconds)

    async def watch_questions() -> None:
        while True:
            await count_questions(database)
            await asyncio.sleep(QUESTIONS_SECONDS)

    async def watch_turns() -> None:
        while True:
            await count_turns(database)
            await asyncio.sleep(QUESTIONS_SECONDS)

    async def follow_catalogue() -> None:
        await catalogue.follow(database)

    async def has_catalogue() -> bool:
        return catalogue.is_loaded

    service.consumers = create_consumers(database, settings, catalogue)
    copies = Copies(service.consumers, database, settings.platform)
    service.background = {
        "sweeper": sweep,
        "catalogue": follow_catalogue,
        "copies": copies.follow,
        "questions": watch_questions,
    }
    service.serving = {"line": line.follow, "watch": watch.follow, "catalogue": follow_catalogue, "turns": watch_turns}
    service.ready = {"catalogue": has_catalogue}
    prefix = f"/api/{service.name}"
    service.routes = (intake.route(f"{prefix}/turns"), enquiries.route(f"{prefix}/availability"))
    service.openapi = lambda openapi: enquiries.document(intake.document(openapi))
    service.routers = (
        create_router(database, intake, line, watch, catalogue, settings, clock),
        create_reschedules_router(Rescheduling(database, intake, line, shown)),
        create_offices_router(database, catalogue),
    )
    return service
