"""From findings to episodes: confirmation and hysteresis, in the data's own time.

The judge knows no kind and no clock. It walks each lamp's findings in the order of their dates; what it concludes
depends on the stored data alone, so judging twice, later, or in another order of arrival gives the same episodes.
"""

from collections.abc import Iterable, Mapping
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


def _episodes_of_one(rule: Rule, rows: list[dict[str, Any]], before: Episode | None) -> Iterable[Episode]:
    """One subject's findings in order of their dates."""
    episode = before
    bad_rows: list[dict[str, Any]] = []
    good_rows: list[dict[str, Any]] = []
    for row in rows:
        if row["bad"] is None:
            continue
        if row["bad"]:
            good_rows.clear()
            if episode is None:
                if rule.sunny and not row.get("sunny", True):
                    continue
                bad_rows.append(row)
                if len(bad_rows) >= rule.confirm:
                    episode = _opened(rule, bad_rows)
            else:
                episode = _still(rule, episode, row)
            # Put right before the date was over: the first proof closes it, not the next day.
            if episode is not None and row["good_at"] is not None and row["good_at"] > row["bad_at"] and rule.clear == 1:
                yield _closed(episode, [row])
                episode, bad_rows = None, []
        elif episode is None:
            bad_rows.clear()
        elif row["good_at"] is not None and row["good_at"] > episode.opened_at:
            good_rows.append(row)
            if len(good_rows) >= rule.clear:
                yield _closed(episode, good_rows)
                episode, bad_rows, good_rows = None, [], []
    if episode is not None:
        yield episode


def _opened(rule: Rule, rows: list[dict[str, Any]]) -> Episode:
    first, last = rows[0], rows[-1]
    told = rule.tell(last)
    return Episode(
        commune=last["commune"],
        lamp=last["lamp"],
        kind=rule.kind,
        since=first["since"],
        opened_at=max(last["bad_at"], first["since"]),
        causes=told.causes,
        figures=told.figures,
        estimate=told.estimate,
        trace=_trace(rule, last),
    )


def _still(rule: Rule, episode: Episode, row: dict[str, Any]) -> Episode:
    """The latest bad night's figures are the ones people want to read."""
    told = rule.tell(row)
    return Episode(
        commune=episode.commune, lamp=episode.lamp, kind=episode.kind, since=episode.since, opened_at=episode.opened_at,
        causes=told.causes, figures=told.figures, estimate=told.estimate, trace=_trace(rule, row),
    )  # fmt: skip


def _closed(episode: Episode, good_rows: list[dict[str, Any]]) -> Episode:
    until: datetime = max(good_rows[0]["good_since"] or good_rows[0]["good_at"], episode.since)
    return Episode(
        commune=episode.commune, lamp=episode.lamp, kind=episode.kind, since=episode.since, opened_at=episode.opened_at,
        until=until, closed_at=max(good_rows[-1]["good_at"], episode.opened_at), causes=episode.causes,
        figures=episode.figures, estimate=episode.estimate, trace=episode.trace,
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
