"""What must hold between the rows of a folder. Each check names every place that breaks it."""

from collections import defaultdict
from collections.abc import Iterator

from dawr.catalog.domain.capacity import seats
from dawr.catalog.domain.offices import Weekday
from dawr.catalog.domain.services import Visit
from dawr.catalog.errors import CurrencyNotSupported
from dawr.catalog.folder.problems import Problem
from dawr.catalog.folder.reading import Numbered, Rows
from dawr.catalog.folder.rows import (
    FILES,
    AgencyRow,
    CapacityRow,
    DocumentRow,
    FeeRow,
    OfficeRow,
    RegionRow,
    Row,
    ServiceRow,
    TierRow,
)
from dawr.contracts import Channel
from dawr.contracts.values import WITHOUT_HUNDREDTHS
from dawr.servicekit.errors import Refusal


def check(rows: Rows) -> Iterator[Problem]:
    """Every problem between rows; those within a row were found when it was read."""
    for kind in FILES:
        yield from _twins(rows, kind)
    yield from _unknown_codes(rows)
    yield from _without_hundredths(rows)
    yield from _fees(rows)
    yield from _documents(rows)
    yield from _capacity(rows)
    yield from _weekdays_twice(rows)
    yield from _without_capacity(rows)


def _twins(rows: Rows, kind: type[Row]) -> Iterator[Problem]:
    seen: dict[tuple[object, ...], int] = {}
    for at, row in rows.numbered(kind):
        identity = tuple(getattr(row, column) for column in kind.identity)
        if identity in seen:
            column = kind.identity[-1]
            yield at.problem(column, "twice", f"the same {', '.join(kind.identity)} as in row {seen[identity]}")
        seen.setdefault(identity, at.number)


def _unknown_codes(rows: Rows) -> Iterator[Problem]:
    agencies = {row.code for row in rows.of(AgencyRow)}
    regions = {row.code for row in rows.of(RegionRow)}
    tiers = {row.code for row in rows.of(TierRow)}
    for at, service in rows.numbered(ServiceRow):
        if service.agency not in agencies:
            yield at.problem("agency", "unknown", f"no agency has the code {service.agency}")
        for tier in service.tiers:
            if tier not in tiers:
                yield at.problem("tiers", "unknown", f"no tier has the code {tier}")
    for at, office in rows.numbered(OfficeRow):
        if office.region not in regions:
            yield at.problem("region", "unknown", f"no region has the code {office.region}")


def _without_hundredths(rows: Rows) -> Iterator[Problem]:
    priced: list[tuple[Numbered, OfficeRow | FeeRow]] = [*rows.numbered(OfficeRow), *rows.numbered(FeeRow)]
    for at, row in priced:
        if row.currency in WITHOUT_HUNDREDTHS:
            text = f"{row.currency} has no hundredths, in which all amounts are counted"
            yield at.problem("currency", CurrencyNotSupported.code, text)


def _fees(rows: Rows) -> Iterator[Problem]:
    services = {row.code: row for row in rows.of(ServiceRow)}
    currencies = _currencies(rows)
    priced = set()
    for at, fee in rows.numbered(FeeRow):
        priced.add((fee.service, fee.tier, fee.channel))
        service = services.get(fee.service)
        if service is None:
            yield at.problem("service", "unknown", f"no service has the code {fee.service}")
            continue
        if fee.tier not in service.tiers:
            yield at.problem("tier", "not-offered", f"{fee.service} has no tier {fee.tier}")
        if fee.channel not in service.channels:
            yield at.problem("channel", "not-offered", f"{fee.service} is not given through {fee.channel}")
        taken = currencies.get((fee.service, fee.channel), {fee.currency})
        if fee.currency not in taken:
            yield at.problem("currency", "wrong-currency", f"offices of this channel take {' '.join(sorted(taken))}")
    for at, service in rows.numbered(ServiceRow):
        for tier in service.tiers:
            for channel in service.channels:
                if (service.code, tier, channel) not in priced:
                    text = f"no fee for tier {tier} through {channel}; a free one has a fee of 0"
                    yield at.problem("tiers", "fee-missing", text)


def _currencies(rows: Rows) -> dict[tuple[str, Channel], set[str]]:
    """What the offices that give a service through a channel take, by service and channel."""
    offices = {row.code: row for row in rows.of(OfficeRow)}
    taken: dict[tuple[str, Channel], set[str]] = defaultdict(set)
    for plan in rows.of(CapacityRow):
        office = offices.get(plan.office)
        if office is None:
            continue
        for channel in office.kind.channels:
            taken[plan.service, channel].add(office.currency)
    return taken


def _documents(rows: Rows) -> Iterator[Problem]:
    services = {row.code: row for row in rows.of(ServiceRow)}
    for at, document in rows.numbered(DocumentRow):
        service = services.get(document.service)
        if service is None:
            yield at.problem("service", "unknown", f"no service has the code {document.service}")
            continue
        for tier in document.tiers:
            if tier not in service.tiers:
                yield at.problem("tiers", "not-offered", f"{document.service} has no tier {tier}")


def _capacity(rows: Rows) -> Iterator[Problem]:
    services = {row.code: row for row in rows.of(ServiceRow)}
    offices = {row.code: row for row in rows.of(OfficeRow)}
    for at, plan in rows.numbered(CapacityRow):
        service, office = services.get(plan.service), offices.get(plan.office)
        if service is None:
            yield at.problem("service", "unknown", f"no service has the code {plan.service}")
        elif plan.tier not in service.tiers:
            yield at.problem("tier", "not-offered", f"{plan.service} has no tier {plan.tier}")
        elif service.visit is Visit.NONE:
            yield at.problem("service", "no-visit", f"{plan.service} needs no visit, so there are no turns to plan")
        elif office is not None and office.kind.channels.isdisjoint(service.channels):
            text = f"{plan.service} is not given through the channels of {plan.office}"
            yield at.problem("office", "not-offered", text)
        if office is None:
            yield at.problem("office", "unknown", f"no office has the code {plan.office}")
        else:
            for weekday in plan.weekdays:
                if weekday in office.closed_weekdays:
                    yield at.problem("weekdays", "closed", f"{plan.office} is closed on {weekday.name}")
        try:
            seats(plan.capacity, plan.windows)
        except Refusal as refusal:
            yield at.problem("windows", refusal.code, refusal.detail.en)


def _weekdays_twice(rows: Rows) -> Iterator[Problem]:
    seen: dict[tuple[str, str, str, Weekday], int] = {}
    for at, plan in rows.numbered(CapacityRow):
        for weekday in plan.weekdays:
            key = (plan.office, plan.service, plan.tier, weekday)
            if seen.setdefault(key, at.number) != at.number or plan.weekdays.count(weekday) > 1:
                yield at.problem("weekdays", "twice", f"{weekday.name} is planned in row {seen[key]} already")


def _without_capacity(rows: Rows) -> Iterator[Problem]:
    planned = {(row.service, row.tier) for row in rows.of(CapacityRow)}
    for at, service in rows.numbered(ServiceRow):
        if service.visit is not Visit.REQUIRED or service.retired:
            continue
        for tier in service.tiers:
            if (service.code, tier) not in planned:
                yield at.problem("tiers", "capacity-missing", f"no office plans capacity for tier {tier}")
