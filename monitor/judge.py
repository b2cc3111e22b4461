"""From findings to episodes: confirmation and hysteresis, in the data's own time.

The judge knows no kind and no clock. It walks each lamp's findings in the order of their dates; what it concludes
depends on the stored data alone, so judging twice, later, or in another order of arrival gives the same episodes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, cast

import polars as pl

from monitor.fault import Episode
from monitor.rules.rule import FINDING, Rule, View

# A lamp that recovers and falls ill again within days is not well after one good night: it has to show more of them.
RELAPSE: Final = timedelta(days=7)
RELAPSE_CLEAR: Final = 3  # good dates
CONTEXT_DATES: Final = 4  # before a date, of the nights that rules are shown: what they say of it may rest on so many

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_RULE: Final = "rule_number"
_PLACE: Final = "ledger_row"  # which row of the view's nights a finding speaks of; null: of none
_SUBJECT: Final = "subject"
_SAID: Final = pl.Schema({
    _RULE: pl.UInt8(), _SUBJECT: pl.String(), _PLACE: pl.UInt32(),
    **FINDING, "sunny": pl.Boolean(), "sure": pl.Boolean(),
})  # fmt: skip
_UNSAID: Final = {"sunny": True, "sure": False}  # of a finding that does not tell
# How plans are thought over: rules are short, and to find out more about them takes longer than it saves.
_BRIEF: Final = pl.QueryOptFlags.none(projection_pushdown=True, predicate_pushdown=True)
_INTERNAL: Final = frozenset({_RULE, _PLACE, _SUBJECT})
_KEY: Final = ["lamp", "time"]


class Finding(NamedTuple):
    """What the walk looks at; everything else of a finding is looked up for the few that become an episode.

    Moments are µs since 1970: making them datetimes would take longer than everything else about the walk.
    """

    place: int
    bad: bool
    since: int | None
    bad_at: int | None
    good_since: int | None
    good_at: int | None
    sunny: bool
    sure: bool


class Forgotten(Exception):
    """What an episode must tell is of a date that is not remembered: all nights must be judged anew."""


def judge(rules: Iterable[Rule], view: View, open_before: Iterable[Episode] = ()) -> list[Episode]:
    """All episodes, open and closed, that the view's nights show.

    `open_before`: episodes that were open when the view begins; they go on until the view shows their end.
    """
    return Judge(rules).judge(view, open_before)


class Judge:
    """Asks the rules and remembers what they said, so that they need not be asked again of dates that are settled."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = list(rules)
        self._forget()

    def _forget(self) -> None:
        # Of subjects of whom something bad was said, from the first time on.
        self._said = pl.DataFrame(schema=_SAID)
        # Of what was bad: the columns that are a rule's own, and the ledger's rows.
        self._own: list[pl.DataFrame | None] = [None] * len(self._rules)
        self._nights: pl.DataFrame | None = None

    def judge(
        self, view: View, open_before: Iterable[Episode] = (), *, since: datetime | None = None,
        remember: datetime | None = None,
    ) -> list[Episode]:  # fmt: skip
        """As the function of that name. since: only dates from here on are judged anew; the view's nights then begin
        CONTEXT_DATES before. remember: the earliest `since` that may be asked for next. Raises Forgotten."""
        standing: list[dict[str, Episode]] = [{} for _ in self._rules]
        numbers = {rule.kind: n for n, rule in enumerate(self._rules)}
        for episode in open_before:
            if episode.kind in numbers:
                standing[numbers[episode.kind]][episode.subject] = episode
        if since is None:
            self._forget()
        whole = pl.col(_RULE).is_in([n for n, rule in enumerate(self._rules) if rule.whole]) & pl.col(_PLACE).is_null()
        anew = pl.lit(True) if since is None else whole | (pl.col("time") >= since)
        self._hear(self._ask(view, standing, anew), anew, standing, view.nights, since)
        stays = self._walk(standing)
        rows = self._rows([stay.row.place for _, stay in stays if stay.row is not None])
        if remember is not None:
            self._keep(remember, rows)
        return [
            _episode(self._rules[n], stay, rows[stay.row.place] if stay.row is not None else None) for n, stay in stays
        ]

    def _ask(self, view: View, standing: Sequence[Mapping[str, Episode]], anew: pl.Expr) -> list[pl.DataFrame]:
        """What every rule finds `anew` of the subjects concerned, now or before; nothing of rules that find nothing.

        The ledger is wide and most of its rows are of healthy lamps: rules are asked lazily, so that of each only the
        few columns that decide are ever made; and of names as categories, which are compared several times faster.
        """
        passed = set(view.nights.columns) - {*FINDING, "sunny"}
        # A rule may think a date bad whose samples have not come yet: until they have, it is not known.
        usable = pl.col("bad").is_not_null() & (~pl.col("bad") | pl.col("bad_at").is_not_null())
        lazy = View(
            nights=_lazy(view.nights.with_row_index(_PLACE)),
            events=_lazy(view.events),
            refused=_lazy(view.refused),
            now=view.now,
        )
        plans = []
        for n, rule in enumerate(self._rules):
            found = rule.find(lazy).lazy()
            names = found.collect_schema().names()
            more = {_RULE: pl.lit(n, dtype=pl.UInt8), _SUBJECT: pl.coalesce("lamp", "commune").cast(pl.Categorical)}
            if _PLACE not in names:
                more[_PLACE] = pl.lit(None, dtype=pl.UInt32)
            own = [name for name in names if _PLACE not in names or name not in passed]
            plans.append(found.select(*own, **more).filter(usable, anew))
        known = [set(names) for names in standing]
        for n, subject in self._said.select(_RULE, _SUBJECT).unique().iter_rows():
            known[n].add(subject)
        asked = zip(pl.collect_all(plans, optimizations=_BRIEF), known, strict=True)
        return [rows for rows in (_concerned(*one) for one in asked) if rows.height]

    def _hear(
        self, found: Sequence[pl.DataFrame], anew: pl.Expr, standing: Sequence[Mapping[str, Episode]],
        nights: pl.DataFrame, since: datetime | None,
    ) -> None:  # fmt: skip
        """Puts what was found in the place of what was said before of what is `anew`."""
        said = pl.concat([self._said.filter(~anew), *[rows.select(list(_SAID)).cast(_SAID) for rows in found]]).sort(
            "time", maintain_order=True
        )
        known = pl.DataFrame(
            [(n, name) for n, names in enumerate(standing) for name in names],
            schema={_RULE: pl.UInt8, _SUBJECT: pl.String}, orient="row",
        ).with_columns(standing=True)  # fmt: skip
        said = said.join(known, on=[_RULE, _SUBJECT], how="left", maintain_order="left")
        begun = (pl.col("bad") | pl.col("standing").fill_null(False)).cum_max().over(_RULE, _SUBJECT)
        self._said = said.filter(begun).drop("standing")
        bad = [rows for rows in (rows.filter("bad") for rows in found) if rows.height]
        for rows in bad:
            own = [name for name in rows.columns if name not in _SAID]
            if own:
                n = rows[_RULE][0]
                before = self._own[n]
                rows = rows.select(_RULE, _SUBJECT, "time", _PLACE, *own)
                self._own[n] = rows if before is None else pl.concat([before.filter(~anew), rows], how="diagonal")
        places = pl.concat([pl.Series(dtype=pl.UInt32), *(rows[_PLACE] for rows in bad)])
        told = nights[places.drop_nulls().unique().sort()]
        before = self._nights
        self._nights = told if before is None else pl.concat([before.filter(pl.col("time") < since), told])

    def _walk(self, standing: Sequence[Mapping[str, Episode]]) -> list[tuple[int, "_Stay"]]:
        """Every rule's stays of each subject, in order of rules."""
        places: dict[tuple[int, str], list[int]] = {(n, name): [] for n, names in enumerate(standing) for name in names}
        for place, key in enumerate(zip(self._said[_RULE].to_list(), self._said[_SUBJECT].to_list(), strict=True)):
            places.setdefault(key, []).append(place)
        columns = [self._said[name].to_physical().to_list() for name in Finding._fields[1:]]

        def finding(place: int) -> Finding:
            return Finding(place, *[column[place] for column in columns])

        return [
            (n, stay)
            for (n, name), dated in sorted(places.items(), key=lambda item: item[0][0])
            for stay in _stays(self._rules[n], dated, columns[0], finding, standing[n].get(name))
        ]

    def _rows(self, places: Sequence[int]) -> dict[int, dict[str, Any]]:
        """These findings, by their place, with every column of the ledger and those of their rule."""
        found = self._said[places].rows(named=True)
        nights: dict[Any, dict[str, Any]] = {}
        if self._nights is not None and self._nights.height:
            wanted = pl.DataFrame({"lamp": [row["lamp"] for row in found], "time": [row["time"] for row in found]})
            wanted = wanted.cast(self._nights.select(_KEY).schema).unique()
            ledger = self._nights.join(wanted, on=_KEY, how="semi")
            nights = {(row["lamp"], row["time"]): row for row in ledger.iter_rows(named=True)}
        own: dict[Any, dict[str, Any]] = {}
        asked = {row[_RULE] for row in found}
        for n, kept in enumerate(self._own):
            if kept is not None and n in asked:
                own |= {(n, row[_SUBJECT], row["time"]): row for row in kept.iter_rows(named=True)}
        rows = {}
        for place, row in zip(places, found, strict=True):
            ledger_row: dict[str, Any] = {}
            if row[_PLACE] is not None:
                try:
                    ledger_row = nights[row["lamp"], row["time"]]
                except KeyError:
                    raise Forgotten(f"{row['lamp']} on {row['time']}") from None
            more = own.get((row[_RULE], row[_SUBJECT], row["time"]), {})
            said = {name: row[name] for name in FINDING}
            rows[place] = {name: value for name, value in (ledger_row | more | said).items() if name not in _INTERNAL}
        return rows

    def _keep(self, since: datetime, told: Iterable[int]) -> None:
        """Forgets rows of the ledger that no episode can come to speak of, if only dates from `since` on change."""
        if self._nights is None or self._nights.is_empty():
            return
        bad = self._said.with_row_index("at").filter("bad")
        last = bad.filter(pl.col("time") < since).unique([_RULE, _SUBJECT], keep="last", maintain_order=True)
        kept = pl.concat([last["at"], pl.Series(list(told), dtype=pl.UInt32)]).unique()
        wanted = self._said[kept].select(_KEY).unique()
        rows = self._nights.select(_KEY).with_row_index("at")
        unwanted = rows.filter(pl.col("time") < since).join(wanted, on=_KEY, how="anti")["at"]
        if not unwanted.is_empty():  # the rows are wide, and on most ticks all of them stay
            self._nights = self._nights.filter(~rows["at"].is_in(unwanted.implode()))


def _concerned(found: pl.DataFrame, known: Iterable[str]) -> pl.DataFrame:
    """What a rule found of subjects known before or bad now: nothing good matters before the first that is bad."""
    bad = found[_SUBJECT].filter(found["bad"])
    concerned = pl.concat([bad, pl.Series(list(known), dtype=pl.Categorical)])
    if concerned.is_empty():
        return found.clear()
    return found.filter(pl.col(_SUBJECT).is_in(concerned.implode())).with_columns(
        pl.col("commune", "lamp", _SUBJECT).cast(pl.String),
        **{name: pl.lit(value) for name, value in _UNSAID.items() if name not in found.columns},
    )


def _lazy(frame: pl.DataFrame) -> pl.DataFrame:
    """To rules it is a frame: they use verbs that both kinds have."""
    names = pl.col([name for name in ("commune", "lamp") if name in frame.columns])
    return cast(pl.DataFrame, frame.with_columns(names.cast(pl.Categorical)).lazy())


@dataclass(slots=True)
class _Stay:
    """An episode while its subject's findings are walked; words are made at the end, from the latest bad date."""

    since: int  # µs, as in Finding
    opened_at: int
    row: Finding | None  # the latest bad finding; None: nothing newer than what was known before
    known: Episode | None = None
    good_rows: list[Finding] = field(default_factory=list)  # that ended it

    def ended(self, good_rows: list[Finding]) -> "_Stay":
        return replace(self, good_rows=list(good_rows))


def _stays(
    rule: Rule, places: Iterable[int], bad: Sequence[bool], finding: Callable[[int], Finding], before: Episode | None
) -> Iterable[_Stay]:
    """One subject's episodes, from its findings in order of their dates: `bad` is what they are, by their places.

    Most of them are good while nothing stands: they are not even made, and of the others no more than a few are held.
    """
    standing = _Stay(_micros(before.since), _micros(before.opened_at), None, before) if before else None
    bad_rows: list[Finding] = []
    good_rows: list[Finding] = []
    ended: int | None = None
    clear = rule.clear
    for place in places:
        if standing is None and not bad[place]:
            bad_rows.clear()
            continue
        row = finding(place)
        if row.bad:
            assert row.bad_at is not None  # the others were left out
            good_rows.clear()
            if standing is not None:
                standing.row = row
            elif not rule.sunny or row.sunny:
                bad_rows.append(row)
                if row.sure or len(bad_rows) >= rule.confirm:
                    since = bad_rows[0].since or bad_rows[0].bad_at
                    assert since is not None
                    standing = _Stay(since, max(row.bad_at, since), row)
                    relapse = ended is not None and standing.opened_at - ended <= RELAPSE // _MICROSECOND
                    clear = max(rule.clear, RELAPSE_CLEAR) if relapse else rule.clear
            # Put right before the date was over: the first proof closes it, not the next day. One report may tell both.
            at = row.good_at
            if standing is not None and at is not None and at >= row.bad_at and clear == 1:
                yield standing.ended([row])
                standing, bad_rows, ended = None, [], at
        elif standing is not None and row.good_at is not None and row.good_at > standing.opened_at:
            good_rows.append(row)
            if len(good_rows) >= clear:
                yield standing.ended(good_rows)
                standing, bad_rows, good_rows, ended = None, [], [], row.good_at
    if standing is not None:
        yield standing


def _episode(rule: Rule, stay: _Stay, row: dict[str, Any] | None) -> Episode:
    """row: the whole of the stay's latest bad finding."""
    until = closed_at = None
    if stay.good_rows:
        first, last = stay.good_rows[0], stay.good_rows[-1]
        assert first.good_at is not None  # without it no row counts as good
        assert last.good_at is not None
        until = _moment(max(first.good_since or first.good_at, stay.since))
        closed_at = _moment(max(last.good_at, stay.opened_at))
    if row is None:
        assert stay.known is not None  # without a bad finding only an episode known before can stand
        return replace(stay.known, until=until, closed_at=closed_at)
    told = rule.tell(row)
    return Episode(
        commune=row["commune"], lamp=row["lamp"], kind=rule.kind,
        since=_moment(stay.since), opened_at=_moment(stay.opened_at), until=until, closed_at=closed_at,
        causes=told.causes, figures=told.figures, estimate=told.estimate, trace=_trace(rule, row),
    )  # fmt: skip


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _moment(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def _trace(rule: Rule, row: dict[str, Any]) -> dict[str, Any]:
    """What the rule saw that night, for `explain`: every input that has a value."""
    skip = {*FINDING, "latitude", "longitude"}
    inputs = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
        if value is not None and name not in skip
    }
    return {
        "rule": rule.says,
        "date": f"{row['time']:%Y-%m-%d}",
        "thresholds": {
            name: {"value": t.value, "unit": t.unit, "reason": t.reason} for name, t in rule.thresholds.items()
        },
        "inputs": inputs,
        "verdict": "bad",
    }
