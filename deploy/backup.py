"""The whole of a world in one folder: telemetry, nights and faults, cases and alerts, and the fleet file.

The casebook is written before the store: it remembers how far the monitor had read, so a store that is a little newer
loses nothing, while an older one would. Secrets are not in it; keep the provisioned folder apart.
"""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from gateway.store import TABLES, Store
from gateway.stores.backup import BackupDamaged, Progress, quiet
from gateway.stores.backup import dump as dump_store
from gateway.stores.backup import restore as restore_store
from monitor.casebook import Casebook
from monitor.casebook import dump as casebook_dump

FORMAT: Final = 1
MANIFEST: Final = "trezor-backup.json"


class NotEmpty(Exception):
    """Something is there already and is not overwritten; the message says what, and what to do."""


@dataclass
class Outcome:
    """Rows by table, of the store and of the casebook; what the store refused for ever; where the fleet file is."""

    store: dict[str, int]
    casebook: dict[str, int]
    fleet: Path
    refused: dict[str, int] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)


def back_up(
    folder: Path, world: str, store: Store, casebook: Casebook, fleet_file: Path, now: datetime,
    progress: Progress = quiet,
) -> Outcome:  # fmt: skip
    """Raises NotEmpty when the folder holds anything, StoreAway, and OSError when the disk is full."""
    if folder.exists() and any(folder.iterdir()):
        raise NotEmpty(f"{folder} holds something already: choose a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)  # who was told what is nobody else's business
    fleet = folder / "fleet.toml"
    fleet.write_bytes(fleet_file.read_bytes())
    cases = casebook_dump.dump(casebook, folder / "casebook")
    rows = dump_store(store, folder / "store", progress)
    manifest = {"format": FORMAT, "world": world, "made": now.isoformat(), "fleet": _digest(fleet)}
    unfinished = folder / f"{MANIFEST}.part"
    unfinished.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(folder / MANIFEST)
    return Outcome(rows, cases, fleet)


def world_of(folder: Path) -> str:
    """The world that a backup holds. Raises BackupDamaged."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        version, world, fleet = manifest["format"], manifest["world"], manifest["fleet"]
    except FileNotFoundError:
        raise BackupDamaged(f"{folder} holds no whole backup: {MANIFEST} is not there") from None
    except (ValueError, KeyError, TypeError) as error:
        raise BackupDamaged(f"{folder / MANIFEST} cannot be read: {error!r}") from None
    if version != FORMAT:
        raise BackupDamaged(f"{folder} is of another version of trezor (format {version})")
    if not (folder / "fleet.toml").exists() or _digest(folder / "fleet.toml") != fleet:
        raise BackupDamaged(f"{folder / 'fleet.toml'} is missing or was changed")
    return str(world)


def restore(
    folder: Path, store: Store, casebook: Casebook, fleet_file: Path, *, again: bool = False,
    progress: Progress = quiet,
) -> Outcome:  # fmt: skip
    """Puts a backup into an empty world, which may have another name, database or kind of store.

    All is checked before anything is written. `again` goes on with a restore that was interrupted: the store may hold
    rows already. The fleet file is written where there is none; beside it, where there is another one.

    Raises NotEmpty, BackupDamaged, DumpDamaged, StoreAway.
    """
    world_of(folder)
    casebook_dump.check(folder / "casebook")
    if not casebook_dump.is_empty(casebook):
        raise NotEmpty(f"the casebook holds world {casebook.world} already: {_REMEDY.format(world=casebook.world)}")
    filled = [] if again else [name for name in TABLES if store.extent(name) is not None]
    if filled:
        raise NotEmpty(
            f"the store of world {casebook.world} holds {', '.join(filled)} already: "
            f"{_REMEDY.format(world=casebook.world)}. To go on with an interrupted restore: --again"
        )
    done = restore_store(folder / "store", store, progress)
    cases = casebook_dump.restore(folder / "casebook", casebook)
    return Outcome(done.rows, cases, _put_fleet(folder / "fleet.toml", fleet_file), done.refused, done.reasons)


_REMEDY: Final = "restore into another --world, or remove this one with `trezor world drop {world}`"


def _put_fleet(kept: Path, fleet_file: Path) -> Path:
    """Where the backup's fleet file is now: still in the backup, where its place cannot be written (a container's)."""
    if fleet_file.exists() and fleet_file.read_bytes() == kept.read_bytes():
        return fleet_file
    place = fleet_file.with_suffix(".restored.toml") if fleet_file.exists() else fleet_file
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(kept.read_bytes())
    except OSError:
        return kept
    return place


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
