"""Where a world is kept, where that is a file of its own: its path, and the other worlds beside it."""

import re
from collections.abc import Sequence
from glob import escape, glob
from pathlib import Path
from typing import Final

from gateway.trouble import Trouble

SCHEMES: Final = ("duckdb:///", "sqlite:///")
MARK: Final = "{world}"


def file_of(url: str, world: str) -> Path | None:
    """The file that `url` names for `world`; None where it names a server or memory."""
    for scheme in SCHEMES:
        name = url.removeprefix(scheme)
        if name != url and name not in ("", ":memory:"):
            return Path(name.replace(MARK, world))
    return None


def worlds_beside(url: str) -> list[str]:
    """The worlds that have a file where `url` looks for them; none where it does not tell worlds apart."""
    pattern = file_of(url, MARK)
    if pattern is None or MARK not in str(pattern):
        return []
    first, *others = map(re.escape, str(pattern).split(MARK))
    form = re.compile(f"{first}(?P<world>[^/]+?){'(?P=world)'.join(others)}")
    files = glob("*".join(map(escape, str(pattern).split(MARK))))
    return sorted(found["world"] for file in files if (found := form.fullmatch(file)))


class NoWorld(Trouble):
    """Nothing is kept of a world of this name: no question must make it."""

    def __init__(self, world: str, place: str, worlds: Sequence[str], language: str) -> None:
        known = ", ".join(worlds)
        super().__init__(
            f"il n'y a pas de monde « {world} » ({place}) ; {f'il y a : {known}' if known else 'il n’y en a aucun'}"
            if language == "fr"
            else f"there is no world {world!r} ({place}); there {f'are: {known}' if known else 'is none'}"
        )


def check_file(world: str, url: str, language: str) -> None:
    """Raises NoWorld where a world would be a file and is none."""
    file = file_of(url, world)
    if file is not None and not file.exists():
        raise NoWorld(world, str(file), worlds_beside(url), language)
