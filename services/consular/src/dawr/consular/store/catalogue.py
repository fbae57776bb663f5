"""Our own copy of the catalogue's services and offices: the newest revision of each."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from dawr.contracts.catalog import OfficeDescribed, ServiceDescribed
from dawr.contracts.topics import CATALOG_OFFICES, CATALOG_SERVICES
from dawr.servicekit import copies

COPIED = (CATALOG_SERVICES, CATALOG_OFFICES)

_KEEP_SERVICE = text("""
INSERT INTO catalog_services (code, revision, body) VALUES (:code, :revision, CAST(:body AS jsonb))
ON CONFLICT (code) DO UPDATE SET revision = excluded.revision, body = excluded.body
WHERE catalog_services.revision < excluded.revision
""")
_KEEP_OFFICE = text("""
INSERT INTO catalog_offices (code, revision, body) VALUES (:code, :revision, CAST(:body AS jsonb))
ON CONFLICT (code) DO UPDATE SET revision = excluded.revision, body = excluded.body
WHERE catalog_offices.revision < excluded.revision
""")


async def keep_service(connection: AsyncConnection, described: ServiceDescribed) -> None:
    """Keep a service as it is now, unless a newer revision is kept already."""
    await connection.execute(
        _KEEP_SERVICE,
        {"code": described.code, "revision": described.revision, "body": described.model_dump_json()},
    )


async def keep_office(connection: AsyncConnection, described: OfficeDescribed) -> None:
    """Keep an office as it is now, unless a newer revision is kept already."""
    await connection.execute(
        _KEEP_OFFICE,
        {"code": described.code, "revision": described.revision, "body": described.model_dump_json()},
    )


async def drop_service(connection: AsyncConnection, code: str) -> None:
    """Forget a service that was taken away."""
    await connection.execute(text("DELETE FROM catalog_services WHERE code = :code"), {"code": code})


async def drop_office(connection: AsyncConnection, code: str) -> None:
    """Forget an office that was taken away."""
    await connection.execute(text("DELETE FROM catalog_offices WHERE code = :code"), {"code": code})


async def is_loaded(connection: AsyncConnection) -> bool:
    """Whether there is a catalogue to go by, and the whole of it: before that, what is missing may still come."""
    if not await copies.are_whole(connection, COPIED):
        return False
    found = await connection.execute(
        text("SELECT EXISTS (SELECT FROM catalog_services) AND EXISTS (SELECT FROM catalog_offices)")
    )
    return bool(found.scalar())


async def service(connection: AsyncConnection, code: str) -> ServiceDescribed | None:
    """A service as it is known here."""
    body = await connection.execute(
        text("SELECT CAST(body AS text) FROM catalog_services WHERE code = :code"), {"code": code}
    )
    found = body.scalar()
    return ServiceDescribed.model_validate_json(found) if found else None


async def office(connection: AsyncConnection, code: str) -> OfficeDescribed | None:
    """An office or mission as it is known here."""
    body = await connection.execute(
        text("SELECT CAST(body AS text) FROM catalog_offices WHERE code = :code"), {"code": code}
    )
    found = body.scalar()
    return OfficeDescribed.model_validate_json(found) if found else None
