"""Text that a spreadsheet would take for a formula: CSV can't say that it is text, so an apostrophe before it does.

A file of ours that is opened in a spreadsheet then shows the text instead of running it. Reading takes the apostrophe
away again; where one was there already, another is put before it, so that nothing is lost.
"""

import re

_LIKE_A_FORMULA = re.compile(r"'*[=+\-@\t\r＝＋－＠]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


def guarded(text: str) -> str:
    """A cell's text as CSV has it. A number is no formula."""
    return f"'{text}" if _LIKE_A_FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def unguarded(cell: str) -> str:
    """The text of a cell of CSV: the reverse of `guarded`."""
    return cell[1:] if cell.startswith("'") and _LIKE_A_FORMULA.match(cell) else cell
