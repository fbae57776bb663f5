"""docs/flow-of-one-booking.md is true: its links lead somewhere, its names exist where it says."""

import ast
import re
from pathlib import Path

from dawr.contracts.topics import TOPICS

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "flow-of-one-booking.md"
TEXT = DOCUMENT.read_text()
_LINK = re.compile(r"\[[^\]]+\]\(([^)#]+)\)")
_NAMED = re.compile(r"\[[^\]]+\]\(([^)#]+\.py)\)\s+`([A-Za-z_.]+)`")


def _names(path: Path) -> set[str]:
    names = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            methods = (each for each in node.body if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)))
            names |= {f"{node.name}.{each.name}" for each in methods}
    return names


def test_every_link_leads_to_a_file() -> None:
    for document in [
        DOCUMENT,
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *(ROOT / "docs" / "decisions").glob("*.md"),
    ]:
        links = [link for link in _LINK.findall(document.read_text()) if not link.startswith("http")]
        broken = [link for link in links if not (document.parent / link).exists()]
        assert not broken, f"{document.name}: {broken}"


def test_every_function_is_where_the_document_says() -> None:
    named = _NAMED.findall(TEXT)
    assert len(named) > 20
    missing = [f"{link}: {name}" for link, name in named if name not in _names((DOCUMENT.parent / link).resolve())]
    assert not missing


def test_every_message_and_topic_exists() -> None:
    messages = {wire_type for topic in TOPICS for wire_type in topic.messages}
    told = set(re.findall(r"`((?:booking|payments|consular|notifications|catalog)\.[a-z-]+\.v\d+)`", TEXT))
    assert told
    assert told <= messages
    topics = set(re.findall(r"`(dawr\.[a-z]+\.[a-z]+)`", TEXT))
    assert topics
    assert topics <= {topic.name for topic in TOPICS}
