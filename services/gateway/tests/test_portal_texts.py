"""Every text of the pages in every language: nothing is missing, left over, or filled in with other names."""

import ast
import re
from collections.abc import Iterator
from importlib import resources
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po

from dawr.gateway.portal.texts import SOURCE, Writing, chosen, direction, languages, own_name, said, translations

PORTAL = Path(str(resources.files("dawr.gateway.portal")))
OTHERS = [each for each in languages() if each != SOURCE]
_FILLED = re.compile(r"%\((\w+)\)[sd]|%(?!%)[^(]")


def used() -> Iterator[tuple[str, str]]:
    """Each text (of a plural the singular) and where it stands."""
    for path in sorted(PORTAL.rglob("*.html")):
        with path.open("rb") as file:
            for line, text, _, _ in extract(
                "jinja2.ext:babel_extract", file, options={"trimmed": "true", "silent": "false"}
            ):
                if text:  # of a variable there is none to be known here
                    yield (text[0] if isinstance(text, tuple | list) else text), f"{path.name}:{line}"
    for path in sorted(PORTAL.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            is_said = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name)
            if is_said and getattr(node.func, "attr", getattr(node.func, "id", "")) in {"t", "nt"} and node.args:
                for each in ast.walk(node.args[0]):
                    if isinstance(each, ast.Constant) and isinstance(each.value, str):
                        yield each.value, f"{path.name}:{node.lineno}"


def catalogues(lang: str) -> dict[str, Catalog]:
    return {
        path.name: read_po(BytesIO(path.read_bytes()), locale=lang)
        for path in sorted((PORTAL / "locale" / lang).glob("*.po"))
    }


def messages(lang: str) -> dict[str, list[Message]]:
    found: dict[str, list[Message]] = {}
    for catalogue in catalogues(lang).values():
        for message in catalogue:
            if message.id:
                name = message.id[0] if isinstance(message.id, tuple) else message.id
                found.setdefault(name, []).append(message)
    return found


@pytest.mark.parametrize("lang", OTHERS)
def test_every_text_is_said_in_every_language(lang: str) -> None:
    known = messages(lang)
    missing = sorted({f"{where}: {text}" for text, where in used() if text not in known})
    assert missing == []


@pytest.mark.parametrize("lang", OTHERS)
def test_no_text_is_left_over_or_empty(lang: str) -> None:
    texts = {text for text, _ in used()}
    assert sorted(name for name in messages(lang) if name not in texts) == []
    empty = [name for name, said_so in messages(lang).items() for each in said_so if not all(_spoken(each))]
    assert empty == []


@pytest.mark.parametrize("lang", OTHERS)
def test_a_text_that_stands_in_two_rooms_says_the_same_in_both(lang: str) -> None:
    differ = {name: {_spoken(each) for each in said_so} for name, said_so in messages(lang).items()}
    assert {name: sorted(map(str, ways)) for name, ways in differ.items() if len(ways) > 1} == {}


@pytest.mark.parametrize("lang", OTHERS)
def test_names_in_a_text_are_those_of_its_source(lang: str) -> None:
    wrong = []
    for name, said_so in messages(lang).items():
        for each in said_so:
            source = set(_FILLED.findall(each.id[-1] if isinstance(each.id, tuple) else each.id))
            wrong += [name for way in _spoken(each) if not set(_FILLED.findall(way)) <= source]
            if not isinstance(each.id, tuple) and set(_FILLED.findall(_spoken(each)[0])) != source:
                wrong.append(name)
    assert wrong == []


def _spoken(message: Message) -> tuple[str, ...]:
    return message.string if isinstance(message.string, tuple) else (str(message.string),)


def test_a_language_is_a_folder_and_its_script_has_a_direction() -> None:
    assert languages() == ("ar", "en")
    assert (direction("ar"), direction("en")) == ("rtl", "ltr")
    assert (own_name("ar"), own_name("en")) == ("العربية", "English")


def test_the_language_is_the_chosen_one_then_the_browsers_then_the_platforms() -> None:
    assert chosen("en", "ar", "ar") == "en"
    assert chosen(None, "fr;q=1, en-GB;q=0.8, ar;q=0.3", "ar") == "en"
    assert chosen("xx", "de", "ar") == "ar"
    assert chosen(None, "en;q=rubbish", "ar") == "ar"


def test_plurals_of_arabic_have_six_forms() -> None:
    arabic = translations("ar")

    def after(seconds: int) -> str:
        return arabic.ungettext("Try again in %(num)s second.", "Try again in %(num)s seconds.", seconds)

    assert len({after(each) for each in (1, 2, 5)}) == 3


def test_figures_and_days_are_kept_apart_from_the_direction_around_them() -> None:
    arabic, eastern = Writing("ar"), Writing("ar", arabic_digits=True)
    assert arabic.number(12345) == "<bdi>12,345</bdi>"
    assert eastern.number(12345) == "<bdi>١٢,٣٤٥</bdi>"
    assert "2026-12-01" in arabic.day("2026-12-01")
    assert "1" in arabic.day("2026-12-01")
    assert "١" in eastern.day("2026-12-01")
    assert Writing("en", arabic_digits=True).number(7) == "<bdi>7</bdi>"
    assert arabic.ltr("<b>") == '<bdi dir="ltr">&lt;b&gt;</bdi>'
    assert ">11:30<" in Writing("en").clock("2026-12-01T08:30:00+00:00", "Asia/Damascus")
    assert Writing("en").clock("09:00") == "<bdi>09:00</bdi>"


def test_a_text_of_the_catalogue_falls_back_to_english() -> None:
    assert said({"ar": "س", "en": "x"}, "ar") == "س"
    assert said({"ar": "س", "en": "x"}, "tr") == "x"
    assert said(None, "ar") == ""
