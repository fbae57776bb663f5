"""What pages say, in the reader's language: gettext catalogues, and how numbers, days and times are written.

A language is a folder of `locale` with `.po` files, one for each room; English is what the code itself says. To add a
language is to add its folder: the list of languages, the direction of the script and the names of days follow.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cache, lru_cache
from importlib import resources
from io import BytesIO
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError, localedata
from babel.dates import format_date, format_datetime, format_skeleton, format_time
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from markupsafe import Markup, escape

from dawr.contracts import Text

SOURCE = "en"
_KEPT_TEXTS = 4000
_ARABIC_DIGITS = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


@cache
def languages() -> tuple[str, ...]:
    """The languages that pages are in, by their codes; the source's last."""
    folder = resources.files("dawr.gateway.portal") / "locale"
    return (*sorted(each.name for each in folder.iterdir() if each.is_dir() and each.name != SOURCE), SOURCE)


@cache
def translations(lang: str) -> NullTranslations:
    """The texts of a language, all rooms in one; those of the source are the texts themselves."""
    if lang == SOURCE:
        return NullTranslations()
    whole: Translations | None = None
    folder = resources.files("dawr.gateway.portal") / "locale" / lang
    for each in sorted(folder.iterdir(), key=lambda path: path.name):
        if not each.name.endswith(".po"):
            continue
        compiled = BytesIO()
        write_mo(compiled, read_po(BytesIO(each.read_bytes()), locale=lang))
        compiled.seek(0)
        room = Translations(compiled)
        whole = room if whole is None else whole.merge(room)
    return whole or NullTranslations()


@cache
def texts_of(lang: str) -> Callable[..., Markup]:
    """What templates ask for a text in a language, its `%(names)s` filled in and escaped."""
    look_up = translations(lang).ugettext

    @lru_cache(maxsize=_KEPT_TEXTS)
    def plain(text: str) -> Markup:
        return Markup(look_up(text)) % {}  # noqa: S704 - a translator's, with no value of anybody else in it

    def filled(text: str, **values: object) -> Markup:
        return Markup(look_up(text)) % values if values else plain(text)  # noqa: S704 - the values are escaped

    return filled


@lru_cache(maxsize=32)
def locale_of(lang: str, territory: str = "") -> Locale:
    """How numbers and days are written in a language and territory (ISO 3166); without one as in most of the world."""
    for tag in (f"{lang}_{territory}", f"{lang}_001", lang):
        if localedata.exists(tag):
            return Locale.parse(tag)
    raise UnknownLocaleError(lang)


def direction(lang: str) -> str:
    """`rtl` or `ltr`."""
    return "rtl" if locale_of(lang).character_order == "right-to-left" else "ltr"


def own_name(lang: str) -> str:
    """A language's name in itself: العربية, English."""
    return str(Locale.parse(lang).get_display_name(lang))


def chosen(wanted: str | None, accepted: str | None, default: str) -> str:
    """The language of a visit: what was chosen before, else what the browser prefers of those there are."""
    if wanted in languages():
        return str(wanted)
    best, weight = default, 0.0
    for part in (accepted or "")[:200].split(","):
        tag, _, parameters = part.strip().partition(";")
        primary = tag.split("-")[0].lower()
        try:
            q = float(parameters.strip().removeprefix("q=")) if parameters else 1.0
        except ValueError:
            continue
        if primary in languages() and q > weight:
            best, weight = primary, q
    return best


def said(text: Text | Mapping[str, str] | str | None, lang: str) -> str:
    """A text of the catalogue in a language; in English where it has none in that."""
    if text is None or isinstance(text, str):
        return text or ""
    spoken = text.model_dump() if isinstance(text, Text) else dict(text)
    return str(spoken.get(lang) or spoken.get(SOURCE) or next(iter(spoken.values()), ""))


class Writing:
    """How figures, days and times are written for one reader. Each is isolated (`bdi`), so that a sentence in the other
    direction does not mix it up."""

    def __init__(self, lang: str, *, territory: str = "", arabic_digits: bool = False) -> None:
        self.lang = lang
        self.locale = locale_of(lang, territory)
        self._arabic_digits = arabic_digits and lang == "ar"

    def figures(self, text: object) -> str:
        """The text with the digits that the reader chose."""
        plain = str(text)
        return plain.translate(_ARABIC_DIGITS) if self._arabic_digits else plain

    def isolated(self, text: object) -> Markup:
        """The text, kept apart from the direction around it."""
        return Markup("<bdi>{}</bdi>").format(self.figures(text))

    def ltr(self, text: object) -> Markup:
        """A number, code or address that is always read from left to right."""
        return Markup('<bdi dir="ltr">{}</bdi>').format(str(text))

    def number(self, value: int) -> Markup:
        """A count, with separators."""
        return self.isolated(f"{value:,}")

    def day(self, value: str | date, form: str = "full") -> Markup:
        """A day: Tuesday, 1 December 2026. `form`: `full`, `long`, `medium`, `short`, a pattern (`EEEE d MMMM`) or a
        skeleton (`MMMMEEEEd`)."""
        at = date.fromisoformat(value) if isinstance(value, str) else value
        return Markup('<time datetime="{}">{}</time>').format(at.isoformat(), self.figures(_day(at, form, self.locale)))

    def moment(self, value: str | datetime, zone: str | None, form: str = "medium") -> Markup:
        """A moment in the zone of an office: 1 Dec 2026, 09:30."""
        at, local = _moment(value, zone)
        comma = "،" if self.lang == "ar" else ","
        pattern = f"d MMM y{comma} HH:mm" if form == "medium" else form
        text = format_datetime(local, pattern, locale=self.locale)
        return Markup('<time datetime="{}"><bdi>{}</bdi></time>').format(at.isoformat(), self.figures(text))

    def clock(self, value: str | datetime, zone: str | None = None) -> Markup:
        """A time of day, `09:00`: of a window as it is, of a moment in the zone of an office."""
        if isinstance(value, str) and len(value) <= 5:
            return Markup("<bdi>{}</bdi>").format(self.figures(value))
        at, local = _moment(value, zone)
        text = format_time(local, "HH:mm", locale=self.locale)
        return Markup('<time datetime="{}"><bdi>{}</bdi></time>').format(at.isoformat(), self.figures(text))

    def money(self, shown: Mapping[str, object] | None) -> Markup:
        """An amount as the services write it: `{"minor", "currency", "text"}`."""
        return Markup("") if shown is None else self.isolated(shown["text"])

    def month(self, value: date) -> str:
        """December 2026."""
        return self.figures(_day(value, "MMMMy", self.locale))

    def weekdays(self, width: str = "abbreviated", first: int | None = None) -> list[tuple[str, str]]:
        """Names of the days of the week from the locale's first (or another; 0: Monday), short and whole."""
        first = self.locale.first_week_day if first is None else first
        names, short = self.locale.days["stand-alone"]["wide"], self.locale.days["stand-alone"][width]
        return [(str(short[(first + i) % 7]), str(names[(first + i) % 7])) for i in range(7)]


@lru_cache(maxsize=_KEPT_TEXTS)
def _day(at: date, form: str, locale: Locale) -> str:
    """A day as `Writing.day` is told to write it. Calendars have a month of them, and are drawn all the time."""
    known = form in {"full", "long", "medium", "short"} or " " in form
    return str(format_date(at, form, locale=locale) if known else format_skeleton(form, at, locale=locale))


def _moment(value: str | datetime, zone: str | None) -> tuple[datetime, datetime]:
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at, at.astimezone(ZoneInfo(zone or "UTC"))


def paragraphs(text: str) -> Markup:
    """Lines of a text as paragraphs."""
    return Markup("").join(Markup("<p>{}</p>").format(escape(line)) for line in text.splitlines() if line.strip())
