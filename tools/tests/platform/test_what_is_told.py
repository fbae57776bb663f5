"""What the supervisor tells its processes is what they read, and what they write is what a person sees."""

import importlib
import io
import stat
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings
from rich.console import Console

from dawr.servicekit.settings import ServiceSettings
from dawr.tools.platform.environment import Surroundings
from dawr.tools.platform.folder import Folder
from dawr.tools.platform.keys import keys_of
from dawr.tools.platform.logs import LogStream
from dawr.tools.platform.parts import PARTS, Kind, Member, Part, members
from dawr.tools.platform.ports import choose
from dawr.tools.platform.state import State

PROGRAMS = [part for part in PARTS if part.kind is not Kind.SERVER]


def settings_of(part: Part) -> type[BaseSettings]:
    module = importlib.import_module(f"{part.module}.settings")
    (found,) = (
        each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, BaseSettings) and each.__module__ == module.__name__
    )
    return found


def surroundings(root: Path) -> Surroundings:
    folder = Folder.of(root)
    state = State.of_this_process()
    state.kafka, state.postgres = "127.0.0.1:29092", "postgresql://postgres:secret@127.0.0.1:25432/postgres"
    state.ports = choose(members(PARTS, split=False, replicas={}), "usual")
    return Surroundings(folder, keys_of(folder), state, {"BOOKING_HOLD_SECONDS": "5"})


@pytest.mark.parametrize("part", PROGRAMS, ids=[part.name for part in PROGRAMS])
def test_every_variable_is_a_setting_of_its_reader_and_valid(
    part: Part, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(part)
    prefix = settings.model_config["env_prefix"]
    told = surroundings(tmp_path).environment(Member(part.name, part))
    own = {name.removeprefix(prefix).lower() for name in told if name.startswith(prefix)}
    assert own <= set(settings.model_fields), "a variable that nobody reads"
    assert own, "at least its port"
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    made = settings()
    if isinstance(made, ServiceSettings):
        assert made.platform.kafka == "127.0.0.1:29092"
        assert made.database_url == f"postgresql://postgres:secret@127.0.0.1:25432/{part.name}"
        assert made.http_port == part.port


def test_the_caller_has_the_last_word(tmp_path: Path) -> None:
    booking = next(part for part in PARTS if part.name == "booking")
    assert surroundings(tmp_path).environment(Member("booking", booking))["BOOKING_HOLD_SECONDS"] == "5"


def test_secrets_are_made_once_and_are_the_owners_alone(tmp_path: Path) -> None:
    folder = Folder.of(tmp_path)
    first, second = keys_of(folder), keys_of(folder)
    assert (first.kid, first.bank_webhook_secret, first.sealing_key) == (
        second.kid,
        second.bank_webhook_secret,
        second.sealing_key,
    )
    secret = [path for path in folder.keys.iterdir() if path.name != "jwks.json"]
    assert len(secret) == 2
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in secret)


def test_logs_are_one_stream_led_by_names_from_now_on(tmp_path: Path) -> None:
    shown = io.StringIO()
    stream = LogStream(Console(file=shown, width=200))
    booking, bank = tmp_path / "booking.log", tmp_path / "bank.log"
    booking.write_text("yesterday\n")
    stream.add("booking", booking, "cyan")
    stream.add("bank", bank, "yellow")
    with booking.open("a") as file:
        file.write("turn held [not markup]\nhalf a li")
    bank.write_text("\x1b[31mred\x1b[0m\n")
    stream.print_new()
    with booking.open("a") as file:
        file.write("ne\n")
    stream.print_new()
    bank.write_text("")  # put aside at a restart
    stream.print_new()
    bank.write_text("new\n")
    stream.print_new()
    assert shown.getvalue().splitlines() == [
        "booking │ turn held [not markup]",
        "   bank │ red",
        "booking │ half a line",
        "   bank │ new",
    ]
