"""From findings to episodes: confirmation and hysteresis, in the data's own time.

The judge knows no kind and no clock. It walks each lamp's findings in the order of their dates; what it concludes
depends on the stored data alone, so judging twice, later, or in another order of arrival gives the same episodes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl

from monitor.fault import Episode
from monitor.rules.rule import FINDING, Rule, View


def judge(rules: Iterable[Rule], view: View, open_before: Iterable[Episode] = ()) -> list[Episode]:
    """All episodes, open and closed, that the view's nights show.

    `open_before`: episodes that were open when the view begins; they go on until the view shows their end.
    """
    standing = {(episode.kind, episode.subject): episode for episode in open_before}
    episodes: list[Episode] = []
    for rule in rules:
        findings = rule.find(view)
        before = {subject: episode for (kind, subject), episode in standing.items() if kind is rule.kind}
        episodes.extend(_walk(rule, findings, before))
    return episodes


def _walk(rule: Rule, findings: pl.DataFrame, before: Mapping[str, Episode]) -> list[Episode]:
    subject = pl.coalesce("lamp", "commune")
    concerned = findings.filter(pl.col("bad")).select(subject).to_series().unique()
    rows = findings.filter(
        subject.is_in(concerned.implode()) | subject.is_in(pl.Series(list(before), dtype=pl.String).implode())
    ).sort("time")
    episodes: list[Episode] = []
    by_subject: dict[str, list[dict[str, Any]]] = {name: [] for name in before}
    for row in rows.iter_rows(named=True):
        by_subject.setdefault(row["lamp"] or row["commune"], []).append(row)
    for name, dated in by_subject.items():
        episodes.extend(_episodes_of_one(rule, dated, before.get(name)))
    return episodes


@dataclass(slots=True)
class _Standing:
    """An episode while its subject's findings are walked; words are made at the end, from the latest bad date."""

    since: datetime
    opened_at: datetime
    row: dict[str, Any] | None  # the latest bad finding; None: nothing newer than what was known before
    known: Episode | None = None


def _episodes_of_one(rule: Rule, rows: list[dict[str, Any]], before: Episode | None) -> Iterable[Episode]:
    """One subject's findings in order of their dates."""
    standing = _Standing(before.since, before.opened_at, None, before) if before else None
    bad_rows: list[dict[str, Any]] = []
    good_rows: list[dict[str, Any]] = []
    for row in rows:
        # A rule may think a date bad whose samples have not come yet: until they have, it is not known.
        if row["bad"] is None or (row["bad"] and row["bad_at"] is None):
            continue
        if row["bad"]:
            good_rows.clear()
            if standing is not None:
                standing.row = row
            elif not rule.sunny or row.get("sunny", True):
                bad_rows.append(row)
                if len(bad_rows) >= rule.confirm:
                    since = bad_rows[0]["since"] or bad_rows[0]["bad_at"]
                    standing = _Standing(since, max(row["bad_at"], since), row)
            # Put right before the date was over: the first proof closes it, not the next day.
            at = row["good_at"]
            if standing is not None and at is not None and at > row["bad_at"] and rule.clear == 1:
                yield _episode(rule, standing, [row])
                standing, bad_rows = None, []
        elif standing is None:
            bad_rows.clear()
        elif row["good_at"] is not None and row["good_at"] > standing.opened_at:
            good_rows.append(row)
            if len(good_rows) >= rule.clear:
                yield _episode(rule, standing, good_rows)
                standing, bad_rows, good_rows = None, [], []
    if standing is not None:
        yield _episode(rule, standing, [])


def _episode(rule: Rule, standing: _Standing, good_rows: list[dict[str, Any]]) -> Episode:
    until = closed_at = None
    if good_rows:
        until = max(good_rows[0]["good_since"] or good_rows[0]["good_at"], standing.since)
        closed_at = max(good_rows[-1]["good_at"], standing.opened_at)
    row = standing.row
    if row is None:
        assert standing.known is not None  # without a bad finding only an episode known before can stand
        return replace(standing.known, until=until, closed_at=closed_at)
    told = rule.tell(row)
    return Episode(
        commune=row["commune"], lamp=row["lamp"], kind=rule.kind, since=standing.since, opened_at=standing.opened_at,
        until=until, closed_at=closed_at, causes=told.causes, figures=told.figures, estimate=told.estimate,
        trace=_trace(rule, row),
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
