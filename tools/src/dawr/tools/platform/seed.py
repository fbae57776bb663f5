"""With which catalogue a platform is set up: the shipped one, or a folder that a ministry brought."""

from pathlib import Path

from dawr.tools.platform.errors import PlatformError
from dawr.tools.platform.folder import Folder

_SHIPPED = "shipped"
_SHOWN = 12


def seed_environment(folder: Folder, wanted: Path | None) -> dict[str, str]:
    """What the platform's processes are told of the seed: `wanted`, else the one that it was set up with.

    Errors: PlatformError seed-missing, seed-invalid, other-seed. Nothing was written then.
    """
    before = _before(folder)
    if wanted is None:
        wanted = None if before in {None, _SHIPPED} else Path(str(before))
    else:
        wanted = wanted.resolve()
        if before is not None and before != str(wanted):
            raise PlatformError(
                "other-seed",
                f"This platform was set up with {_name(before)}, and {wanted} would be mixed into it: "
                "`make reset` wipes it first, or leave SEED out to go on with what it has.",
            )
    if wanted is None:
        return {}
    if not wanted.is_dir():
        raise PlatformError("seed-missing", f"There is no folder {wanted}: name one that holds a catalogue's files.")
    _check(wanted)
    return {"CATALOG_SEED_FOLDER": str(wanted)}


def _check(wanted: Path) -> None:
    # Only a folder that somebody brought needs the catalogue's code: it is a part of every command's start.
    from dawr.catalog.errors import CatalogueInvalid  # noqa: PLC0415
    from dawr.catalog.folder.catalogue import read_catalogue  # noqa: PLC0415
    from dawr.catalog.folder.problems import lines  # noqa: PLC0415

    try:
        read_catalogue(wanted)
    except CatalogueInvalid as refusal:
        found = lines(refusal)
        more = [f"… and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
        shown = "\n  ".join([*found[:_SHOWN], *more])
        raise PlatformError("seed-invalid", f"{wanted} is not a catalogue that can be loaded:\n  {shown}") from refusal


def remember_seed(folder: Folder, environment: dict[str, str]) -> None:
    """Note what the platform is set up with, before it is, so that the next start goes on with it."""
    folder.prepare()
    (folder.path / "seed").write_text(environment.get("CATALOG_SEED_FOLDER", _SHIPPED) + "\n", encoding="utf-8")


def _before(folder: Folder) -> str | None:
    try:
        return (folder.path / "seed").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return _SHIPPED if folder.postgres.exists() else None


def _name(seed: str) -> str:
    return "the shipped catalogue" if seed == _SHIPPED else seed
