"""InfluxQL for the panels: tables and columns by the words of `gateway.store`, so that a rename breaks here first.

Grafana fills in `$timeFilter`, `$__interval` and the variables of `dashboards.view`. Rules kept for every Grafana from
9.3 on, whose InfluxDB plug-ins read answers in three different ways: at most one tag in GROUP BY of a table (columns of
several tags come in any order), tags as selected columns of a subquery otherwise, explicit formats (`${lamp:raw}`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.store import TABLES
from monitor.case import HIDDEN, State
from monitor.fault import COMMUNE_KINDS, Kind

RAW: Final = "world"  # the Grafana variable that holds the data source of what expires …
KEPT: Final = "kept"  # … and of what stays; two databases, because retention belongs to a database
TYPE: Final = "influxdb"

# The words of `nights.verdict`.
LIT: Final = "lit"
PARTLY: Final = "partly"
DARK: Final = "dark"
UNKNOWN: Final = "unknown"
VERDICTS: Final = (LIT, PARTLY, DARK, UNKNOWN)

RANGE: Final = "$timeFilter"
# A night named by the date D ends, and has been told by the slowest lamps' reports of six hours, at D + 31 h at the
# earliest. The night that has only begun would be counted as unknown.
ENDED: Final = "$timeFilter AND time <= ${__to}ms - 31h"
# For "last night": however short the range is, and no further back than a week, however long.
LAST: Final = "time >= ${__to}ms - 8d AND time <= ${__to}ms - 31h"
# The pipeline is looked at for days, not years: every report is a row, and 200 lamps write seven million a year.
RECENT: Final = "$timeFilter AND time >= ${__to}ms - 31d"
WEEK: Final = "$timeFilter AND time >= ${__to}ms - 7d"
# The same as $timeFilter, to the millisecond alike in every query of a panel: rows of several are joined by their time.
SPAN: Final = "time >= ${__from}ms AND time <= ${__to}ms"
STEP: Final = "time($__interval)"
NIGHT: Final = "time(1d)"

COMMUNE: Final = "${commune:raw}"
COMMUNES: Final = "/^${commune:regex}$/"
LAMP: Final = "${lamp:raw}"


class Names:
    """A table's name and columns, quoted: `f"{n}"` is the table, `n.verdict` a column. Unknown ones raise."""

    def __init__(self, table: str) -> None:
        self._table = TABLES[table]

    def __format__(self, spec: str) -> str:
        return f'"{self._table.name}"'

    def __getattr__(self, column: str) -> str:
        if column.startswith("__") or column not in self._table.schema:
            raise AttributeError(f"table {self._table.name} has no column {column}")
        return f'"{column}"'

    @property
    def source(self) -> str:
        return KEPT if self._table.keep_days is None else RAW


TELEMETRY: Final = Names("telemetry")
ARRIVALS: Final = Names("arrivals")
STATUS: Final = Names("status")
EVENTS: Final = Names("events")
QUARANTINE: Final = Names("quarantine")
LOST: Final = Names("lost")
NIGHTS: Final = Names("nights")
FAULTS: Final = Names("faults")


@dataclass(frozen=True)
class Query:
    """One query of a panel, in the shape that Grafana's InfluxDB data source keeps: a builder of itself for the SDK."""

    table: Names
    text: str
    alias: str = ""  # of the series; `$tag_lamp`, `$col` are filled in by Grafana
    as_table: bool = False
    ref: str = "A"

    def build(self) -> "Query":
        return self

    def to_json(self) -> dict[str, object]:
        alias = {"alias": self.alias} if self.alias else {}
        return {
            "refId": self.ref,
            "datasource": {"type": TYPE, "uid": f"${{{self.table.source}}}"},
            "query": self.text,
            "rawQuery": True,
            "resultFormat": "table" if self.as_table else "time_series",
        } | alias

    @classmethod
    def from_json(cls, data: Mapping[str, str]) -> "Query":
        return cls(
            table=Names(data["query"].split('FROM "', 1)[1].split('"', 1)[0]),
            text=data["query"],
            alias=data.get("alias", ""),
            as_table=data["resultFormat"] == "table",
            ref=data["refId"],
        )


def equal(column: str, value: str) -> str:
    return f"{column} = '{value}'"


def any_of(column: str, values: tuple[str, ...]) -> str:
    return "(" + " OR ".join(equal(column, value) for value in values) + ")"


def open_case() -> str:
    """Not ended: nobody on it yet, or somebody is."""
    return any_of(FAULTS.state, (State.OPEN, State.ACKNOWLEDGED))


def real_case() -> str:
    """Not withdrawn by late data."""
    return f"{FAULTS.state} <> '{State.WITHDRAWN}'"


def told_case() -> str:
    """Nor part of another case: a commune that falls silent is one case, not one for each of its lamps."""
    return f"{real_case()} AND {FAULTS.state} <> '{HIDDEN}'"


def of_communes() -> str:
    return any_of(FAULTS.kind, tuple(sorted(COMMUNE_KINDS)))


def no_note() -> str:
    """Low sun is a note about the weather, not a case for anybody."""
    return f"{FAULTS.kind} <> '{Kind.LOW_SUN}'"


def last_night(verdicts: tuple[str, ...], where: str = "", by: str = "", show: str = "") -> str:
    """How many lamps had one of these verdicts in the last night that has ended; 0 where none had, rather than no row.

    `show` is what to make of that number, `sum("n")`, if it is to be more than the number by the verdict's name.
    """
    n = NIGHTS
    inner = f'SELECT last({n.verdict}) AS "v" FROM {n} WHERE {LAST}{_and(where)} GROUP BY {n.commune}, {n.lamp}'
    group = f" GROUP BY {by}" if by else ""
    having = any_of('"v"', verdicts)
    found = f'SELECT count("v") AS "n" FROM ({inner}) WHERE {having} AND {LAST}{group}'
    # Zeros for every group: InfluxQL leaves out the groups of which nothing is left.
    zeros = f'SELECT count("v") * 0 AS "n" FROM ({inner}) WHERE {LAST}{group}'
    shown = show or f'sum("n") AS "{verdicts[0]}"'
    return f"SELECT {shown} FROM ({found}), ({zeros}) WHERE {LAST}{group}"


def served_share(verdicts: tuple[str, ...], where: str = "", name: str = "share") -> str:
    """Nights with one of these verdicts, in % of all nights of the range."""
    n = NIGHTS
    having = f'SELECT count({n.verdict}) AS "a" FROM {n} WHERE {ENDED}{_and(where)} AND {any_of(n.verdict, verdicts)}'
    all_ = f'SELECT count({n.verdict}) AS "b" FROM {n} WHERE {ENDED}{_and(where)}'
    both = f'SELECT "a", "b" FROM ({having}), ({all_}) WHERE {RANGE}'
    return f'SELECT 100 * sum("a") / sum("b") AS "{name}" FROM ({both}) WHERE {RANGE}'


def per_night(verdict: str, where: str = "") -> str:
    """How many lamps had this verdict, night by night."""
    n = NIGHTS
    return (
        f"SELECT count({n.verdict}) FROM {n} WHERE {ENDED} AND {equal(n.verdict, verdict)}{_and(where)} "
        f"GROUP BY {NIGHT} fill(0)"
    )


def newest(column: str, where: str, divisor: float = 1) -> str:
    """The newest telemetry value in the range."""
    scale = f" / {divisor:g}" if divisor != 1 else ""
    return f"SELECT last({column}){scale} FROM {TELEMETRY} WHERE {RANGE} AND {where}"


def mean(column: str, where: str, divisor: float = 1, function: str = "mean") -> str:
    """A telemetry column over time, as wide as the screen can show."""
    scale = f" / {divisor:g}" if divisor != 1 else ""
    return f"SELECT {function}({column}){scale} FROM {TELEMETRY} WHERE {RANGE} AND {where} GROUP BY {STEP} fill(null)"


def peers(column: str, percent: int, divisor: float) -> str:
    """A percentile over the lamps of the commune of each lamp's mean: the lamp's peers, itself among them.

    Low ones are high ones of the values turned round: InfluxDB 1 and 2 end their answer at the first step in which too
    few lamps spoke for a low percentile (of 10 %: four), and the rest of the range would be missing.
    """
    t = TELEMETRY
    sign, which = ("-", 100 - percent) if percent < 50 else ("", percent)
    inner = (
        f'SELECT mean({column}) / {sign}{divisor:g} AS "x" FROM {t} WHERE {RANGE} AND {equal(t.commune, COMMUNE)} '
        f"GROUP BY {STEP}, {t.lamp}"
    )
    turned = "-1 * " if sign else ""
    return f'SELECT {turned}percentile("x", {which}) FROM ({inner}) WHERE {RANGE} GROUP BY {STEP} fill(null)'


def case_columns(language: str) -> str:
    """What a list of cases shows; moments in ms, as Grafana wants them."""
    f = FAULTS
    sentence = f.sentence_fr if language == "fr" else f.sentence_en
    return (
        f'{f.case}, {f.commune}, {f.lamp}, {f.kind}, {f.cause}, {f.state}, {f.since} / 1000 AS "since", '
        f'{f.until} / 1000 AS "until", {f.opened_at} / 1000 AS "opened_at", {sentence} AS "sentence"'
    )


def cases(language: str, where: str) -> str:
    return f"SELECT {case_columns(language)} FROM {FAULTS} WHERE {where} ORDER BY time DESC LIMIT 500"


def tag_values(tag: str, where: str = "") -> str:
    """For a variable's choices: what the lamps that ever spoke call themselves."""
    return f"SHOW TAG VALUES FROM {TELEMETRY} WITH KEY = {tag}" + (f" WHERE {where}" if where else "")


def _and(where: str) -> str:
    return f" AND {where}" if where else ""
