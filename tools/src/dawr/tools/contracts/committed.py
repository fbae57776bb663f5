"""The committed files of the contracts: which there should be, what differs, and what an earlier commit held."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dawr.tools.contracts.asyncapi import document
from dawr.tools.contracts.errors import ContractsError
from dawr.tools.contracts.schemas import Schema, messages, render, schema_of

MESSAGES = Path("libs/contracts/messages")
"""A folder per message version: `schema.json`, generated, and `example.json`, written by hand."""
ASYNCAPI = Path("docs/asyncapi.json")


def repository() -> Path:
    """The checkout that this code runs from."""
    for folder in Path(__file__).resolve().parents:
        if (folder / "libs" / "contracts").is_dir():
            return folder
    raise ContractsError("no-repository", "The contracts are files of a checkout of Dawr: run this from one.")


def example_of(root: Path, wire_type: str) -> dict[str, Any]:
    """The body of a message's example; raises ContractsError if there is none or the model does not take it."""
    path = root / MESSAGES / wire_type / "example.json"
    try:
        example: dict[str, Any] = json.loads(path.read_text("utf-8"))
        messages()[wire_type].model_validate(example)
    except FileNotFoundError as error:
        raise ContractsError("no-example", f"{wire_type} has no example: write {path}.") from error
    except (json.JSONDecodeError, ValidationError) as error:
        raise ContractsError("bad-example", f"{path} is no {wire_type}: {error}") from error
    return example


def wanted(root: Path) -> dict[Path, str]:
    """The generated files that there should be, as text by path in the repository."""
    known = messages()
    files = {MESSAGES / name / "schema.json": render(schema_of(message)) for name, message in known.items()}
    files[ASYNCAPI] = render(document({name: example_of(root, name) for name in known}))
    return files


def write(root: Path) -> list[Path]:
    """Write what is not current; the paths that changed."""
    changed = []
    for path, text in wanted(root).items():
        if _read(root / path) != text:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, "utf-8")
            changed.append(path)
    return changed


def stale(root: Path) -> list[str]:
    """What is wrong with the committed files; empty if they are current."""
    found = [
        f"{path} is not current: run `python -m dawr.tools.contracts write`"
        for path, text in wanted(root).items()
        if _read(root / path) != text
    ]
    folders = {folder.name for folder in (root / MESSAGES).iterdir() if folder.is_dir()}
    return found + [
        f"{MESSAGES / name} is of no message: take it away, if none was ever sent"
        for name in sorted(folders - messages().keys())
    ]


def _read(path: Path) -> str | None:
    return path.read_text("utf-8") if path.exists() else None


@dataclass(frozen=True)
class Published:
    """The contracts of a commit."""

    schemas: dict[str, Schema]
    """By wire type."""
    asyncapi: dict[str, Any]
    """Empty if the commit has no such document."""


def published(root: Path, ref: str) -> Published | None:
    """The contracts at a commit of the repository; None if there is no such commit, or it has none."""
    commit = _git(root, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}").strip()
    if not commit:
        return None
    paths = _git(root, "ls-tree", "-r", "--name-only", "--full-tree", commit, "--", str(MESSAGES)).splitlines()
    schemas = {
        Path(path).parent.name: json.loads(_git(root, "show", f"{commit}:{path}"))
        for path in paths
        if Path(path).name == "schema.json"
    }
    text = _git(root, "show", f"{commit}:{ASYNCAPI}")
    return Published(schemas, json.loads(text) if text else {}) if schemas else None


def landed(root: Path) -> list[str]:
    """What others may run by now: the newest release before HEAD (a tag `v1.2.0`), and the commit where this branch
    left `origin/main`, if HEAD is not itself there. With neither, the commit before HEAD."""
    head = _git(root, "rev-parse", "HEAD").strip()
    release = _git(root, "describe", "--tags", "--abbrev=0", "--match", "v[0-9]*", "HEAD~1").strip()
    left_main = _git(root, "merge-base", "HEAD", "origin/main").strip()
    return [ref for ref in (release, left_main) if ref and ref != head] or ["HEAD~1"]


def _git(root: Path, *arguments: str) -> str:
    """What git prints; nothing if it is not there or says no."""
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout if done.returncode == 0 else ""
