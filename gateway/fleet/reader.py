"""Reading parsed TOML so that every mistake is told at once: of the fleet file, and of other files of ours."""

from collections.abc import Callable, Mapping
from typing import Any, Final

REQUIRED: Final[Any] = object()


class Reader:
    """Walks parsed TOML, collecting mistakes instead of stopping at the first one."""

    def __init__(self, lines: list[str]) -> None:
        self.mistakes: list[str] = []
        self._lines = lines

    def line_of(self, table: str, nth: int | None = None) -> str:
        """' (line 12)' of `[table]`, or of the nth `[[table]]`, where it can be found; a mistake names its place."""
        header = f"[{table}]" if nth is None else f"[[{table}]]"
        hits = [i for i, line in enumerate(self._lines, 1) if line.split("#")[0].replace(" ", "").strip() == header]
        index = nth or 0
        return f" (line {hits[index]})" if index < len(hits) else ""

    def wrong(self, where: str, found: object, expected: str) -> None:
        shown = f"found {found!r}" if found is not REQUIRED else "is missing"
        self.mistakes.append(f"{where}: {shown}, expected {expected}")

    def take(
        self,
        table: Mapping[str, Any],
        key: str,
        where: str,
        expected: str,
        fits: Callable[[Any], bool],
        default: Any = REQUIRED,
    ) -> Any:
        value = table.get(key, default)
        if value is default and default is not REQUIRED:
            return default
        if value is REQUIRED or isinstance(value, bool) or not fits(value):
            self.wrong(f"{where}.{key}", value, expected)
            return None
        return value

    def number(
        self, table: Mapping[str, Any], key: str, where: str, low: float, high: float, default: Any = REQUIRED
    ) -> float:
        value = self.take(
            table, key, where, f"a number from {low:g} to {high:g}",
            lambda v: isinstance(v, int | float) and low <= v <= high, default,
        )  # fmt: skip
        return float(value) if value is not None else 0.0

    def count(
        self, table: Mapping[str, Any], key: str, where: str, low: int, high: int, default: Any = REQUIRED
    ) -> int:
        value = self.take(
            table, key, where, f"a whole number from {low} to {high}",
            lambda v: isinstance(v, int) and low <= v <= high, default,
        )  # fmt: skip
        return int(value) if value is not None else 0

    def word(
        self, table: Mapping[str, Any], key: str, where: str, choices: tuple[str, ...], default: Any = REQUIRED
    ) -> Any:
        return self.take(table, key, where, "one of " + ", ".join(choices), lambda v: v in choices, default)

    def text(self, table: Mapping[str, Any], key: str, where: str, default: Any = REQUIRED) -> str:
        return str(self.take(table, key, where, "a text", lambda v: isinstance(v, str) and bool(v), default) or "")

    def only(self, table: Mapping[str, Any], where: str, known: tuple[str, ...]) -> None:
        """A key nobody reads is a typo: it would be ignored for ever."""
        for key in table:
            if key not in known:
                self.wrong(f"{where}.{key}", table[key], "no such key; known are " + ", ".join(known))
