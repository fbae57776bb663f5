"""The rules of style that a linter can't see, on every Python file of the repository."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from dawr.servicekit.errors import Refusal
from dawr.servicekit.problems import NotFound, document

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path
    for folder in ("libs", "services", "tools", "tests")
    for path in (ROOT / folder).rglob("*.py")
    if "__pycache__" not in path.parts
)
NAMES = [str(path.relative_to(ROOT)) for path in SOURCES]
PRODUCT = [name for name in NAMES if "/src/dawr/" in name]
SERVICES = [name for name in PRODUCT if name.startswith("services/")]
TESTS = [name for name in NAMES if "/tests/" in f"/{name}"]

MAX_FILE, MAX_FUNCTION = 400, 70
LONG = {
    "services/booking/src/dawr/booking/migrations/0001_tables.py:upgrade": "one statement per table, read from the top",
    "services/gateway/src/dawr/gateway/migrations/0004_staff.py:upgrade": "one statement per table, read from the top",
}
"""Files, or `file:function`, that are longer than the limits, each with its reason."""

OUTSIDE_THE_OUTBOX = {
    "services/booking/src/dawr/booking/intake.py": "the line is the log: a request is appended, then tables know it",
}
"""Who sends without staging, each with its reason."""

WORDS_OF_OTHERS = {
    "services/payments/src/dawr/payments/providers.py": "statuses as the bank writes them, read into a Literal",
}
"""Where a status is compared with a text, each with its reason."""

TABLES_OF_OTHERS = {
    "holidays": "which days are public holidays where, kept by others for every country",
    "hijridate": "the Umm al-Qura calendar",
    "mrz": "check digits of travel documents (ICAO 9303)",
    "pydantic": "the form of a value, where it is stated as contracts state theirs",
}
"""Packages that decisions may read: pure figures and forms, each with what it holds."""


@cache
def tree(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text("utf-8"))


def functions(name: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def own_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function from its `def`, without those of functions within it."""
    inner = [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node is not function
    ]
    lines = set(range(function.lineno, (function.end_lineno or 0) + 1))
    for node in inner:
        lines -= set(range(node.lineno, (node.end_lineno or 0) + 1))
    return len(lines)


def calls(name: str) -> Iterator[tuple[ast.Call, str]]:
    """Each call of a file, with what is called as text: `self.producer.send`."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Call):
            yield node, ast.unparse(node.func)


def imports(name: str) -> set[str]:
    """The modules that a file imports, in full."""
    found = set()
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_dawr_is_a_namespace_that_no_package_owns() -> None:
    assert not list(ROOT.glob("*/*/src/dawr/__init__.py")) + list(ROOT.glob("*/src/dawr/__init__.py"))


def test_files_and_functions_are_short() -> None:
    long = {name for name in NAMES if len((ROOT / name).read_text("utf-8").splitlines()) >= MAX_FILE}
    long |= {
        f"{name}:{function.name}"
        for name in NAMES
        for function in functions(name)
        if own_lines(function) >= MAX_FUNCTION
    }
    assert sorted(long - LONG.keys()) == []
    assert sorted(LONG.keys() - long) == [], "these are short by now: take them off the list"


def test_modules_are_named_for_what_they_hold() -> None:
    vague = re.compile(r"(^|/)(utils?|common|helpers?|managers?|misc|base_service|\w+_v\d+)(\.py|/)")
    assert [name for name in NAMES if vague.search(name)] == []


def test_subscribers_are_made_by_servicekit_alone() -> None:
    """Delivery is stated once: no service knows FastStream, or has a consumer of its own."""
    makers = {"faststream", "aiokafka.AIOKafkaConsumer", "aiokafka.AIOKafkaProducer"}
    found = [
        f"{name}: {module}"
        for name in SERVICES
        for module in sorted(imports(name))
        if module in makers or module.startswith("faststream.")
    ]
    assert found == []


def test_services_publish_by_staging() -> None:
    sends = {
        name
        for name in SERVICES
        for _, called in calls(name)
        if re.search(r"producer\w*\.send\w*$|\.(send_and_wait|send_batch|publish|publish_batch)$", called)
    }
    assert sorted(sends - OUTSIDE_THE_OUTBOX.keys()) == []
    assert sorted(OUTSIDE_THE_OUTBOX.keys() - sends) == [], "these stage by now: take them off the list"


def test_services_never_commit() -> None:
    """The edge does: a use case that commits parts state from its events."""
    assert [
        f"{name}: {called}" for name in SERVICES for _, called in calls(name) if re.search(r"\.commit$", called)
    ] == []
    # What begins on `sessions`, or in a module of theirs, is somebody's signing in.
    begins = re.compile(r"(?<!sessions)(?<!service)(?<!domain)\.begin$|create_async_engine")
    begun = [name for name in SERVICES for _, called in calls(name) if begins.search(called)]
    assert begun == []


def is_domain(name: str) -> bool:
    return name.endswith("/domain.py") or "/domain/" in name


def test_decisions_read_no_clock_and_roll_no_dice() -> None:
    impure = re.compile(
        r"(^|\.)(datetime\.now|utcnow|date\.today|time\.\w+|monotonic|utc_now|new_id|uuid[147]|random|randint|choice|shuffle|token_\w+|urandom)$"
    )
    found = [
        f"{name}: {called}"
        for name in SERVICES
        if is_domain(name)
        for _, called in calls(name)
        if impure.search(called)
    ]
    assert found == []


def test_decisions_import_the_standard_library_contracts_and_their_own_errors() -> None:
    import sys

    found = []
    for name in SERVICES:
        if not is_domain(name):
            continue
        service = name.split("/src/dawr/")[1].split("/")[0]
        own = (f"dawr.{service}.domain", f"dawr.{service}.errors", "dawr.contracts", "dawr.servicekit.errors")
        for node in ast.walk(tree(name)):
            modules = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            found += [
                f"{name}: {module}"
                for module in modules
                if module.split(".")[0] not in {*sys.stdlib_module_names, *TABLES_OF_OTHERS}
                and not module.startswith(own)
                and module != f"dawr.{service}"
            ]
    assert found == []


BUILT = re.compile(
    r"^(create_async_engine|KafkaBroker|AIOKafka\w+|FastAPI|\w*Settings|Verifier|Database|Producer|Consumers|Service|"
    r"Relay|AsyncClient|(\w+\.)+(AsyncClient|connect)|create_service|create_consumers)$"
)


def test_nothing_global_is_built_at_import() -> None:
    found = [
        f"{name}: {ast.unparse(call.func)}"
        for name in PRODUCT
        if not name.startswith("tools/src/dawr/tools/bench/")  # peers to measure against, written as people write them
        for statement in tree(name).body
        if isinstance(statement, ast.Assign | ast.AnnAssign | ast.Expr) and statement.value is not None
        for call in ast.walk(statement.value)
        if isinstance(call, ast.Call) and BUILT.match(ast.unparse(call.func))
    ]
    assert found == []


def test_services_read_the_environment_through_settings() -> None:
    found = [
        name
        for name in SERVICES
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv"}
    ]
    assert found == []


def test_wire_types_are_literals() -> None:
    """Renaming a class must not change what is on the wire."""
    found = 0
    for name in [name for name in PRODUCT if name.startswith("libs/contracts/")]:
        for node in ast.walk(tree(name)):
            if isinstance(node, ast.ClassDef):
                for statement in node.body:
                    if isinstance(statement, ast.AnnAssign | ast.Assign) and "wire_type" in ast.unparse(statement):
                        if statement.value is None:
                            continue  # the declaration in Message
                        assert isinstance(statement.value, ast.Constant), f"{name}: {node.name}"
                        found += 1
    assert found > 20


def test_what_a_refusal_tells_has_no_name_that_every_problem_has() -> None:
    """Such data would not be told: the problem's own member stands in its place."""
    members = set(document(NotFound(), lang="en", instance="/")) - {"detail"}
    bases = {
        node.name: {ast.unparse(base).split(".")[-1] for base in node.bases}
        for name in PRODUCT
        for node in ast.walk(tree(name))
        if isinstance(node, ast.ClassDef)
    }
    refusals = {Refusal.__name__}
    while more := {name for name, of in bases.items() if of & refusals} - refusals:
        refusals |= more
    assert len(refusals) > 50
    lost = [
        f"{name}:{call.lineno} {keyword.arg}"
        for name in PRODUCT
        for call, called in calls(name)
        for keyword in call.keywords
        if called.split(".")[-1] in refusals and keyword.arg in members
    ]
    assert not lost


def test_no_state_is_compared_with_a_text() -> None:
    found = [
        f"{name}:{node.lineno}: {ast.unparse(node)}"
        for name in SERVICES
        if name not in WORDS_OF_OTHERS
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Compare)
        and isinstance(node.left, ast.Attribute)
        and node.left.attr in {"state", "status"}
        and any(isinstance(each, ast.Constant) and isinstance(each.value, str) for each in node.comparators)
    ]
    assert found == []


def test_no_test_waits_for_a_fixed_time() -> None:
    """A sleep within a loop asks again; one that stands alone hopes."""
    found = []
    for name in TESTS:
        looped = {
            id(inner)
            for node in ast.walk(tree(name))
            if isinstance(node, ast.While | ast.For | ast.AsyncFor)
            for inner in ast.walk(node)
        }
        for call, called in calls(name):
            argument = call.args[0] if call.args else None
            fixed = isinstance(argument, ast.Constant) and argument.value
            if re.search(r"(^|\.)sleep$", called) and fixed and id(call) not in looped:
                found.append(f"{name}:{call.lineno}")
    assert found == []


def test_nobody_promises_what_no_broker_gives() -> None:
    words = re.compile(r"exactly[ -]once|\b(TODO|FIXME)\b", re.IGNORECASE)
    texts = [
        path
        for pattern in ("*.md", "*.py", "*.toml", "*.html", "*.yml", "*.yaml")
        for folder in ("libs", "services", "tools", "docs", "deploy")
        for path in (ROOT / folder).rglob(pattern)
        if "node_modules" not in path.parts
    ] + list(ROOT.glob("*.md"))
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in texts
        for match in words.finditer(path.read_text("utf-8"))
    ]
    assert found == []
