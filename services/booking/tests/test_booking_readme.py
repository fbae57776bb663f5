"""The README says what the code does: its settings with their defaults, its topics, its constraints."""

from pathlib import Path

from dawr.booking.settings import BookingSettings
from dawr.contracts.topics import TOPIC_OF, TOPICS
from dawr.servicekit.settings import ServiceSettings

FOLDER = Path(__file__).parents[1]
README = (FOLDER / "README.md").read_text("utf-8")


def test_it_fits_on_a_screen() -> None:
    without_diagrams = README.split("<!-- states -->")[0] + README.split("<!-- /states -->")[1]
    assert len(without_diagrams.splitlines()) <= 60


def test_it_names_every_setting_with_its_default() -> None:
    for name in set(BookingSettings.model_fields) - set(ServiceSettings.model_fields):
        default = BookingSettings.model_fields[name].default
        assert f"| `BOOKING_{name.upper()}` | {default} |" in README, name


def test_it_names_the_topics_that_are_read_and_written() -> None:
    read = {topic.name for topic in TOPICS if "booking" in topic.readers}
    written = {"dawr.booking.events", "dawr.payments.requests"}
    assert {topic.name for topic in TOPICS if f"`{topic.name}`" in README} == read | written
    for message, topic in TOPIC_OF.items():
        if topic.name in {"dawr.booking.requests", "dawr.payments.refunds", *written}:
            assert f"`{message.__name__}`" in README


def test_what_it_leans_on_is_in_the_tables() -> None:
    tables = (FOLDER / "src/dawr/booking/migrations/0001_tables.py").read_text("utf-8")
    for name in ("one_live_turn", "never_over_capacity"):
        assert f"`{name}`" in README
        assert name in tables
