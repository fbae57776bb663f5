"""The commands. Each is a few lines: what it does is in the module that it calls."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from dawr.servicekit.auth import Role
from dawr.tools.cli import admin, catalog, dead, look, passes, signing
from dawr.tools.errors import ToolError
from dawr.tools.platform.folder import Folder
from dawr.tools.platform.ports import PortChoice
from dawr.tools.platform.up import run_up

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Dawr (دور): run the platform on this machine, try it, look into it. "
    "Commands work on the platform of the folder that they are called in.",
)
app.add_typer(dead.app, name="dead")
app.add_typer(admin.app, name="admin")
app.add_typer(catalog.app, name="catalog")
app.add_typer(passes.app, name="pass")

Root = Annotated[Path, typer.Option("--root", help="The folder that holds .dawr/.", show_default="this folder")]
HERE = Path()


@app.command(
    epilog="Examples:  [bold]dawr up[/]   ·   [bold]dawr up --free-ports[/] (beside something that has the usual ones)"
    "   ·   [bold]dawr up --seed examples/seed-estonia[/]"
)
def up(
    root: Root = HERE,
    free_ports: Annotated[bool, typer.Option(help="Pick free ports instead of the usual ones.")] = False,
    logs: Annotated[bool, typer.Option(help="Show the services' logs in one stream.")] = True,
    seed: Annotated[
        Path | None,
        typer.Option(
            help="The folder with the catalogue to set the platform up with, instead of the shipped one; "
            "later starts go on with it."
        ),
    ] = None,
) -> None:
    """Run the whole platform until Ctrl-C: Kafka, PostgreSQL, every service, the sandboxes."""
    choice: PortChoice = "free" if free_ports else "usual"
    raise typer.Exit(run_up(root, ports=choice, logs=logs, seed=seed))


@app.command(epilog="Example:  [bold]dawr demo --people 500 --seed 7 --json demo.json[/]")
def demo(
    root: Root = HERE,
    people: Annotated[int, typer.Option(min=10, max=5000, help="How many compete at home.")] = 300,
    seed: Annotated[int, typer.Option(help="Decides who does what.")] = 1,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result here as well.")] = None,
) -> None:
    """Let people compete for seats over HTTP, then check the books. Starts a platform for itself if none runs."""
    from dawr.tools.demo.run import run_demo  # noqa: PLC0415 - only this command needs all of it

    raise typer.Exit(run_demo(root, people=people, seed=seed, json_file=json_file))


@app.command(epilog="Example:  [bold]dawr reset --yes[/]")
def reset(root: Root = HERE, yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False) -> None:
    """Wipe all data of the platform in this folder: databases, topics, mail, keys."""
    folder = Folder.of(root)
    if not folder.path.exists():
        Console().print("Nothing to wipe.")
        return
    if sys.stdin.isatty() and not yes:
        typer.confirm(f"Wipe everything below {folder.path}?", abort=True)
    folder.wipe()
    Console().print(f"Wiped {folder.path}.")


@app.command(epilog="Examples:  [bold]dawr status[/]   ·   [bold]dawr status --json | jq .ports[/]")
def status(root: Root = HERE, as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Tell whether the platform runs, on which ports, and whether each part is ready. Exit code 3 if it doesn't run."""
    raise typer.Exit(look.status(root, as_json=as_json))


@app.command(
    epilog="Examples:  [bold]TOKEN=$(dawr token --person 1)[/]   ·   "
    "[bold]dawr token --person 9 --role planner[/]   ·   [bold]dawr token --person 5 --role mission --office BER-01[/]"
)
def token(
    person: Annotated[int, typer.Option(min=0, help="Which made-up person: the same number is the same person.")],
    role: Annotated[list[Role] | None, typer.Option(help="What they may do; may be given again.")] = None,
    office: Annotated[str | None, typer.Option(help="The office or mission that a member of staff belongs to.")] = None,
    hours: Annotated[float, typer.Option(min=0.01, max=24, help="For how long it holds.")] = 1.0,
    root: Root = HERE,
) -> None:
    """Print an access token of a made-up person, signed with the keys of the platform in this folder."""
    roles = frozenset(role or [Role.CITIZEN])
    typer.echo(signing.token(root, signing.person_id(person), roles, office=office, hours=hours))


@app.command(epilog="Example:  [bold]dawr topics[/]")
def topics(root: Root = HERE) -> None:
    """List the topics: owner, key, partitions, how many records, who reads them."""
    look.topics(root)


@app.command(epilog="Examples:  [bold]dawr lag[/]   ·   [bold]watch -n 2 .venv/bin/dawr lag[/]")
def lag(root: Root = HERE) -> None:
    """Show by topic and group how many records wait."""
    look.lag(root)


@app.command(
    epilog="Examples:  [bold]dawr outbox[/]   ·   [bold]dawr outbox --resend booking --hours 24[/]   ·   "
    "[bold]dawr outbox --put-back booking[/]"
)
def outbox(
    root: Root = HERE,
    resend: Annotated[
        str | None, typer.Option(help="Send this service's kept messages again (for a broker that lost its log).")
    ] = None,
    hours: Annotated[float, typer.Option(min=0.01, help="How far back to send again.")] = 24.0,
    put_back: Annotated[
        str | None, typer.Option(help="Send this service's refused messages, after what was wrong is mended.")
    ] = None,
) -> None:
    """Show what waits in each service's outbox and what the broker refuses, or send kept messages again.

    Readers skip what they have applied.
    """
    if put_back:
        look.put_back(root, put_back)
    elif resend:
        look.resend(root, resend, hours)
    else:
        look.outbox(root)


@app.command(epilog="Examples:  [bold]dawr bench[/]   ·   [bold]dawr bench --scale 0.3 --json bench.json[/]")
def bench(
    scale: Annotated[
        float, typer.Option(min=0.1, max=10, help="How much to measure; 1 takes about three minutes.")
    ] = 1.0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well.")] = None,
    only: Annotated[
        Literal["turns", "search", "portal"] | None, typer.Option(help="Measure this alone; else everything.")
    ] = None,
) -> None:
    """Measure on servers of its own, and print figures with their ratios to peers of the same run.

    Exit code 1 if a measure failed; the others' figures are shown all the same.
    """
    from dawr.tools.bench.run import bench as measure  # noqa: PLC0415 - only this command needs it

    raise typer.Exit(measure(scale=scale, json_file=json_file, only=only))


def main() -> None:
    """The console script: errors that a person can mend are one sentence, without a traceback."""
    try:
        app()
    except ToolError as error:
        Console(stderr=True).print(f"[bold red]✗[/] {error}", highlight=False, soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
