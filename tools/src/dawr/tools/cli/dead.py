"""`dawr dead`: what was set aside, and what a person decides about it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from dawr.servicekit import dead_letters
from dawr.servicekit.dead_letters import DeadLetter, StateNotReplayed
from dawr.servicekit.producer import Producer
from dawr.servicekit.settings import PlatformSettings
from dawr.tools.cli.look import running
from dawr.tools.platform.errors import PlatformError

app = typer.Typer(
    no_args_is_help=True, help="Dead letters: records that could not be applied. List, show, replay, drop."
)
HERE = Path()
Root = Annotated[Path, typer.Option("--root", help="The folder that holds .dawr/.", show_default="this folder")]
Id = Annotated[str, typer.Argument(help="The letter's id, or enough of its beginning.")]
Ids = Annotated[list[str], typer.Argument(help="Ids, or enough of their beginnings; `all` for every open one.")]


@app.command("list", epilog="Example:  [bold]dawr dead list --group booking[/]")
def list_(
    root: Root = HERE,
    group: Annotated[str | None, typer.Option(help="Only this reader's.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that were replayed or dropped.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List open dead letters, oldest first."""
    letters = [each for each in _read(root, group) if everything or each.resolution is None]
    if as_json:
        print(json.dumps([_told(each) for each in letters], indent=2))
        return
    if not letters:
        Console().print("No dead letters.")
        return
    table = Table("id", "at", "topic", "group", "type", "reason", "", box=None, padding=(0, 2, 0, 0))
    for each in letters:
        at = each.at.strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(each.id[:8], at, each.topic, each.group, each.wire_type, each.reason, each.resolution or "")
    Console().print(table)


@app.command(epilog="Example:  [bold]dawr dead show 3f2a[/]")
def show(id: Id, root: Root = HERE) -> None:
    """Show one letter: where it came from, why it was set aside, its headers and body as they came."""
    letter = _one(_read(root), id)
    body = (letter.body or b"").decode(errors="backslashreplace")
    print(json.dumps(_told(letter) | {"detail": letter.detail, "key": letter.key.decode(errors="backslashreplace")},
                     indent=2, ensure_ascii=False))  # fmt: skip
    for name, value in letter.headers:
        print(f"{name}: {value.decode(errors='backslashreplace')}")
    print(f"\n{body}")


@app.command(epilog="Example:  [bold]dawr dead replay 3f2a[/]   ·   [bold]dawr dead replay all[/]")
def replay(ids: Ids, root: Root = HERE) -> None:
    """Put letters back on their topics, after what was wrong is mended. Who had applied them skips them.

    Letters from a state topic are refused: its owner sends its state again instead.
    """
    _settle(root, ids, dead_letters.replay, "replayed")


@app.command(epilog="Example:  [bold]dawr dead drop 3f2a[/]")
def drop(
    ids: Ids, root: Root = HERE, yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False
) -> None:
    """Let letters go: they stay on their topic, marked as dropped, until it forgets them."""
    if not yes:
        typer.confirm(f"Drop {', '.join(ids)}?", abort=True)
    _settle(root, ids, dead_letters.drop, "dropped")


def _platform(root: Path) -> PlatformSettings:
    state = running(root)
    return PlatformSettings(kafka=state.kafka, topic_prefix=state.topic_prefix)


def _read(root: Path, group: str | None = None) -> list[DeadLetter]:
    return asyncio.run(dead_letters.read_dead_letters(_platform(root), group=group))


def _one(letters: list[DeadLetter], id: str) -> DeadLetter:
    found = [each for each in letters if each.id.startswith(id)]
    if len(found) != 1:
        raise PlatformError("no-such-letter", f"{len(found)} dead letters have an id that begins with {id!r}.")
    return found[0]


def _settle(root: Path, ids: list[str], action: Callable[[Producer, DeadLetter], Awaitable[None]], word: str) -> None:
    platform = _platform(root)
    opened = [each for each in _read(root) if each.resolution is None]
    letters = opened if ids == ["all"] else [_one(opened, id) for id in ids]

    refused: list[StateNotReplayed] = []

    async def settle() -> None:
        producer = Producer(platform, client_id="dawr-dead")
        producer.start()
        try:
            await producer.wait_ready(10)
            for letter in letters:
                try:
                    await action(producer, letter)
                except StateNotReplayed as error:
                    refused.append(error)
        finally:
            await producer.stop()

    asyncio.run(settle())
    Console().print(f"{len(letters) - len(refused)} {word}.")
    if refused:
        raise PlatformError("state-not-replayed", "\n".join(map(str, refused)))


def _told(letter: DeadLetter) -> dict[str, object]:
    return {
        "id": letter.id,
        "topic": letter.topic,
        "group": letter.group,
        "partition": letter.partition,
        "offset": letter.offset,
        "type": letter.wire_type,
        "reason": letter.reason,
        "at": letter.at.isoformat(),
        "resolution": letter.resolution,
    }
