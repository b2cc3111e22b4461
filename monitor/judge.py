"""From findings to episodes: confirmation and hysteresis, in the data's own time.

The judge knows no kind and no clock. It walks each lamp's findings in the order of their dates; what it concludes
depends on the stored data alone, so judging twice, later, or in another order of arrival gives the same episodes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, cast

import polars as pl

from monitor.fault import Episode
from monitor.rules.rule import FINDING, Rule, View

# A lamp that recovers and falls ill again within days is not well after one good night: it has to show more of them.
RELAPSE: Final = timedelta(days=7)
RELAPSE_CLEAR: Final = 3  # good dates

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_PLACE: Final = "ledger_row"  # which row of the view's nights a finding speaks of
_SUBJECT: Final = "subject"


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


@dataclass(frozen=True, slots=True)
class Findings:
    """One rule's answers about the subjects that it says anything bad of, each subject's in order of time."""

    rule: Rule
    rows: pl.DataFrame  # what the rule's `find` gave, but for columns of the ledger that it passed through
    nights: pl.DataFrame | None  # where those are; None: the rows are complete

    def whole(self, places: Sequence[int]) -> list[dict[str, Any]]:
        """These findings, with every column of the ledger."""
        found = self.rows[places].drop(_SUBJECT)
        if self.nights is None:
            return found.rows(named=True)
        ledger = self.nights[found[_PLACE]].drop(set(found.columns) & set(self.nights.columns))
        return found.drop(_PLACE).hstack(ledger).rows(named=True)


def judge(rules: Iterable[Rule], view: View, open_before: Iterable[Episode] = ()) -> list[Episode]:
    """All episodes, open and closed, that the view's nights show.

    `open_before`: episodes that were open when the view begins; they go on until the view shows their end.
    """
    standing = {(episode.kind, episode.subject): episode for episode in open_before}
    asked = list(rules)
    before = [{subject: e for (kind, subject), e in standing.items() if kind is rule.kind} for rule in asked]
    episodes: list[Episode] = []
    for found, known in zip(_ask(asked, view, before), before, strict=True):
        episodes.extend(_walk(found, known))
    return episodes


def _ask(rules: Sequence[Rule], view: View, before: Sequence[Mapping[str, Episode]]) -> Iterable[Findings]:
    """Every rule's findings of the subjects concerned.

    The ledger is wide and most of its rows are of healthy lamps: rules are asked lazily, so that of each only the few
    columns that decide are ever made; and of names as categories, which are grouped several times faster.
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
    plans, placed = [], []
    for rule in rules:
        found = rule.find(lazy).lazy()
        names = found.collect_schema().names()
        placed.append(_PLACE in names)
        if _PLACE in names:
            found = found.select(name for name in names if name not in passed)
        plans.append(
            found.filter(usable).with_columns(pl.coalesce("lamp", "commune").cast(pl.Categorical).alias(_SUBJECT))
        )
    for rule, rows, is_placed, known in zip(rules, pl.collect_all(plans), placed, before, strict=True):
        yield Findings(rule, _concerned(rows, known), view.nights if is_placed else None)


def _lazy(frame: pl.DataFrame) -> pl.DataFrame:
    """To rules it is a frame: they use verbs that both kinds have."""
    names = pl.col([name for name in ("commune", "lamp") if name in frame.columns])
    return cast(pl.DataFrame, frame.with_columns(names.cast(pl.Categorical)).lazy())


def _concerned(rows: pl.DataFrame, known: Mapping[str, Episode]) -> pl.DataFrame:
    """Those of subjects with anything bad, or with an episode known before; nothing good matters before the first."""
    names = pl.Series(list(known), dtype=pl.Categorical)
    bad = rows.filter("bad")[_SUBJECT]
    if bad.is_empty() and names.is_empty():
        return rows.clear()
    number = pl.col(_SUBJECT).to_physical()
    concerned = pl.concat([bad, names]).unique().to_physical()
    rows = rows.filter(number.is_in(concerned.implode())).sort("time", maintain_order=True)
    begun = (pl.col("bad") | number.is_in(names.to_physical().implode())).cum_max().over(number)
    return rows.filter(begun).with_columns(pl.col("commune", "lamp", _SUBJECT).cast(pl.String))


def _walk(found: Findings, before: Mapping[str, Episode]) -> list[Episode]:
    by_subject: dict[str, list[Finding]] = {name: [] for name in before}
    sunny = found.rows["sunny"] if "sunny" in found.rows.columns else pl.repeat(True, found.rows.height, eager=True)
    columns = [found.rows[name].to_physical() for name in ("bad", "since", "bad_at", "good_since", "good_at")]
    for place, (name, *values) in enumerate(
        zip(found.rows[_SUBJECT].to_list(), *[column.to_list() for column in columns], sunny.to_list(), strict=True)
    ):
        by_subject.setdefault(name, []).append(Finding(place, *values))
    stays = [stay for name, dated in by_subject.items() for stay in _stays(found.rule, dated, before.get(name))]
    rows = iter(found.whole([stay.row.place for stay in stays if stay.row is not None]))
    return [_episode(found.rule, stay, next(rows) if stay.row is not None else None) for stay in stays]


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


def _stays(rule: Rule, rows: list[Finding], before: Episode | None) -> Iterable[_Stay]:
    """One subject's episodes, from its findings in order of their dates."""
    standing = _Stay(_micros(before.since), _micros(before.opened_at), None, before) if before else None
    bad_rows: list[Finding] = []
    good_rows: list[Finding] = []
    ended: int | None = None
    clear = rule.clear
    for row in rows:
        if row.bad:
            assert row.bad_at is not None  # the others were left out
            good_rows.clear()
            if standing is not None:
                standing.row = row
            elif not rule.sunny or row.sunny:
                bad_rows.append(row)
                if len(bad_rows) >= rule.confirm:
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
        elif standing is None:
            bad_rows.clear()
        elif row.good_at is not None and row.good_at > standing.opened_at:
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
