"""The mobile network as a lamp meets it: settings, outages, and draws that depend only on seed, lamp and place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

SECOND: Final = 1_000_000  # µs: every time in the radio is whole µs since 1970 UTC
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

Floats = npt.NDArray[np.float64]
Words = npt.NDArray[np.uint64]


def micros(moment: datetime) -> int:
    """Whole µs since 1970 UTC of an aware datetime, without rounding through a float."""
    return int(
        np.datetime64(moment.replace(tzinfo=None) - (moment.utcoffset() or moment - moment), "us").astype(np.int64)
    )


@dataclass(frozen=True, slots=True)
class Network:
    """How lamps report, and what the network does to it. The rates are assumptions (no public figures): configurable.

    `keeps_connection`: below an hour between reports a lamp stays connected, so that the broker notices its loss;
    above, it connects for each batch, which is cheaper, and nobody notices before the next batch is due.
    """

    report_minutes: int = 360
    encoding: Literal["cbor", "json"] = "cbor"
    jitter_s: float = 20.0  # mean of the random wait before sending; the lamps of a village must not shout at once
    loss: float = 0.002  # share of reports that the lamp believes sent and nobody receives
    duplicate: float = 0.003  # share sent twice (an acknowledgement was lost)
    reorder: float = 0.003  # share overtaken by later reports
    dropouts_per_day: float = 0.2  # per lamp: short losses of the network, far below what would be called silent
    dropout_minutes: float = 25.0  # mean, at most three hours

    def __post_init__(self) -> None:
        if not 1 <= self.report_minutes <= 1440:
            raise ValueError(f"report_minutes {self.report_minutes} must be from 1 to 1440")
        for name in ("loss", "duplicate", "reorder", "dropouts_per_day"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} {getattr(self, name)} must be from 0 to 1")

    @property
    def keeps_connection(self) -> bool:
        return self.report_minutes < 60


LONGEST_DROPOUT: Final = 3 * HOUR


@dataclass(frozen=True, slots=True)
class Outage:
    """No network from `since` until `until` (None: never again) for a commune, or for one lamp of it."""

    commune: str
    since: datetime
    until: datetime | None
    lamp: str | None = None


NEVER: Final = 2**62  # µs


def lamp_key(lamp: str) -> int:
    """A lamp's own 64 bits: draws do not change when other lamps join or leave the fleet."""
    return int.from_bytes(blake2b(lamp.encode(), digest_size=8).digest())


def draw(seed: int, purpose: int, *keys: int | npt.NDArray[np.integer]) -> Floats:
    """Uniform numbers in [0, 1) of (seed, purpose, keys): the same wherever, whenever and in whatever order asked.

    splitmix64 (Steele, Lea, Flood 2014) chained over the keys. Shapes broadcast.
    """
    with np.errstate(over="ignore"):
        state = _mix(np.asarray(_word(seed)) + np.uint64(0x9E3779B97F4A7C15) * np.uint64(purpose + 1))
        for key in keys:
            words = key.astype(np.uint64) if isinstance(key, np.ndarray) else np.asarray(_word(key))
            state = _mix(state ^ _mix(words + np.uint64(0x9E3779B97F4A7C15)))
    return np.asarray((state >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def _word(number: int) -> np.uint64:
    return np.uint64(number & 0xFFFF_FFFF_FFFF_FFFF)


def _mix(z: Words) -> Words:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


class Coverage:
    """When each lamp has no network: the scenario's outages and the lamp's own short dropouts."""

    def __init__(self, lamps: Mapping[str, str], network: Network, outages: Sequence[Outage], seed: int) -> None:
        """`lamps`: commune by lamp."""
        self._network = network
        self._seed = seed
        self._index = {lamp: i for i, lamp in enumerate(lamps)}
        self._keys = np.array([lamp_key(lamp) for lamp in lamps], dtype=np.uint64)
        self._outages: dict[str, list[tuple[int, int]]] = {lamp: [] for lamp in lamps}
        self._dropouts: dict[int, tuple[list[int], list[int]]] = {}
        for outage in outages:
            span = micros(outage.since), micros(outage.until) if outage.until else NEVER
            for lamp, commune in lamps.items():
                if outage.lamp == lamp or (outage.lamp is None and outage.commune == commune):
                    self._outages[lamp].append(span)

    def absences(self, lamp: str, begin: int, end: int) -> list[tuple[int, int]]:
        """The lamp's times without network (µs) that touch begin…end, oldest first, none touching another."""
        spans = [span for span in self._outages[lamp] if span[0] < end and span[1] > begin]
        i = self._index[lamp]
        for day in range((begin - LONGEST_DROPOUT) // DAY, end // DAY + 1):
            since, until = self._dropout(day, i)
            if since < until and since < end and until > begin:
                spans.append((since, until))
        merged: list[tuple[int, int]] = []
        for since, until in sorted(spans):
            if merged and since <= merged[-1][1]:
                merged[-1] = merged[-1][0], max(until, merged[-1][1])
            else:
                merged.append((since, until))
        return merged

    def back_at(self, lamp: str, at: int) -> int:
        """`at` if the lamp has network then, else when it comes back (µs; NEVER if it does not)."""
        while True:
            end = self._lost_until(lamp, at)
            if end is None:
                return at
            if end >= NEVER:
                return NEVER
            at = end

    def _lost_until(self, lamp: str, at: int) -> int | None:
        for since, until in self._outages[lamp]:
            if since <= at < until:
                return until
        i = self._index[lamp]
        for day in (at // DAY - 1, at // DAY):
            since, until = self._dropout(day, i)
            if since <= at < until:
                return until
        return None

    def _dropout(self, day: int, i: int) -> tuple[int, int]:
        if day not in self._dropouts:
            chance, start, length = (draw(self._seed, purpose, self._keys, day) for purpose in (11, 12, 13))
            since = day * DAY + (start * DAY).astype(np.int64)
            mean = self._network.dropout_minutes * MINUTE
            lasting = np.minimum(-np.log1p(-length) * mean, LONGEST_DROPOUT).astype(np.int64)
            lasting[chance >= self._network.dropouts_per_day] = 0
            self._dropouts[day] = since.tolist(), (since + lasting).tolist()
        since_of, until_of = self._dropouts[day]
        return since_of[i], until_of[i]
