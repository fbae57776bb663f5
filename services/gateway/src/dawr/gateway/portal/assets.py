"""Scripts, styles and fonts: all served from here, named by their content, kept by browsers for a year.

htmx comes from the django-htmx package, which carries it, and the fonts from fontpkg-ibm-plex-sans-arabic (SIL Open
Font License); both are made ready in memory when the process starts, fonts cut down to the letters that pages use.
"""

import asyncio
import gzip
import hashlib
import logging
from importlib import resources
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from dawr.servicekit.problems import NotFound

_CARRIED = {
    "htmx.js": ("django_htmx", "static/django_htmx/htmx-2.min.js"),
    "sse.js": ("django_htmx", "static/django_htmx/ext/hx-sse-2.min.js"),
}
"""Scripts of others, by package and path."""
_FONTS = ("Regular", "SemiBold")
_LATIN = (*range(0x20, 0x7F), *range(0xA0, 0x180), 0x2010, 0x2011, 0x2013, 0x2014, 0x2018, 0x2019, 0x201C, 0x201D,
          0x2022, 0x2026, 0x2190, 0x2192, 0x20AC, 0x2212)  # fmt: skip
_ARABIC = (0x20, 0x2E, 0x3A, *range(0x600, 0x700), *range(0x750, 0x780), *range(0x200C, 0x2010))
_RANGES = {"latin": ("U+0000-05FF, U+1E00-1EFF, U+2000-206F, U+20A0-20CF, U+2190-21FF, U+2212", _LATIN),
           "arabic": ("U+0600-06FF, U+0750-077F, U+200C-200F", _ARABIC)}  # fmt: skip
_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml",
          "woff2": "font/woff2", "json": "application/manifest+json", "png": "image/png"}  # fmt: skip
_STYLES = ("tokens.css", "portal.css", "print.css")
_KEPT = "public, max-age=31536000, immutable"


class Assets:
    """The files of `static`, those that packages carry, and the fonts."""

    def __init__(self) -> None:
        self._content: dict[str, bytes] = {}
        self._zipped: dict[str, bytes] = {}
        self._paths: dict[str, str] = {}
        for name, content in _plain_files().items():
            self._add(name, content)
        self._fonts: asyncio.Future[None] | None = None
        faces = "".join(
            f'@font-face{{font-family:"Dawr";font-style:normal;font-weight:{400 if weight == "Regular" else 600};'
            f'font-display:swap;src:url("/static/{_font_name(weight, script)}") format("woff2");'
            f"unicode-range:{span}}}\n"
            for weight in _FONTS
            for script, (span, _) in _RANGES.items()
        )
        styles = b"".join(self._content.pop(name) for name in _STYLES)
        self._add("dawr.css", faces.encode() + styles)

    def path(self, name: str) -> str:
        """Where a file is: `/static/dawr-1a2b3c4d.css` for `dawr.css`."""
        return self._paths[name]

    def content(self, name: str) -> str:
        """A text file's content."""
        return self._content[name].decode()

    async def serve(self, request: Request) -> Response:
        """Answer a request for a file."""
        name = request.path_params["name"]
        if name.endswith(".woff2"):
            await self._fonts_ready()
        plain = _plain_name(name)
        if plain not in self._content or self._paths.get(plain) not in {None, f"/static/{name}"}:
            raise NotFound
        headers = {"cache-control": _KEPT, "vary": "accept-encoding", "cross-origin-resource-policy": "same-origin"}
        content = self._content[plain]
        if plain in self._zipped and "gzip" in request.headers.get("accept-encoding", ""):
            content, headers["content-encoding"] = self._zipped[plain], "gzip"
        return Response(content, 200, headers, _TYPES[plain.rpartition(".")[2]])

    async def prepare(self) -> None:
        """Make the fonts; goes on until it is cancelled, as what serves does."""
        await self._fonts_ready()
        await asyncio.Event().wait()

    async def _fonts_ready(self) -> None:
        if self._fonts is None:
            self._fonts = asyncio.ensure_future(asyncio.to_thread(self._make_fonts))
        await asyncio.shield(self._fonts)

    def _make_fonts(self) -> None:
        for weight in _FONTS:
            for script, (_, letters) in _RANGES.items():
                self._content[_font_name(weight, script)] = _cut_font(weight, letters)

    def _add(self, name: str, content: bytes) -> None:
        stem, _, kind = name.rpartition(".")
        self._content[name] = content
        self._paths[name] = f"/static/{stem}-{hashlib.sha256(content).hexdigest()[:8]}.{kind}"
        zipped = gzip.compress(content, 9, mtime=0)
        if len(zipped) < len(content) * 0.9:
            self._zipped[name] = zipped


def _plain_files() -> dict[str, bytes]:
    folder = resources.files("dawr.gateway.portal") / "static"
    found = {each.name: each.read_bytes() for each in folder.iterdir() if each.name.rpartition(".")[2] in _TYPES}
    return found | {name: (_package(package) / path).read_bytes() for name, (package, path) in _CARRIED.items()}


def _package(name: str) -> Path:
    """The folder of a package, which is not imported: nothing of it runs here."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(name)
    return Path(spec.submodule_search_locations[0])


def _font_name(weight: str, script: str) -> str:
    return f"plex-{weight.lower()}-{script}.woff2"


def _plain_name(name: str) -> str:
    """`dawr.css` of `dawr-1a2b3c4d.css`; fonts have no content in their names."""
    if name.endswith(".woff2"):
        return name
    stem, _, kind = name.rpartition(".")
    return f"{stem.rpartition('-')[0]}.{kind}"


def _cut_font(weight: str, letters: tuple[int, ...]) -> bytes:
    """A font with these letters alone, as WOFF2."""
    from fontTools.subset import Options, Subsetter  # noqa: PLC0415 - takes its time, and only this needs it
    from fontTools.ttLib import TTFont  # noqa: PLC0415

    logging.getLogger("fontTools").setLevel(logging.ERROR)
    options = Options(hinting=False, layout_features=["*"])
    font = TTFont(_package("fontpkg_ibm_plex_sans_arabic") / "files" / f"IBMPlexSansArabic-{weight}.ttf")
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=letters)
    subsetter.subset(font)
    font.flavor = "woff2"
    made = BytesIO()
    font.save(made)
    return made.getvalue()
