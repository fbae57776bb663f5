"""`dawr admin`: the first administrator of a platform, and who is on its staff. The gateway does it, in its own
environment: only it has the keys of the names and secrets in its tables."""

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from dawr.gateway.domain.staff import StaffRole
from dawr.tools.cli.look import running
from dawr.tools.errors import ToolError
from dawr.tools.platform.environment import Surroundings
from dawr.tools.platform.folder import Folder
from dawr.tools.platform.keys import keys_of
from dawr.tools.platform.parts import PARTS, Member, Role

app = typer.Typer(no_args_is_help=True, help="Accounts of staff: make the first administrator, list who there is.")
HERE = Path()
Root = Annotated[Path, typer.Option("--root", help="The folder that holds .dawr/.", show_default="this folder")]
_SECONDS = 60


class AdminError(ToolError):
    """The gateway would not do it. Codes: admin-refused (a rule says no), admin-failed."""


@app.command(
    epilog='Examples:  [bold]dawr admin create --login r.haddad --name "رنا حداد"[/]   ·   '
    "[bold]dawr admin create --login r.haddad --again[/]"
)
def create(
    login: Annotated[str, typer.Option(help="Small letters, digits, dots and dashes.")],
    name: Annotated[str, typer.Option(help="Of the person; needed for a new account.")] = "",
    roles: Annotated[str, typer.Option(help="With commas between.")] = StaffRole.ADMINISTRATOR.value,
    office: Annotated[str | None, typer.Option(help="The code of an office, for roles that end there.")] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Invite anew: what opened the account opens it no more.")
    ] = False,
    root: Root = HERE,
) -> None:
    """Make an account of staff and print the address at which its owner sets it up: once, within a day."""
    told = ["invite", "--login", login, "--name", name, "--roles", roles]
    told += ["--office", office] if office else []
    made = _gateway(root, [*told, *(["--again"] if again else [])])
    until = datetime.fromisoformat(made["expires_at"]).astimezone().strftime("%Y-%m-%d %H:%M")
    Console(stderr=True).print(f"{made['login']} ({', '.join(made['roles'])}): opens once, until {until}.")
    typer.echo(made["invitation"])


@app.command("list", epilog="Examples:  [bold]dawr admin list[/]   ·   [bold]dawr admin list --json[/]")
def list_(root: Root = HERE, as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """List the accounts of staff: roles, office, state, until when, last use."""
    accounts = _gateway(root, ["staff"])
    if as_json:
        typer.echo(json.dumps(accounts, indent=2, ensure_ascii=False))
        return
    table = Table("login", "name", "roles", "office", "state", "until", "last used", box=None, padding=(0, 2, 0, 0))
    for each in accounts:
        until, used = (_day(each[key]) for key in ("account_expires_at", "last_used_at"))
        roles = ", ".join(each["roles"])
        table.add_row(each["login"], each["name"], roles, each["office"] or "", each["state"], until, used)
    Console().print(table)


def _gateway(root: Path, arguments: list[str]) -> Any:
    """What a command of the gateway prints, in the environment of the platform that runs from a folder."""
    state = running(root)
    folder = Folder.of(root)
    part = next(each for each in PARTS if each.name == "gateway")
    name = part.name if part.name in state.ports else f"{part.name}-{Role.SERVE}"
    environment = Surroundings(folder, keys_of(folder), state, {}).environment(Member(name, part))
    done = subprocess.run(
        [sys.executable, "-m", part.module, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["no word of why"]
        raise AdminError("admin-refused" if done.returncode == 2 else "admin-failed", said[-1])
    # Its log stands around what it gives.
    return json.loads(next(line for line in done.stdout.splitlines() if line.startswith(('{"invitation"', "["))))


def _day(moment: str | None) -> str:
    return "" if moment is None else datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d")
