"""This machine: its clock, its disks, what we may write to."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from deploy.checks.finding import Finding, Setup, note, ok, wrong
from monitor.places import file_of

WRITTEN: Final = datetime(2026, 11, 1, tzinfo=UTC)  # when this was written: no clock that is right says earlier
LEAST_BYTES: Final = 1_000_000_000  # a year of 200 lamps in DuckDB is about as much
LEAST_SHARE: Final = 0.05


def check_machine(setup: Setup) -> Iterator[Finding]:
    now = setup.now()
    if now < WRITTEN:
        yield wrong(
            f"horloge : cette machine se croit le {now:%Y-%m-%d}",
            f"clock: this machine believes it is {now:%Y-%m-%d}",
            "la mettre à l'heure (timedatectl set-ntp true ; sans réseau il faut une horloge matérielle)",
            "set it right (timedatectl set-ntp true; a Raspberry Pi without network needs a hardware clock)",
        )
    else:
        yield ok(f"horloge : {now:%Y-%m-%d %H:%M} UTC", f"clock: {now:%Y-%m-%d %H:%M} UTC")
    if _synchronised() == "no":
        yield note(
            "horloge : pas réglée par le réseau (timedatectl set-ntp true)",
            "clock: not set by the network (timedatectl set-ntp true)",
        )
    for folder in dict.fromkeys(map(_standing, _folders(setup))):
        yield _disk(folder)


def writable(fr: str, en: str, path: Path) -> Finding:
    """Whether we may write to a file, or make one in a folder, which may have to be made as well."""
    place = path if path.exists() else _standing(path)
    if os.access(place, os.W_OK):
        return ok(f"{fr} : {path} est accessible en écriture", f"{en}: {path} can be written")
    return wrong(
        f"{fr} : {place} n'est pas accessible en écriture",
        f"{en}: {place} cannot be written",
        f"donner ce dossier à l'utilisateur du service (chown), ou lancer `doctor` sous son nom : {place}",
        f"give this folder to the service's user (chown), or run `doctor` as that user: {place}",
    )


def _folders(setup: Setup) -> Iterator[Path]:
    for file in (file_of(setup.store, setup.world), file_of(setup.casebook, setup.world)):
        if file is not None:
            yield file.parent
    yield Path.cwd()


def _standing(path: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    whole = path.absolute()
    return next(folder for folder in (whole, *whole.parents) if folder.is_dir())


def _disk(folder: Path) -> Finding:
    usage = shutil.disk_usage(folder)
    free = f"{usage.free / 1e9:.1f}"
    if usage.free < LEAST_BYTES or usage.free < LEAST_SHARE * usage.total:
        return wrong(
            f"disque : {free} Go libres dans {folder}",
            f"disk: {free} GB free in {folder}",
            "faire de la place (docker system prune, anciennes sauvegardes) ou agrandir le disque",
            "make room (docker system prune, old backups) or take a larger disk",
        )
    return ok(f"disque : {free} Go libres dans {folder}", f"disk: {free} GB free in {folder}")


def _synchronised() -> str:
    """yes or no, '' where nobody can tell (in a container)."""
    program = shutil.which("timedatectl")
    if program is None:
        return ""
    try:
        asked = subprocess.run(
            [program, "show", "--property=NTPSynchronized", "--value"], capture_output=True, text=True, timeout=5
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout.strip() if asked.returncode == 0 else ""
