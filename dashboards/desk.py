"""What every step of publishing has at hand: Grafana, whether it may write, and whom it tells."""

import difflib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from dashboards.grafana import Grafana

DIFF_CONTEXT: Final = 2  # lines

Action = Literal["create", "update", "same", "refuse", "note"]


@dataclass(frozen=True)
class Change:
    """One line of the report; `diff` is what --dry-run shows of an update."""

    action: Action
    what: str
    why: str = ""
    diff: str = ""


@dataclass(frozen=True)
class Desk:
    """Reads always; writes only when this is no dry run."""

    grafana: Grafana
    dry_run: bool
    tell: Callable[[Change], None]

    def ask(self, what: str, call: Callable[..., Any], *arguments: Any) -> Any:
        return self.grafana.ask(what, call, *arguments)

    def found(self, what: str, call: Callable[..., Any], *arguments: Any) -> Any | None:
        return self.grafana.found(what, call, *arguments)

    def write(self, what: str, call: Callable[..., Any], *arguments: Any) -> Any:
        """None in a dry run."""
        return None if self.dry_run else self.grafana.ask(what, call, *arguments)


def differences(there: Any, wanted: Any) -> str:
    """Both as JSON lines, what goes and what comes."""
    before, after = (json.dumps(x, indent=1, sort_keys=True, ensure_ascii=False).splitlines() for x in (there, wanted))
    return "\n".join(difflib.unified_diff(before, after, "Grafana", "TREZOR", n=DIFF_CONTEXT, lineterm=""))


def holds(there: Any, wanted: Any) -> bool:
    """Whether all that is wanted is there; what else is there (Grafana adds defaults) does not matter."""
    if isinstance(wanted, dict):
        return isinstance(there, dict) and all(holds(there.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(there, list) and len(there) == len(wanted) and all(map(holds, there, wanted))
    return bool(there == wanted)


def part(there: Any, wanted: Any) -> Any:
    """Of what is there, what corresponds to the wanted: so that a diff shows no defaults."""
    if isinstance(wanted, dict) and isinstance(there, dict):
        return {key: part(there[key], value) for key, value in wanted.items() if key in there}
    if isinstance(wanted, list) and isinstance(there, list) and len(there) == len(wanted):
        return [part(a, b) for a, b in zip(there, wanted, strict=True)]
    return there
