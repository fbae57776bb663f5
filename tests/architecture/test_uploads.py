"""What the gateway lets through to services that take files is what they take."""

from dawr.catalog.app import create_service
from dawr.catalog.settings import CatalogSettings
from dawr.gateway.app import UPLOADS


def test_the_gateway_passes_what_services_take() -> None:
    assert dict(create_service(CatalogSettings()).uploads) == UPLOADS
