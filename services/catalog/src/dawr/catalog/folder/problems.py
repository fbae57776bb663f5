"""What can be wrong in a folder, said so that a person finds the place."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import islice

from dawr.catalog.errors import CatalogueInvalid
from dawr.catalog.folder.cells import WrongCell
from dawr.contracts import Text

HEADER_ROW = 1
"""Rows are counted as a spreadsheet shows them: the header is row 1."""
MOST_PROBLEMS = 1000
"""Of more, it is only said that there are more: they come from one mistake that was copied."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong, and where."""

    file: str
    """`fees.csv`, or the sheet `fees`; empty: what was given as a whole."""
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
        said = self.text_ar if lang == "ar" else self.text_en
        return f"{place}: {said}" if place else said

    def __str__(self) -> str:
        return self.said()

    @property
    def text(self) -> Text:
        """Both texts."""
        return Text(ar=self.text_ar, en=self.text_en)


def refuse(problems: Iterable[Problem]) -> None:
    """Raise CatalogueInvalid with all problems, sorted by place; do nothing if there are none."""
    found = list(islice(dict.fromkeys(problems), MOST_PROBLEMS + 1))
    if len(found) > MOST_PROBLEMS:
        en = f"there are more than {MOST_PROBLEMS} problems; the rest is not listed"
        ar = f"المشكلات أكثر من {MOST_PROBLEMS}، ولم يُدرج ما بقي منها"
        found[MOST_PROBLEMS:] = [Problem("", 0, "", "too-many-problems", en, ar)]
    if found:
        raise CatalogueInvalid(problems=[asdict(problem) for problem in sorted(found)])


@contextmanager
def called_as(called: Callable[[str], str]) -> Iterator[None]:
    """Have the problems of what is refused within name files as their source calls them."""
    try:
        yield
    except CatalogueInvalid as refusal:
        raise CatalogueInvalid(
            problems=[asdict(replace(each, file=called(each.file))) for each in problems_of(refusal)]
        ) from None


def problems_of(refusal: CatalogueInvalid) -> list[Problem]:
    """The problems of a refusal."""
    listed = refusal.data["problems"]
    assert isinstance(listed, list)  # noqa: S101
    return [Problem(**each) for each in listed]


def lines(refusal: CatalogueInvalid, lang: str = "en") -> list[str]:
    """The problems of a refusal, one line each, for a terminal."""
    return [each.said(lang) for each in problems_of(refusal)]


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
