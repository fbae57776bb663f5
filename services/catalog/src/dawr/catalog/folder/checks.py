"""What must hold between the rows of a folder. Each check names every place that breaks it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from dawr.catalog.domain.services import Allocation, Visit
from dawr.catalog.errors import CurrencyNotSupported
from dawr.catalog.folder.problems import Problem
from dawr.catalog.folder.reading import Numbered, Rows
from dawr.catalog.folder.rows import (
    FILES,
    AgencyRow,
    CalendarRow,
    CapacityRow,
    DocumentRow,
    ExtraRow,
    FeeRow,
    OfficeRow,
    RegionRow,
    Row,
    ServiceExtraRow,
    ServiceRow,
    TierRow,
)
from dawr.catalog.folder.time_checks import check_hours, check_times
from dawr.contracts import Channel
from dawr.contracts.values import WITHOUT_HUNDREDTHS


def check(rows: Rows) -> Iterator[Problem]:
    """Every problem between rows; those within a cell were found when it was read."""
    for kind in FILES:
        yield from _twins(rows, kind)
    yield from _services(rows)
    yield from _offices(rows)
    yield from _without_hundredths(rows)
    yield from _fees(rows)
    yield from _documents(rows)
    yield from _extras(rows)
    yield from check_times(rows)


def check_setup(rows: Rows) -> Iterator[Problem]:
    """Every problem that only a folder has which a platform is set up with: in a catalogue that people keep, a service
    comes before its plans, and hours can become shorter than what is planned."""
    yield from check_hours(rows)
    yield from _without_capacity(rows)


def unknown(at: Numbered, column: str, code: str, known: Iterable[str]) -> Iterator[Problem]:
    """A problem if nothing has a code that a row names."""
    if code not in known:
        en, ar = f"nothing has the code {code}", f"لا يوجد ما رمزه {code}"
        yield at.problem(column, "unknown", en, ar)


def _twins(rows: Rows, kind: type[Row]) -> Iterator[Problem]:
    seen: dict[tuple[object, ...], int] = {}
    for at, row in rows.numbered(kind):
        identity = tuple(getattr(row, column) for column in kind.identity)
        if identity in seen:
            columns, first = ", ".join(kind.identity), seen[identity]
            en, ar = f"the same {columns} as in row {first}", f"القيم نفسها في {columns} كما في الصف {first}"
            yield at.problem(kind.identity[-1], "twice", en, ar)
        seen.setdefault(identity, at.number)


def _services(rows: Rows) -> Iterator[Problem]:
    agencies = {row.code for row in rows.of(AgencyRow)}
    tiers = {row.code for row in rows.of(TierRow)}
    services = {row.code for row in rows.of(ServiceRow)}
    for at, service in rows.numbered(ServiceRow):
        yield from unknown(at, "agency", service.agency, agencies)
        for tier in service.tiers:
            yield from unknown(at, "tiers", tier, tiers)
        if service.needs_service is not None:
            yield from unknown(at, "needs_service", service.needs_service, services)
        if service.needs_service == service.code:
            yield at.problem("needs_service", "needs-itself", "it needs itself first", "الخدمة تشترط نفسها")
        if service.min_age is not None and service.max_age is not None and service.max_age < service.min_age:
            en, ar = "less than min_age", "أقل من min_age"
            yield at.problem("max_age", "ages-out-of-order", en, ar)
        if service.allocation is Allocation.DRAW:
            en, ar = "draws are not held yet; first-come or open", "القرعة غير متاحة بعد؛ المتاح first-come أو open"
            yield at.problem("allocation", "not-available", en, ar)


def _offices(rows: Rows) -> Iterator[Problem]:
    regions = {row.code for row in rows.of(RegionRow)}
    calendars = {row.code for row in rows.of(CalendarRow)}
    for at, office in rows.numbered(OfficeRow):
        yield from unknown(at, "region", office.region, regions)
        yield from unknown(at, "calendar", office.calendar, calendars)
        if (office.latitude is None) != (office.longitude is None):
            column = "latitude" if office.latitude is None else "longitude"
            en, ar = "latitude and longitude go together", "لا بد من خط العرض وخط الطول معاً"
            yield at.problem(column, "half-a-place", en, ar)


def _without_hundredths(rows: Rows) -> Iterator[Problem]:
    priced: list[tuple[Numbered, OfficeRow | FeeRow | ServiceExtraRow]] = [
        *rows.numbered(OfficeRow),
        *rows.numbered(FeeRow),
        *rows.numbered(ServiceExtraRow),
    ]
    for at, row in priced:
        if row.currency in WITHOUT_HUNDREDTHS:
            en = f"{row.currency} has no hundredths, in which all amounts are counted"
            ar = f"العملة {row.currency} ليست لها أجزاء من مئة، وبها تُحسب كل المبالغ"
            yield at.problem("currency", CurrencyNotSupported.code, en, ar)


def no_tier(at: Numbered, column: str, service: str, tier: str) -> Problem:
    """A row names a tier that a service does not have."""
    return at.problem(column, "not-offered", f"{service} has no tier {tier}", f"ليس للخدمة {service} فئة {tier}")


def _fees(rows: Rows) -> Iterator[Problem]:
    services = {row.code: row for row in rows.of(ServiceRow)}
    currencies = _currencies(rows)
    priced = set()
    for at, fee in rows.numbered(FeeRow):
        priced.add((fee.service, fee.tier, fee.channel))
        yield from unknown(at, "service", fee.service, services)
        service = services.get(fee.service)
        if service is None:
            continue
        if fee.tier not in service.tiers:
            yield no_tier(at, "tier", fee.service, fee.tier)
        if fee.channel not in service.channels:
            en, ar = f"{fee.service} is not given through {fee.channel}", f"لا تُقدَّم {fee.service} عبر {fee.channel}"
            yield at.problem("channel", "not-offered", en, ar)
        taken = currencies.get((fee.service, fee.channel), {fee.currency})
        if fee.currency not in taken:
            listed = " ".join(sorted(taken))
            en, ar = f"offices of this channel take {listed}", f"مكاتب هذه القناة تقبل {listed}"
            yield at.problem("currency", "wrong-currency", en, ar)
    for at, service in rows.numbered(ServiceRow):
        for tier in service.tiers:
            for channel in service.channels:
                if (service.code, tier, channel) not in priced:
                    en = f"no fee for tier {tier} through {channel}; a free one has a fee of 0"
                    ar = f"لا رسم للفئة {tier} عبر {channel}؛ رسم المجانية 0"
                    yield at.problem("tiers", "fee-missing", en, ar)


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
        yield from unknown(at, "service", document.service, services)
        if document.service in services:
            for tier in document.tiers:
                if tier not in services[document.service].tiers:
                    yield no_tier(at, "tiers", document.service, tier)
        if (document.condition_ar is None) != (document.condition_en is None):
            column = "condition_ar" if document.condition_ar is None else "condition_en"
            en, ar = "a condition is told in both languages", "يُكتب الشرط باللغتين"
            yield at.problem(column, "language-missing", en, ar)


def _extras(rows: Rows) -> Iterator[Problem]:
    services = {row.code for row in rows.of(ServiceRow)}
    extras = {row.code for row in rows.of(ExtraRow)}
    for at, row in rows.numbered(ServiceExtraRow):
        yield from unknown(at, "service", row.service, services)
        yield from unknown(at, "extra", row.extra, extras)


def _without_capacity(rows: Rows) -> Iterator[Problem]:
    planned = {(row.service, row.tier) for row in rows.of(CapacityRow)}
    for at, service in rows.numbered(ServiceRow):
        if service.visit is not Visit.REQUIRED or service.retired or service.allocation is Allocation.OPEN:
            continue
        for tier in service.tiers:
            if (service.code, tier) not in planned:
                en, ar = f"no office plans capacity for tier {tier}", f"لا يخطط أي مكتب سعة للفئة {tier}"
                yield at.problem("tiers", "capacity-missing", en, ar)
