"""`dawr catalog`: whole catalogues as files: checked here, compared with the running one, imported, exported."""

from pathlib import Path
from typing import Annotated, Literal

import typer

app = typer.Typer(
    no_args_is_help=True,
    help="The catalogue as one workbook (.xlsx), as an archive of CSV files (.zip) or as a folder of them.",
)

HERE = Path()

Root = Annotated[Path, typer.Option("--root", help="The folder that holds .dawr/.", show_default="this folder")]
Url = Annotated[str | None, typer.Option(help="Where the gateway is; without it the platform of this folder is asked.")]
Token = Annotated[
    str | None,
    typer.Option(
        envvar="DAWR_TOKEN", help="An administrator's access token; without it a made-up administrator's is signed."
    ),
]
Person = Annotated[int, typer.Option(min=0, help="Which made-up administrator, without a token.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Lang = Annotated[Literal["ar", "en"], typer.Option(help="The language in which problems are told.")]
Files = Annotated[Path, typer.Argument(help="A workbook, an archive or a folder.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]
All = Annotated[bool, typer.Option("--all", help="List every change, not only the first hundred.")]


@app.command(
    epilog="Examples:  [bold]dawr catalog validate catalogue.xlsx[/]   ·   "
    "[bold]dawr catalog validate examples/seed-estonia --lang ar[/]"
)
def validate(files: Files, as_json: AsJson = False, lang: Lang = "en") -> None:
    """Check files by the rules of an import, without a platform: every problem by file, row and column.

    Exit code 1 if there are any. Whether a day is over already is only seen by `diff` and `import`.
    """
    from dawr.tools.cli import catalogues  # noqa: PLC0415 - only these commands need the catalogue's code

    catalogues.validate(files, catalogues.Telling(as_json, lang))


@app.command(
    epilog="Examples:  [bold]dawr catalog diff catalogue.xlsx[/]   ·   "
    "[bold]dawr catalog diff next-year/ --json | jq .counts[/]"
)
def diff(
    files: Files,
    root: Root = HERE,
    url: Url = None,
    token: Token = None,
    person: Person = 0,
    as_json: AsJson = False,
    everything: All = False,
    lang: Lang = "en",
) -> None:
    """Tell what an import of files would change in the running catalogue, and change nothing.

    Exit code 0 if nothing differs, 2 if something does, 1 if it would be refused.
    """
    from dawr.tools.cli import catalogues  # noqa: PLC0415 - only these commands need the catalogue's code
    from dawr.tools.cli.catalog_door import Door  # noqa: PLC0415

    with Door.of(root, url, token, person) as door:
        raise typer.Exit(catalogues.diff(door, files, catalogues.Telling(as_json, lang, everything)))


@app.command(
    "import",
    epilog='Examples:  [bold]dawr catalog import catalogue.xlsx --reason "the fees of 2027"[/]   ·   '
    '[bold]dawr catalog import next-year/ --reason "two new offices" --yes --json[/]',
)
def import_(
    files: Files,
    reason: Annotated[str, typer.Option(help="Why: kept with each change.")],
    root: Root = HERE,
    url: Url = None,
    token: Token = None,
    person: Person = 0,
    yes: Yes = False,
    as_json: AsJson = False,
    everything: All = False,
    lang: Lang = "en",
) -> None:
    """Show what files would change, ask, and import them: all of it or nothing.

    What the files have otherwise is changed, what they don't have stays. Fees are added, plans are only proposed:
    somebody else approves them. Exit code 1 if it is refused.
    """
    from dawr.tools.cli import catalogues  # noqa: PLC0415 - only these commands need the catalogue's code
    from dawr.tools.cli.catalog_door import Door  # noqa: PLC0415

    with Door.of(root, url, token, person) as door:
        catalogues.import_(door, files, reason, catalogues.Telling(as_json, lang, everything), yes=yes)


@app.command(
    epilog="Examples:  [bold]dawr catalog export catalogue.xlsx[/]   ·   [bold]dawr catalog export folder/ --yes[/]"
)
def export(
    files: Annotated[Path, typer.Argument(help="What to write: .xlsx, .zip, else a folder of CSV files.")],
    root: Root = HERE,
    url: Url = None,
    token: Token = None,
    person: Person = 0,
    yes: Yes = False,
) -> None:
    """Write the running catalogue to files. To import them again changes nothing."""
    from dawr.tools.cli import catalogues  # noqa: PLC0415 - only these commands need the catalogue's code
    from dawr.tools.cli.catalog_door import Door  # noqa: PLC0415

    if files.exists() and not yes:
        typer.confirm(f"Write over {files}?", abort=True, err=True)
    with Door.of(root, url, token, person) as door:
        catalogues.export(door, files)
