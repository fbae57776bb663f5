"""What can be wrong in a folder, said so that a person finds the place."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from dawr.catalog.errors import CatalogueInvalid
from dawr.catalog.folder.cells import WrongCell
from dawr.contracts import Text

HEADER_ROW = 1
"""Rows are counted as a spreadsheet shows them: the header is row 1."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong, and where."""

    file: str
    row: int
    """0: the file as a whole."""
    column: str
    """Empty: the row as a whole."""
    code: str
    text_en: str
    text_ar: str

    def said(self, lang: str = "en") -> str:
        """Place and text on one line."""
        file, row, column = (self.file, "صف", "عمود") if lang == "ar" else (self.file, "row", "column")
        comma = "، " if lang == "ar" else ", "
        place = file + (f"{comma}{row} {self.row}" if self.row else "")
        place += f"{comma}{column} {self.column}" if self.column else ""
        return f"{place}: {self.text_ar if lang == 'ar' else self.text_en}"

    def __str__(self) -> str:
        return self.said()

    @property
    def text(self) -> Text:
        """Both texts."""
        return Text(ar=self.text_ar, en=self.text_en)


def refuse(problems: Iterable[Problem]) -> None:
    """Raise CatalogueInvalid with all problems, sorted by place; do nothing if there are none."""
    found = sorted(set(problems))
    if found:
        raise CatalogueInvalid(problems=[asdict(problem) for problem in found])


def lines(refusal: CatalogueInvalid, lang: str = "en") -> list[str]:
    """The problems of a refusal, one line each, for a terminal."""
    listed = refusal.data["problems"]
    assert isinstance(listed, list)  # noqa: S101
    return [Problem(**each).said(lang) for each in listed]


def of_cell(kind: str, message: str, context: dict[str, object]) -> tuple[str, str, str]:
    """What is said of a cell that breaks its column's rule, from what pydantic says: code, English, Arabic.

    The kinds of cells that are ours name their own texts; the rest is here.
    """
    error = context.get("error")
    if isinstance(error, WrongCell):
        return error.code, error.en, error.ar
    code = kind.replace("_", "-")
    english, arabic = _TEXTS.get(kind, (message, "القيمة غير صالحة"))
    return code, english.format_map(context), arabic.format_map(context)


_TEXTS: dict[str, tuple[str, str]] = {
    "string_too_short": ("the cell is empty", "الخلية فارغة"),
    "string_too_long": ("more than {max_length} characters", "أكثر من {max_length} حرفاً"),
    "string_pattern_mismatch": (
        "characters that don't belong here; {pattern} is expected",
        "فيها محارف غير مسموحة هنا؛ المتوقع {pattern}",
    ),
    "int_parsing": ("a whole number is expected", "المتوقع عدد صحيح"),
    "int_parsing_size": ("the number is too large", "العدد كبير جداً"),
    "int_from_float": ("a whole number is expected", "المتوقع عدد صحيح"),
    "float_parsing": ("a number is expected", "المتوقع عدد"),
    "greater_than_equal": ("the number is less than {ge}", "العدد أقل من {ge}"),
    "less_than_equal": ("the number is more than {le}", "العدد أكبر من {le}"),
    "too_short": ("at least {min_length} is expected", "المتوقع {min_length} على الأقل"),
    "too_long": ("at most {max_length} are expected", "المتوقع {max_length} على الأكثر"),
    "enum": ("one of {expected} is expected", "المتوقع إحدى القيم {expected}"),
    "finite_number": ("a number is expected", "المتوقع عدد"),
}
