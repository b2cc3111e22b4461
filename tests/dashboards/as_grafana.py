"""What Grafana does to a query before it sends it, and how it reads the answer, in a few lines."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import requests

PIXELS: Final = 1000  # of a panel: at most so many points
SHORTEST: Final = timedelta(minutes=5)  # as the data source says


@dataclass(frozen=True)
class Asked:
    """One query of a dashboard: of a panel, an annotation or a variable."""

    board: str
    panel: str
    source: str  # "world" or "kept"
    text: str

    def __str__(self) -> str:
        return f"{self.board}: {self.panel}"


def asked(boards: list[dict[str, Any]]) -> Iterator[Asked]:
    """All queries of these dashboards."""
    for board in boards:
        places = [(panel["title"], target) for panel in board["panels"] for target in panel.get("targets", [])]
        places += [(f"annotation {one['name']}", one) for one in board["annotations"].get("list", [])]
        places += [(f"variable {v['name']}", v) for v in board["templating"]["list"] if v["type"] == "query"]
        for panel, target in places:
            source = re.fullmatch(r"\$\{(\w+)\}", target["datasource"]["uid"])
            assert source, f"{panel}: the data source is not chosen by a variable"
            yield Asked(board["uid"], panel, source[1], target["query"])


@dataclass(frozen=True)
class Screen:
    """A range and the choices of the variables, as somebody has them on the screen."""

    since: datetime
    until: datetime
    commune: str
    lamp: str
    communes: str = ".*"

    def fill_in(self, text: str) -> str:
        """The query as InfluxDB gets it."""
        since, until = (int(moment.timestamp() * 1000) for moment in (self.since, self.until))
        step = max(SHORTEST, (self.until - self.since) / PIXELS)
        # A variable that nobody has replaced would be an error of the dashboards: what is left is looked for below.
        for name, value in {
            "$timeFilter": f"time >= {since}ms and time <= {until}ms",
            "${__from}": str(since),
            "${__to}": str(until),
            "$__interval": f"{-(-step // timedelta(seconds=1))}s",
            "${commune:raw}": self.commune,
            "${commune:regex}": self.communes,
            "${lamp:raw}": self.lamp,
        }.items():
            text = text.replace(name, value)
        assert not re.search(r"\$\{?\w", text), f"an unknown variable in {text}"
        return text


def ask(url: str, database: str, text: str) -> list[dict[str, Any]]:
    """The series of InfluxDB's answer. Fails on an error that Grafana would show."""
    answer = requests.post(f"{url}/query", {"q": text}, params={"db": database, "epoch": "ms"}, timeout=60)
    said = answer.json()
    assert answer.ok, f"{said} to {text}"
    (result,) = said["results"]
    assert "error" not in result, f"{result['error']} to {text}"
    series: list[dict[str, Any]] = result.get("series", [])
    return series


def as_rows(series: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each value line with its tags and columns."""
    return [
        one.get("tags", {}) | dict(zip(one["columns"], values, strict=True))
        for one in series
        for values in one["values"]
    ]
