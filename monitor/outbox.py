"""Every alert as a text file too: what was said to whom can be read, carried and kept without any service."""

import os
import re
import tempfile
import unicodedata
from pathlib import Path

from monitor.case import Alert, Case


def file_name(alert: Alert, case: Case) -> str:
    """`20260303T2110Z_fatoma_fatoma-07_dark_opened_mairie-de-fatoma.txt`; without a lamp: `commune`."""
    parts = (
        f"{case.opened_at:%Y%m%dT%H%MZ}", case.commune, case.lamp or "commune", case.kind.value, alert.change.value,
        slug(alert.contact),
    )  # fmt: skip
    return "_".join(parts) + ".txt"


def put(folder: Path, alert: Alert, case: Case) -> Path:
    """Writes the alert's file, whole or not at all; again with the same words changes nothing. Raises OSError."""
    content = f"{alert.text}\n\n{alert.contact}\n{alert.owed_at:%Y-%m-%d %H:%M} UTC\n{alert.id}\n"
    path = folder / file_name(alert, case)
    present = _read(path)
    if present is not None and not present.endswith(f"\n{alert.id}\n"):  # told anew, or a namesake
        path = path.with_stem(f"{path.stem}_{alert.id[:8]}")
        present = _read(path)
    if present == content:
        return path
    folder.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=folder, suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # mkstemp makes it the writer's alone
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def slug(text: str) -> str:
    """A contact's role as part of a file name."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60] or "contact"


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
