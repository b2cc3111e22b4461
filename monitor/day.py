"""One date of all lamps, as the trends are reckoned from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from monitor.past import Bools, Floats, Groups

DAY_MIN: Final = 1440.0
SEEN: Final = 0.93  # of a date's minutes with samples


class Lamps:
    """The lamps that are followed, in the order of their frame: nameplates and who is whose neighbour.

    frame: one row per lamp, columns as of monitor.samples.nameplates.
    """

    def __init__(self, frame: pl.DataFrame) -> None:
        self.names = frame["lamp"]
        self.chemistry: NDArray[np.object_] = frame["chemistry"].to_numpy()
        self.cells, self.nominal_v, self.nominal_ah, self.luminaire_w, self.cut_off = (
            frame[name].cast(pl.Float64).to_numpy()
            for name in ("cells", "nominal_v", "nominal_ah", "luminaire_w", "cut_off")
        )
        self.communes = Groups(_numbers(frame.select("commune")))
        self.alike = Groups(_numbers(frame.select("commune", "chemistry")))

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def chemistries(self) -> tuple[str, ...]:
        return tuple(sorted(set(self.chemistry)))

    def by_chemistry(self, values: Mapping[str, float]) -> Floats:
        return np.array([values[name] for name in self.chemistry], dtype=np.float64)

    def places(self, names: pl.Series) -> NDArray[np.int64]:
        """The number of each of these lamps; all must be known."""
        return places(names, self.names).cast(pl.Int64).to_numpy()


@dataclass(frozen=True, slots=True)
class Day:
    """What the ledger says of one date: an array of all lamps by column, NaN where it is not known."""

    lamps: Lamps
    number: float  # days since 1970
    ledger: Mapping[str, Floats]

    def __getitem__(self, name: str) -> Floats:
        return self.ledger[name]

    def known(self, name: str) -> Bools:
        return ~np.isnan(self.ledger[name])

    @property
    def seen(self) -> Bools:
        """Whether the date was reported whole: of others, not all Ah are counted."""
        return np.asarray(self.ledger["samples"] * self.ledger["spacing_min"] >= SEEN * DAY_MIN)

    def filled(self, name: str, value: float = 0.0) -> Floats:
        return np.where(np.isnan(self.ledger[name]), value, self.ledger[name])


def places(names: pl.Series, among: pl.Series) -> pl.Series:
    """For each name its place among those, null where it is not there."""
    index = among.to_frame("lamp").with_row_index("at")
    return names.to_frame("lamp").join(index, on="lamp", how="left", maintain_order="left")["at"]


def _numbers(groups: pl.DataFrame) -> NDArray[np.int64]:
    return groups.select(number=pl.struct(pl.all()).rank("dense").cast(pl.Int64) - 1)["number"].to_numpy()
