"""Every command's help says what it does, and shows how it is called."""

import re
from collections.abc import Iterator

import pytest
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from dawr.tools.cli.main import app


def commands(command: object, *path: str) -> Iterator[tuple[str, TyperCommand]]:
    """Every command that does something, by how it is called."""
    if isinstance(command, TyperGroup):
        for name, each in command.commands.items():
            yield from commands(each, *path, name)
    elif isinstance(command, TyperCommand):
        yield " ".join(path), command


COMMANDS = dict(commands(get_command(app), "dawr"))


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example_that_the_command_understands(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    examples = re.findall(rf"\b{name}\b([^\[\]·|)]*)", command.epilog or "")
    assert examples, "no example"
    known = {option for each in command.params for option in each.opts}
    for example in examples:
        assert set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", example)) <= known
