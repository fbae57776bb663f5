"""Texts from templates: Jinja2 in a sandbox, every value shown in the reader's language, zone and figures.

`templates/<code>/<language>.<part>`; parts are subject, txt, html and sms. HTML escapes every value. A name that
a template uses and nobody gave is an error, not an empty place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal, get_currency_name
from jinja2 import FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from dawr.contracts import Money, Text
from dawr.notifications import phrases
from dawr.notifications.domain import Digits, Language
from dawr.notifications.errors import TemplateUnknown
from dawr.notifications.values import Values

FOLDER = Path(__file__).parent / "templates"
PARTS = ("subject", "txt", "html", "sms")
SHARED = "parts"
"""The folder of what several templates include."""
_ARABIC_FIGURES = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
_LATIN_FIGURES = str.maketrans("٠١٢٣٤٥٦٧٨٩", "0123456789")


@dataclass(frozen=True)
class Style:
    """How one reader reads."""

    language: Language
    digits: Digits = "latn"
    zone: str = "UTC"

    def figures(self, text: str) -> str:
        """The text with its figures as the reader writes them: 012 or, in Arabic alone, ٠١٢."""
        return text.translate(_ARABIC_FIGURES if self.has_arabic_figures else _LATIN_FIGURES)

    @property
    def has_arabic_figures(self) -> bool:
        """Only Arabic texts ever have them."""
        return self.language == "ar" and self.digits == "arab"


@dataclass(frozen=True)
class Mail:
    """A mail without its addresses."""

    subject: str
    text: str
    html: str


class Texts:
    """The templates, loaded once. `locales` names the Babel locale of each language."""

    def __init__(self, *, portal_url: str, locales: Mapping[Language, str]) -> None:
        self._locales = locales
        self._environment = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader(FOLDER),
            autoescape=lambda name: bool(name and name.endswith(".html")),
            undefined=StrictUndefined,
            auto_reload=False,
            cache_size=-1,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,  # the blank line that ends an included part
        )
        self._environment.globals["portal_url"] = portal_url.rstrip("/")
        self._environment.filters.update(
            said=self._said, money=self._money, day=self._day, moment=self._moment, figures=self._figures,
            counted=self._counted, rate=self._rate, currency=self._currency,
        )  # fmt: skip
        self._codes = sorted(each.name for each in FOLDER.iterdir() if each.is_dir() and each.name != SHARED)

    @property
    def codes(self) -> list[str]:
        """The templates there are."""
        return self._codes

    def part(self, code: str, part: str, style: Style, values: Values) -> str:
        """One part of a template, filled in; raises TemplateUnknown, or Jinja's own errors if the text is wrong."""
        if code not in self._codes:
            raise TemplateUnknown
        template = self._environment.get_template(f"{code}/{style.language}.{part}")
        text = template.render(values | {"style": style, "lang": style.language}).strip()
        return " ".join(text.split()) if part in {"subject", "sms"} else text

    def mail(self, code: str, style: Style, values: Values) -> Mail:
        """A template as a mail."""
        return Mail(*(self.part(code, part, style, values) for part in ("subject", "txt", "html")))

    def sms(self, code: str, style: Style, values: Values) -> str:
        """A template as a short text, on one line."""
        return self.part(code, "sms", style, values)

    @pass_context
    def _said(self, context: Context, text: Text) -> str:
        return text.en if _style(context).language == "en" else text.ar

    @pass_context
    def _money(self, context: Context, money: Money) -> str:
        """`312,700 Syrian pounds`; minor units are hundredths."""
        pattern = "#,##0" if money.minor % 100 == 0 else "#,##0.00"
        return self._amount(_style(context), Decimal(money.minor) / 100, money.currency, pattern)

    @pass_context
    def _rate(self, context: Context, fx: Values) -> str:
        """`13,000 Syrian pounds`: how many units of the one currency a unit of the other was."""
        return self._amount(_style(context), fx["rate"], fx["quote"], "#,##0.########")

    @pass_context
    def _currency(self, context: Context, currency: str) -> str:
        return get_currency_name(currency, count=1, locale=self._locales[_style(context).language])

    def _amount(self, style: Style, number: Decimal, currency: str, pattern: str) -> str:
        locale = self._locales[style.language]
        # Babel takes the separators of the numbering system, and leaves the figures as they are.
        system = "arab" if style.has_arabic_figures else "latn"
        figures = style.figures(format_decimal(number, format=pattern, locale=locale, numbering_system=system))
        return f"{figures} {get_currency_name(currency, count=number, locale=locale)}"

    @pass_context
    def _day(self, context: Context, day: date) -> str:
        """`Tuesday 1 December 2026`: a local date of an office, in no zone."""
        style = _style(context)
        return style.figures(format_date(day, "EEEE d MMMM y", locale=self._locales[style.language]))

    @pass_context
    def _moment(self, context: Context, moment: datetime) -> str:
        """`14:05 on Tuesday 1 December 2026`, in the zone of the office; says UTC if the zone is not known."""
        style = _style(context)
        local = moment.astimezone(UTC if style.zone == "UTC" else ZoneInfo(style.zone))
        order = "'الساعة' HH:mm 'من يوم' EEEE d MMMM y" if style.language == "ar" else "HH:mm 'on' EEEE d MMMM y"
        text = style.figures(format_datetime(local, order, tzinfo=local.tzinfo, locale=self._locales[style.language]))
        return f"{text} UTC" if style.zone == "UTC" else text

    @pass_context
    def _figures(self, context: Context, text: object) -> str:
        return _style(context).figures(str(text))

    @pass_context
    def _counted(self, context: Context, number: int, phrase: str) -> str:
        style = _style(context)
        return phrases.counted(phrase, number, style.language, digits=style.figures)


def _style(context: Context) -> Style:
    style: Any = context["style"]
    assert isinstance(style, Style)  # noqa: S101
    return style
