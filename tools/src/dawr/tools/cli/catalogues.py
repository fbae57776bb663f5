"""What `dawr catalog` does: reads files, asks the running catalogue about them, and prints what comes of it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dawr.catalog.errors import CatalogueInvalid
from dawr.catalog.folder.catalogue import catalogue_of, read_rows
from dawr.catalog.folder.files import Format, csv_files, format_of, packed, source_at, source_of
from dawr.catalog.folder.problems import lines, problems_of
from dawr.tools.cli.catalog_door import Door
from dawr.tools.errors import ToolError

T = TypeVar("T")

DIFFERS = 2
"""The exit code of a comparison that found something."""
_ROWS_SHOWN = 100
_PLACES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Telling:
    """How a person, or a program, wants to be told."""

    as_json: bool = False
    lang: str = "en"
    everything: bool = False
    """Every change, not only the first hundred."""


def validate(files: Path, telling: Telling) -> None:
    """Tell whether files hold a catalogue."""
    rows = _checked(files, telling)
    if telling.as_json:
        print(json.dumps({"valid": True, "rows": rows, "problems": []}))
        return
    told = " · ".join(f"{count} {name}" for name, count in rows.items())
    Console().print(f"[green]✓[/] {escape(str(files))}: {told}", highlight=False, soft_wrap=True)


def diff(door: Door, files: Path, telling: Telling) -> int:
    """Tell what an import would change; the exit code."""
    _checked(files, telling)
    report = _answered(lambda: door.try_out(*_body(files)), telling)
    if telling.as_json:
        print(json.dumps(report, ensure_ascii=False))
    else:
        _show(report, telling)
    return DIFFERS if report["changes"] else 0


def import_(door: Door, files: Path, reason: str, telling: Telling, *, yes: bool) -> None:
    """Tell what an import would change, ask whether it shall, and import."""
    _checked(files, telling)
    body, form = _body(files)
    report = _answered(lambda: door.try_out(body, form), telling)
    if not telling.as_json:
        _show(report, telling)
    if not report["changes"]:
        if telling.as_json:
            print(json.dumps(report))
        return
    if not yes:
        typer.confirm(f"Import {files}?", abort=True, err=True)
    done = _answered(lambda: door.import_(body, form, reason), telling)
    if telling.as_json:
        print(json.dumps(done, ensure_ascii=False))
    else:
        Console().print(f"[green]✓[/] Imported: {_counted(done)}.", highlight=False)


def export(door: Door, files: Path) -> None:
    """Write the running catalogue to a workbook, an archive or a folder, by the name."""
    is_folder = files.suffix.lower() not in {each.suffix for each in Format}
    body = _answered(lambda: door.export(Format.CSV if is_folder else format_of(files)), Telling())
    if is_folder:
        files.mkdir(parents=True, exist_ok=True)
        for name, content in csv_files(catalogue_of(read_rows(source_of(body, Format.CSV)))):
            (files / name).write_bytes(content)
    else:
        files.write_bytes(body)
    Console().print(f"[green]✓[/] {escape(str(files))}", highlight=False, soft_wrap=True)


def _checked(files: Path, telling: Telling) -> dict[str, int]:
    """How many rows of each kind files have; tells their problems and ends if they have any."""
    try:
        catalogue = catalogue_of(read_rows(source_at(files)))
    except OSError as error:
        raise ToolError("unreadable", f"{files} can't be read: {error.strerror or error}.") from None
    except CatalogueInvalid as refusal:
        _refused(refusal, telling)
        raise typer.Exit(1) from None
    kinds = ("agencies", "regions", "tiers", "extras", "calendars", "offices", "services", "fees", "plans", "closures")
    return {kind: len(getattr(catalogue, kind)) for kind in kinds}


def _refused(refusal: CatalogueInvalid, telling: Telling) -> None:
    if telling.as_json:
        problems = [
            {"file": each.file, "row": each.row, "column": each.column, "code": each.code, **each.text.model_dump()}
            for each in problems_of(refusal)
        ]
        print(json.dumps({"valid": False, "problems": problems}, ensure_ascii=False))
        return
    told = lines(refusal, telling.lang)
    for line in told:
        Console(stderr=True).print(f"[red]✗[/] {escape(line)}", highlight=False, soft_wrap=True)
    Console(stderr=True).print(f"{len(told)} problem{'s' if len(told) > 1 else ''}.", highlight=False)


def _answered(ask: Callable[[], T], telling: Telling) -> T:
    """What the platform answers; tells what it refuses for, and ends."""
    try:
        with Console(stderr=True).status("asking the catalogue…"):
            return ask()
    except CatalogueInvalid as refusal:
        _refused(refusal, telling)
        raise typer.Exit(1) from None


def _body(files: Path) -> tuple[bytes, Format]:
    """Files as they are sent."""
    if not files.is_dir():
        return files.read_bytes(), format_of(files)
    return packed((each.name, each.read_bytes()) for each in sorted(files.glob("*.csv"))), Format.CSV


def _show(report: dict[str, Any], telling: Telling) -> None:
    changes: Sequence[dict[str, Any]] = report["changes"]
    if not changes:
        Console().print("Nothing differs.")
        return
    table = Table("what", "kind", "code", "where: before → after", box=None, padding=(0, 2, 0, 0))
    for each in changes if telling.everything else changes[:_ROWS_SHOWN]:
        table.add_row(each["what"], each["kind"], escape(each["code"]), escape(_places(each["differences"])))
    Console().print(table)
    if not telling.everything and len(changes) > _ROWS_SHOWN:
        Console().print(f"… and {len(changes) - _ROWS_SHOWN} more: [bold]--all[/] lists them.")
    Console().print(f"{_counted(report)}.", highlight=False)


def _places(differences: Sequence[dict[str, Any]]) -> str:
    shown = [
        f"{each['path'].removeprefix('/') or '/'}: {_value(each['before'])} → {_value(each['after'])}"
        for each in differences[:_PLACES_SHOWN]
    ]
    more = len(differences) - _PLACES_SHOWN
    return "\n".join([*shown, *([f"… and {more} more places"] if more > 0 else [])])


def _value(value: Any) -> str:
    if value is None:
        return "–"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _counted(report: dict[str, Any]) -> str:
    return ", ".join(f"{count} {what}" for what, count in report["counts"].items() if count)
