"""What the broker knows of each lamp's connection: its retained `online`, and the last will that it speaks for it."""

from collections.abc import Callable, Mapping
from typing import Final

import polars as pl

from firmware_sim.network import NEVER, SECOND, Coverage

KEEP_ALIVE_S: Final = 20 * 60  # of a kept connection: longer than its reports are apart, so that it needs no ping
NOTICED_US: Final = KEEP_ALIVE_S * SECOND * 3 // 2  # MQTT 5, 3.1.2.10: a broker gives up after 1.5 keep-alives
CONNECT_US: Final = 3 * SECOND

Change = tuple[str, int, str]  # lamp, true time in µs, "online" or "offline"


class Presence:
    """Follows the lamps through a plant's chunks. Lamps that connect for each batch leave politely: no last will."""

    def __init__(self, lamps: Mapping[str, str], coverage: Coverage, keeps: Callable[[int], bool]) -> None:
        """`keeps(at)`: whether lamps hold their connection at that true time (µs)."""
        self._lamps = tuple(lamps)
        self._coverage = coverage
        self._keeps = keeps
        self._seen: dict[str, int] = {}  # the newest sample of each lamp, µs
        self._unpowered: set[str] = set()  # noticed as gone although there is network
        self._from: int | None = None

    def follow(self, samples: pl.DataFrame, until: int) -> list[Change]:
        """The changes that this stretch of time, complete up to `until` (µs), shows."""
        changes = self._of_power(samples, until)
        if self._from is None:
            oldest = samples["true_time"].dt.epoch("us").min()
            self._from = int(oldest) if isinstance(oldest, int) else until
        for lamp in self._lamps:
            changes += self._of_network(lamp, self._from, until)
        self._from = until
        return sorted(changes, key=lambda change: (change[1], change[0]))

    def _of_network(self, lamp: str, begin: int, until: int) -> list[Change]:
        changes: list[Change] = []
        for since, back in self._coverage.absences(lamp, begin - NOTICED_US, until):
            if back - since <= NOTICED_US:
                continue
            if begin <= since + NOTICED_US < until and self._keeps(since):
                changes.append((lamp, since + NOTICED_US, "offline"))
            if begin <= back < until and self._keeps(back):
                changes.append((lamp, back + CONNECT_US, "online"))
        return changes

    def _of_power(self, samples: pl.DataFrame, until: int) -> list[Change]:
        """A lamp that takes no samples has no power: it does not speak, and does not say good-bye."""
        changes: list[Change] = []
        times = samples.select("lamp", at=pl.col("true_time").dt.epoch("us")).sort("lamp", "at")
        first = times.group_by("lamp", maintain_order=True).agg(pl.col("at").first(), last=pl.col("at").last())
        for lamp, at, _ in first.iter_rows():
            if lamp not in self._seen:
                changes += self._returned(lamp, at)
            else:
                changes += self._gap(lamp, self._seen[lamp], at)
        gaps = times.with_columns(before=pl.col("at").shift(1).over("lamp")).filter(
            pl.col("at") - pl.col("before") > NOTICED_US
        )
        for lamp, at, before in gaps.iter_rows():
            changes += self._gap(lamp, before, at)
        self._seen.update((lamp, last) for lamp, _, last in first.iter_rows())
        for lamp, last in self._seen.items():
            if until - last > NOTICED_US and lamp not in self._unpowered and self._keeps(last):
                self._unpowered.add(lamp)
                changes.append((lamp, last + NOTICED_US, "offline"))
        return changes

    def _gap(self, lamp: str, before: int, at: int) -> list[Change]:
        if at - before <= NOTICED_US or not self._keeps(at):
            return []
        if lamp in self._unpowered or not self._keeps(before):
            self._unpowered.discard(lamp)
            return self._returned(lamp, at)
        return [(lamp, before + NOTICED_US, "offline"), *self._returned(lamp, at)]

    def absent(self, at: int) -> frozenset[str]:
        """Lamps that have no network at this true time (µs), or of which no sample is known since long before."""
        return frozenset(
            lamp
            for lamp in self._lamps
            if self._coverage.back_at(lamp, at) != at or self._seen.get(lamp, 0) < at - NOTICED_US
        )

    def _returned(self, lamp: str, at: int) -> list[Change]:
        at = self._coverage.back_at(lamp, at)
        return [(lamp, at + CONNECT_US, "online")] if at < NEVER else []
