"""From findings to episodes: confirmation and hysteresis, in the data's own time.

The judge knows no kind and no clock. It walks each lamp's findings in the order of their dates; what it concludes
depends on the stored data alone, so judging twice, later, or in another order of arrival gives the same episodes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple, cast

import polars as pl

from monitor.fault import Episode
from monitor.rules.rule import FINDING, Rule, View

_PLACE: Final = "ledger_row"  # which row of the view's nights a finding speaks of


class Finding(NamedTuple):
    """What the walk looks at; everything else of a finding is looked up for the few that become an episode."""

    place: int
    bad: bool
    since: datetime | None
    bad_at: datetime | None
    good_since: datetime | None
    good_at: datetime | None
    sunny: bool


@dataclass(frozen=True, slots=True)
class Findings:
    """One rule's answers about the subjects that it says anything bad of, ordered by subject and time."""

    rule: Rule
    rows: pl.DataFrame  # what the rule's `find` gave, but for columns of the ledger that it passed through
    nights: pl.DataFrame | None  # where those are; None: the rows are complete

    def row(self, place: int) -> dict[str, Any]:
        """The whole finding, with every column of the ledger."""
        found = self.rows.row(place, named=True)
        if self.nights is None:
            return found
        at = found.pop(_PLACE)
        return (dict.fromkeys(self.nights.columns) if at is None else self.nights.row(at, named=True)) | found


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
    columns that decide are ever made.
    """
    nights = view.nights.with_row_index(_PLACE)
    # Rules use verbs that both kinds of frame have; to them it is a frame.
    lazy = View(
        nights=cast(pl.DataFrame, nights.lazy()),
        events=cast(pl.DataFrame, view.events.lazy()),
        refused=cast(pl.DataFrame, view.refused.lazy()),
        now=view.now,
    )
    passed = set(nights.columns) - {*FINDING, _PLACE, "sunny"}
    # A rule may think a date bad whose samples have not come yet: until they have, it is not known.
    usable = pl.col("bad").is_not_null() & (~pl.col("bad") | pl.col("bad_at").is_not_null())
    plans, placed = [], []
    for rule in rules:
        found = rule.find(lazy).lazy()
        names = found.collect_schema().names()
        placed.append(_PLACE in names)
        if _PLACE in names:
            found = found.select(name for name in names if name not in passed)
        plans.append(found.filter(usable))
    for rule, rows, is_placed, known in zip(rules, pl.collect_all(plans), placed, before, strict=True):
        yield Findings(rule, _concerned(rows, known), view.nights if is_placed else None)


def _concerned(rows: pl.DataFrame, known: Mapping[str, Episode]) -> pl.DataFrame:
    """Those of subjects with anything bad, or with an episode known before; nothing good matters before the first."""
    subject = pl.coalesce("lamp", "commune")
    bad = rows.filter("bad").select(subject).to_series()
    if bad.is_empty() and not known:
        return rows.clear()
    concerned = pl.concat([bad, pl.Series(list(known), dtype=pl.String)]).unique()
    rows = rows.filter(subject.is_in(concerned.implode())).sort("time", maintain_order=True)
    begun = (pl.col("bad") | subject.is_in(pl.Series(list(known), dtype=pl.String).implode())).cum_max().over(subject)
    return rows.filter(begun)


def _walk(found: Findings, before: Mapping[str, Episode]) -> list[Episode]:
    episodes: list[Episode] = []
    by_subject: dict[str, list[Finding]] = {name: [] for name in before}
    subjects = found.rows.select(pl.coalesce("lamp", "commune")).to_series().to_list()
    sunny = found.rows["sunny"] if "sunny" in found.rows.columns else pl.repeat(True, found.rows.height, eager=True)
    columns = [found.rows[name].to_list() for name in ("bad", "since", "bad_at", "good_since", "good_at")]
    for place, (name, *values) in enumerate(zip(subjects, *columns, sunny.to_list(), strict=True)):
        by_subject.setdefault(name, []).append(Finding(place, *values))
    for name, dated in by_subject.items():
        episodes.extend(_episodes_of_one(found, dated, before.get(name)))
    return episodes


@dataclass(slots=True)
class _Standing:
    """An episode while its subject's findings are walked; words are made at the end, from the latest bad date."""

    since: datetime
    opened_at: datetime
    row: Finding | None  # the latest bad finding; None: nothing newer than what was known before
    known: Episode | None = None


def _episodes_of_one(found: Findings, rows: list[Finding], before: Episode | None) -> Iterable[Episode]:
    """One subject's findings in order of their dates."""
    rule = found.rule
    standing = _Standing(before.since, before.opened_at, None, before) if before else None
    bad_rows: list[Finding] = []
    good_rows: list[Finding] = []
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
                    standing = _Standing(since, max(row.bad_at, since), row)
            # Put right before the date was over: the first proof closes it, not the next day. One report may tell both.
            at = row.good_at
            if standing is not None and at is not None and at >= row.bad_at and rule.clear == 1:
                yield _episode(found, standing, [row])
                standing, bad_rows = None, []
        elif standing is None:
            bad_rows.clear()
        elif row.good_at is not None and row.good_at > standing.opened_at:
            good_rows.append(row)
            if len(good_rows) >= rule.clear:
                yield _episode(found, standing, good_rows)
                standing, bad_rows, good_rows = None, [], []
    if standing is not None:
        yield _episode(found, standing, [])


def _episode(found: Findings, standing: _Standing, good_rows: list[Finding]) -> Episode:
    until = closed_at = None
    if good_rows:
        first, last = good_rows[0], good_rows[-1]
        assert first.good_at is not None  # without it no row counts as good
        assert last.good_at is not None
        until = max(first.good_since or first.good_at, standing.since)
        closed_at = max(last.good_at, standing.opened_at)
    if standing.row is None:
        assert standing.known is not None  # without a bad finding only an episode known before can stand
        return replace(standing.known, until=until, closed_at=closed_at)
    row = found.row(standing.row.place)
    told = found.rule.tell(row)
    return Episode(
        commune=row["commune"], lamp=row["lamp"], kind=found.rule.kind, since=standing.since,
        opened_at=standing.opened_at, until=until, closed_at=closed_at, causes=told.causes, figures=told.figures,
        estimate=told.estimate, trace=_trace(found.rule, row),
    )  # fmt: skip


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
