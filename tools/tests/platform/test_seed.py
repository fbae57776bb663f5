"""A platform is set up with one catalogue, and goes on with it."""

import shutil
from importlib import resources
from pathlib import Path

import pytest

from dawr.tools.platform.errors import PlatformError
from dawr.tools.platform.folder import Folder
from dawr.tools.platform.seed import remember_seed, seed_environment

ESTONIA = Path(__file__).parents[3] / "examples" / "seed-estonia"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder.of(tmp_path)
    made.prepare()
    return made


def begin(folder: Folder, wanted: Path | None) -> dict[str, str]:
    told = seed_environment(folder, wanted)
    remember_seed(folder, told)
    return told


def test_without_a_wish_it_is_the_shipped_one(folder: Folder) -> None:
    assert begin(folder, None) == {}
    assert begin(folder, None) == {}


def test_a_folder_that_was_asked_for_is_gone_on_with(folder: Folder) -> None:
    assert begin(folder, ESTONIA) == {"CATALOG_SEED_FOLDER": str(ESTONIA)}
    assert begin(folder, None) == {"CATALOG_SEED_FOLDER": str(ESTONIA)}
    assert begin(folder, ESTONIA) == {"CATALOG_SEED_FOLDER": str(ESTONIA)}


def test_catalogues_are_not_mixed(folder: Folder) -> None:
    begin(folder, None)
    with pytest.raises(PlatformError) as refused:
        begin(folder, ESTONIA)
    assert refused.value.code == "other-seed"
    assert "make reset" in str(refused.value)
    assert begin(folder, None) == {}


def test_data_of_before_seeds_were_noted_are_of_the_shipped_one(folder: Folder) -> None:
    folder.postgres.mkdir()
    with pytest.raises(PlatformError) as refused:
        seed_environment(folder, ESTONIA)
    assert refused.value.code == "other-seed"


def test_a_folder_that_is_not_there_is_said(folder: Folder, tmp_path: Path) -> None:
    with pytest.raises(PlatformError) as refused:
        begin(folder, tmp_path / "nowhere")
    assert refused.value.code == "seed-missing"


def test_what_is_wrong_in_a_folder_is_said_before_anything_starts(folder: Folder, tmp_path: Path) -> None:
    shutil.copytree(str(resources.files("dawr.catalog") / "seed"), tmp_path / "own")
    fees = tmp_path / "own" / "fees.csv"
    fees.write_text(fees.read_text(encoding="utf-8").replace("SYP", "syp"), encoding="utf-8")
    with pytest.raises(PlatformError) as refused:
        begin(folder, tmp_path / "own")
    assert refused.value.code == "seed-invalid"
    said = str(refused.value).splitlines()
    assert said[1].startswith("  fees.csv, row 2, column currency: ")
    assert said[-1].startswith("  … and ")
    assert begin(folder, None) == {}, "nothing was remembered of it"
