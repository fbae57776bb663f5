"""The committed contracts are current, and a commit that would part old from new processes is refused."""

import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dawr.contracts import Message
from dawr.contracts.payments import CancelPayment
from dawr.tools.contracts.__main__ import main
from dawr.tools.contracts.asyncapi import document
from dawr.tools.contracts.changes import refusals
from dawr.tools.contracts.committed import (
    ASYNCAPI,
    MESSAGES,
    Published,
    example_of,
    landed,
    published,
    repository,
    stale,
    wanted,
    write,
)
from dawr.tools.contracts.errors import ContractsError
from dawr.tools.contracts.schemas import messages, render, schema_of


@pytest.fixture(scope="module")
def asyncapi() -> dict[str, Any]:
    return document({wire_type: example_of(repository(), wire_type) for wire_type in messages()})


@pytest.fixture
def before(asyncapi: dict[str, Any]) -> Published:
    return Published({name: schema_of(message) for name, message in messages().items()}, copy.deepcopy(asyncapi))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository of the contracts alone, with nothing committed yet."""
    for wire_type in messages():
        path = tmp_path / MESSAGES / wire_type / "example.json"
        path.parent.mkdir(parents=True)
        path.write_text(render(example_of(repository(), wire_type)))
    write(tmp_path)
    git(tmp_path, "init", "--quiet")
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    said(folder, *arguments)


def said(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path) -> None:
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "contracts")


def test_the_committed_files_are_current() -> None:
    assert stale(repository()) == []


def test_the_files_are_the_same_each_time() -> None:
    assert wanted(repository()) == wanted(repository())


def test_what_is_not_current_is_named_and_made_anew(checkout: Path) -> None:
    schema = MESSAGES / "booking.turn-held.v1" / "schema.json"
    (checkout / schema).write_text("{}")
    (checkout / MESSAGES / "booking.turn-forgotten.v1").mkdir()
    first, second = stale(checkout)
    assert first.startswith(f"{schema} is not current")
    assert "booking.turn-forgotten.v1 is of no message" in second
    assert write(checkout) == [schema]
    assert write(checkout) == []


def test_a_message_without_a_good_example_is_refused(checkout: Path) -> None:
    example = checkout / MESSAGES / "booking.turn-held.v1" / "example.json"
    example.write_text('{"turn_id": "not an id"}')
    with pytest.raises(ContractsError, match=r"is no booking\.turn-held\.v1"):
        wanted(checkout)
    example.unlink()
    with pytest.raises(ContractsError, match="has no example"):
        wanted(checkout)


def test_the_command_passes_on_what_is_committed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    assert main(["check", "--against", "no-such-commit"]) == 0
    assert "nothing to compare with" in capsys.readouterr().out


def test_a_commit_without_contracts_is_nothing_to_compare_with(checkout: Path) -> None:
    (checkout / "README.md").write_text("before the contracts")
    git(checkout, "add", "README.md")
    git(checkout, "commit", "--quiet", "--message", "first")
    assert published(checkout, "HEAD") is None
    assert published(checkout, "HEAD~1") is None
    commit(checkout)
    assert published(checkout, "HEAD~1") is None
    assert published(checkout, "HEAD") is not None


def test_a_branch_of_many_commits_is_compared_with_where_it_left_main(checkout: Path) -> None:
    """Its last commit may look harmless, and the one before it took a message away."""
    commit(checkout)
    main_at = said(checkout, "rev-parse", "HEAD")
    for _ in range(3):
        git(checkout, "commit", "--quiet", "--allow-empty", "--message", "work")
    assert landed(checkout) == ["HEAD~1"], "nothing is known of what others have"
    git(checkout, "update-ref", "refs/remotes/origin/main", main_at)
    assert landed(checkout) == [main_at]
    git(checkout, "update-ref", "refs/remotes/origin/main", "HEAD")
    assert landed(checkout) == ["HEAD~1"], "what has landed itself is compared with what was before it"


def test_what_has_landed_is_compared_with_the_release_before_it(checkout: Path) -> None:
    commit(checkout)
    git(checkout, "tag", "v1.0.0")
    git(checkout, "tag", "not-a-release")
    for _ in range(2):
        git(checkout, "commit", "--quiet", "--allow-empty", "--message", "work")
    git(checkout, "update-ref", "refs/remotes/origin/main", "HEAD~1")
    left_main = said(checkout, "rev-parse", "HEAD~1")
    assert landed(checkout) == ["v1.0.0", left_main]
    git(checkout, "tag", "--annotate", "--message", "release", "v1.1.0")
    assert landed(checkout) == ["v1.0.0", left_main], "a release is not compared with itself"


def test_the_command_compares_with_what_has_landed(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = checkout / MESSAGES / "payments.cancel-payment.v1" / "schema.json"
    current = path.read_text()
    schema = json.loads(current)
    schema["required"].append("asked_by")
    path.write_text(render(schema))
    commit(checkout)
    git(checkout, "update-ref", "refs/remotes/origin/main", "HEAD")
    path.write_text(current)
    for _ in range(2):
        git(checkout, "commit", "--quiet", "--all", "--allow-empty", "--message", "contracts")
    assert main(["check", "--against", "HEAD~1"], root=checkout) == 0
    assert main(["check", "--against-landed"], root=checkout) == 1
    assert "payments.cancel-payment.v1: the old reader does not take" in capsys.readouterr().err


def test_contracts_follow_the_commit_that_holds_the_same(checkout: Path, asyncapi: dict[str, Any]) -> None:
    commit(checkout)
    before = published(checkout, "HEAD")
    assert before is not None
    assert before.schemas.keys() == messages().keys()
    assert before.asyncapi == json.loads((checkout / ASYNCAPI).read_text())
    assert refusals(before, messages(), asyncapi) == []


def test_a_change_since_a_commit_is_refused(checkout: Path, asyncapi: dict[str, Any]) -> None:
    path = checkout / MESSAGES / "payments.cancel-payment.v1" / "schema.json"
    schema = json.loads(path.read_text())
    schema["properties"]["asked_by"] = {"type": "string"}
    schema["required"].append("asked_by")
    path.write_text(render(schema))
    commit(checkout)
    before = published(checkout, "HEAD")
    assert before is not None
    (found,) = refusals(before, messages(), asyncapi)
    assert found.startswith("payments.cancel-payment.v1: the old reader does not take")


def test_a_message_type_is_never_taken_away(before: Published, asyncapi: dict[str, Any]) -> None:
    now = {name: message for name, message in messages().items() if name != "booking.turn-expired.v1"}
    assert "booking.turn-expired.v1 is gone" in " ".join(refusals(before, now, asyncapi))


def test_a_topic_is_never_taken_away(before: Published, asyncapi: dict[str, Any]) -> None:
    now = copy.deepcopy(asyncapi)
    del now["channels"]["dawr.payments.refunds"]
    assert "topic dawr.payments.refunds is gone" in " ".join(refusals(before, messages(), now))


def test_a_reader_may_leave_with_its_dead_letters(before: Published, asyncapi: dict[str, Any]) -> None:
    now = copy.deepcopy(asyncapi)
    del now["channels"]["dawr.payments.refunds.consular.dead"]
    assert refusals(before, messages(), now) == []


def test_a_message_stays_on_its_topic(before: Published, asyncapi: dict[str, Any]) -> None:
    now = copy.deepcopy(asyncapi)
    moved = now["channels"]["dawr.payments.refunds"]["messages"].pop("payments.refund-failed.v1")
    now["channels"]["dawr.payments.events"]["messages"]["payments.refund-failed.v1"] = moved
    assert "no longer travels on dawr.payments.refunds" in " ".join(refusals(before, messages(), now))


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [("partitions", 24, "keys would move"), ("topicConfiguration", {"cleanup.policy": ["compact"]}, "readers rely")],
)
def test_a_topic_keeps_what_its_readers_rely_on(
    before: Published, asyncapi: dict[str, Any], setting: str, value: object, said: str
) -> None:
    now = copy.deepcopy(asyncapi)
    now["channels"]["dawr.booking.requests"]["bindings"]["kafka"][setting] = value
    assert said in " ".join(refusals(before, messages(), now))


def test_a_message_keeps_its_key(before: Published, asyncapi: dict[str, Any]) -> None:
    class Rekeyed(CancelPayment):
        def key(self) -> str:
            return str(self.payment_id)

    now: dict[str, type[Message]] = {**messages(), "payments.cancel-payment.v1": Rekeyed}
    assert "payments.cancel-payment.v1: the key was" in " ".join(refusals(before, now, asyncapi))
