"""The README says what the code does: its settings with their defaults, its topics, its resources, its constraints."""

from pathlib import Path

from dawr.catalog.app import create_service
from dawr.catalog.settings import CatalogSettings
from dawr.contracts.topics import TOPIC_OF, TOPICS
from dawr.servicekit.settings import ServiceSettings

FOLDER = Path(__file__).parents[1]
README = (FOLDER / "README.md").read_text("utf-8")


def test_it_fits_on_a_screen() -> None:
    without_diagrams = README.split("<!-- states ")[0] + README.split("<!-- /states -->")[1]
    assert len(without_diagrams.splitlines()) <= 60


def test_it_names_every_setting_with_its_default() -> None:
    for name in set(CatalogSettings.model_fields) - set(ServiceSettings.model_fields):
        default = CatalogSettings.model_fields[name].default
        assert f"| `CATALOG_{name.upper()}` | {default} |" in README, name


def test_it_names_the_topics_that_are_written_and_no_topic_is_read() -> None:
    written = {topic.name for topic in TOPICS if topic.owner == "catalog"}
    assert {topic.name for topic in TOPICS if f"`{topic.name}`" in README} == written
    assert all(f"`{message.__name__}`" in README for message, topic in TOPIC_OF.items() if topic.name in written)
    assert not any("catalog" in topic.readers for topic in TOPICS)
    assert create_service(CatalogSettings()).consumers is None


def test_it_names_every_resource() -> None:
    paths = create_service(CatalogSettings()).fastapi().openapi()["paths"]
    named = [path.removeprefix("/api/catalog") for path in paths]
    assert all(f"{path}`" in README or f"{path}?" in README for path in named), named


def test_what_it_leans_on_is_in_the_tables() -> None:
    tables = (FOLDER / "src/dawr/catalog/migrations/0001_tables.py").read_text("utf-8")
    for name in ("fees_stay", "changes_in_line"):
        assert f"`{name}`" in README
        assert name in tables
