"""`dawr pass`: is the pass that somebody shows a true one? Needs no platform and no network, only the public keys."""

import json
import os
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from dawr.contracts import Text
from dawr.gateway.keys import PASSES
from dawr.gateway.passes import Fault, NotAPass, Pass, public_keys, read_pass
from dawr.tools.errors import ToolError
from dawr.tools.platform.folder import Folder

app = typer.Typer(no_args_is_help=True, help="Passes: check the code of one, keep the public keys for that.")

NO, UNCHECKED = 1, 2
"""Exit codes: it is no pass of ours; it could not be checked."""
_SECONDS = 5.0
_WELL_KNOWN = "/.well-known/passes.json"

YES = Text(ar="نعم: بطاقة الدور صحيحة.", en="YES: this is a true pass.")
NOT_ONE = Text(ar="لا: هذه ليست بطاقة دور صحيحة.", en="NO: this is not a true pass.")
FAULTS: Mapping[Fault, Text] = {
    Fault.OTHER_FORM: Text(ar="النص ليس بصيغة بطاقة من منصة دور.", en="The text is not of the form of a pass of Dawr."),
    Fault.UNKNOWN_KEY: Text(
        ar="وُقّعت بمفتاح غير موجود في المجموعة: إما أنها مزوّرة أو أن المجموعة المحفوظة قديمة. احفظ المفاتيح مجدداً.",
        en="It names a key that is not in the set: it is forged, or the set is old. Save the keys again.",
    ),
    Fault.WRONG_SIGNATURE: Text(
        ar="التوقيع غير مطابق: غُيّر النص أو وقّعه غيرنا.",
        en="The signature does not hold: it was changed, or somebody else signed it.",
    ),
}
LINES = {
    "turn": Text(ar="الدور", en="Turn"),
    "service": Text(ar="الخدمة", en="Service"),
    "office": Text(ar="المكتب", en="Office"),
    "date": Text(ar="اليوم", en="Day"),
    "window": Text(ar="الساعة", en="Hour"),
    "issued_at": Text(ar="صدرت في", en="Issued"),
}
TODAY = Text(ar="يومها هو اليوم.", en="Its day is today.")
ANOTHER_DAY = Text(ar="انتبه: هي ليوم آخر غير اليوم.", en="Mind: it is for another day than today.")
ONLINE_ONLY = Text(
    ar="لا يبيّن التوقيع إن كان الدور قد أُلغي أو نُقل بعد صدورها.",
    en="The signature does not tell whether the turn was given back or moved since.",
)


class Lang(StrEnum):
    """In which language it is told."""

    AR = "ar"
    EN = "en"


KeysFrom = Annotated[
    str | None,
    typer.Option(
        "--keys", metavar="FILE|URL", help="The public keys: a saved file, or the address of a platform or of its set."
    ),
]
Root = Annotated[Path, typer.Option("--root", help="The folder that holds .dawr/.", show_default="this folder")]
Told = Annotated[Lang | None, typer.Option("--lang", help="The language of the answer.", show_default="the shell's")]
HERE = Path()


class KeysUnread(ToolError):
    """There are no keys to check with."""


@app.command(
    epilog="Examples:  [bold]dawr pass verify eyJhbGciOi… --keys passes.json[/]   ·   "
    "[bold]zbarimg -q --raw pass.png | dawr pass verify - --keys https://dawr.example --lang ar[/]"
)
def verify(
    text: Annotated[str, typer.Argument(help="What the QR code says; - reads it from the input.")] = "-",
    keys: KeysFrom = None,
    lang: Told = None,
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day to compare with.", show_default="today")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    root: Root = HERE,
) -> None:
    """Tell whether a pass is a true one. Exit code 0: yes; 1: no; 2: it could not be checked."""
    spoken = lang or _of_shell()
    try:
        known = public_keys(_document(keys, root))
    except (KeysUnread, ValueError) as error:
        typer.echo(f"✗ {error}", err=True)
        raise typer.Exit(UNCHECKED) from error
    shown = sys.stdin.read() if text == "-" else text
    today = on.date() if on else datetime.now().astimezone().date()
    try:
        told = read_pass("".join(shown.split()), known)
    except NotAPass as error:
        typer.echo(json.dumps({"holds": False, "why": error.fault.value}) if as_json else _no(error.fault, spoken))
        raise typer.Exit(NO) from error
    typer.echo(json.dumps({"holds": True, **_plain(told)}) if as_json else _yes(told, today, spoken))


@app.command("keys", epilog="Example:  [bold]dawr pass keys --from https://dawr.example > passes.json[/]")
def keys_(
    source: Annotated[
        str | None, typer.Option("--from", metavar="FILE|URL", help="Where they are; else this folder's platform.")
    ] = None,
    root: Root = HERE,
) -> None:
    """Print the public keys of passes, to be saved: with them passes are checked without a network."""
    document = _document(source, root)
    public_keys(document)
    typer.echo(json.dumps(document, indent=1))


def _document(source: str | None, root: Path) -> Mapping[str, Any]:
    """The public set; raises KeysUnread."""
    source = source or str(Folder.of(root).keys / PASSES.public)
    try:
        if source.startswith(("http://", "https://")):
            url = source if source.endswith(".json") else source.rstrip("/") + _WELL_KNOWN
            found: Any = httpx.get(url, timeout=_SECONDS).raise_for_status().json()
        else:
            found = json.loads(Path(source).read_bytes())
    except (OSError, httpx.HTTPError, ValueError) as error:
        raise KeysUnread(
            "keys-unread", f"No public keys could be read from {source}: {type(error).__name__}."
        ) from error
    if not isinstance(found, dict):
        raise KeysUnread("keys-unread", f"{source} is no set of public keys.")
    return found


def _of_shell() -> Lang:
    """Arabic in an Arabic shell, else English."""
    name = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return Lang.AR if name.startswith("ar") else Lang.EN


def _said(text: Text, lang: Lang) -> str:
    return text.ar if lang is Lang.AR else text.en


def _plain(told: Pass) -> dict[str, str | None]:
    return {
        "turn": str(told.turn),
        "service": told.service,
        "office": told.office,
        "date": told.date.isoformat(),
        "window": told.window,
        "issued_at": told.issued_at.astimezone(UTC).isoformat(),
    }


def _yes(told: Pass, today: date, lang: Lang) -> str:
    lines = [f"  {_said(LINES[name], lang)}: {value}" for name, value in _plain(told).items() if value is not None]
    day = TODAY if told.date == today else ANOTHER_DAY
    return "\n".join([f"✓ {_said(YES, lang)}", *lines, _said(day, lang), _said(ONLINE_ONLY, lang)])


def _no(fault: Fault, lang: Lang) -> str:
    return f"✗ {_said(NOT_ONE, lang)} {_said(FAULTS[fault], lang)}"
