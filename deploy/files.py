"""Files that hold secrets, written whole or not at all, with their mode from the first byte on; `NAME=value` files."""

import os
import re
from pathlib import Path
from typing import Final

PRIVATE: Final = 0o600
SHARED: Final = 0o644
_LINE: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)")


def write(path: Path, content: str | bytes, mode: int) -> None:
    """Replaces the file in one step. Readers see the old content or the new one; nobody reads it with a wider mode."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        os.fchmod(file.fileno(), mode)  # whatever the umask
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def make_folder(path: Path, mode: int) -> None:
    """Makes it, with its parents, or corrects its mode."""
    path.mkdir(parents=True, exist_ok=True)
    if path.stat().st_mode & 0o777 != mode:
        path.chmod(mode)


class Settings:
    """A file of `NAME=value` lines, as compose and systemd read it. What people wrote into it stays where it is."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self._saved = list(self._lines)

    def get(self, name: str) -> str | None:
        """The value, without quotes around it; None when there is none."""
        for line in self._lines:
            found = _LINE.fullmatch(line)
            if found and found[1] == name:
                return found[2].strip().strip("\"'")
        return None

    def all(self) -> dict[str, str]:
        found = filter(None, map(_LINE.fullmatch, self._lines))
        return {pair[1]: pair[2].strip().strip("\"'") for pair in found}

    def put(self, name: str, value: str) -> None:
        """Replaces the line of that name, or adds one at the end."""
        line = f"{name}={value}"
        for i, old in enumerate(self._lines):
            found = _LINE.fullmatch(old)
            if found and found[1] == name:
                self._lines[i] = line
                return
        self._lines.append(line)

    def comment(self, text: str) -> None:
        """A comment at the end, once."""
        if f"# {text}" not in self._lines:
            self._lines += ["", f"# {text}"]

    def save(self) -> bool:
        """Whether anything had to be written."""
        if self._lines == self._saved and self.path.exists():
            return False
        write(self.path, "\n".join(self._lines).lstrip("\n") + "\n", PRIVATE)
        self._saved = list(self._lines)
        return True
