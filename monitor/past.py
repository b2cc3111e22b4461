"""What is carried from one date to the next: last values, first values, counts; of every lamp at once.

Trends are followed date after date, so that no date can know of a later one, and so that what a new date shows costs
no more than that date. Arrays begin with the lamps; NaN is "not known".
"""

import copy
from collections.abc import Sequence
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Numbers = NDArray[np.int64]

LEARNING_DATES: Final = 14  # with a value: what the lamp is like when new, or after a repair
FEWEST_DATES: Final = 4  # before that nothing is compared


class Past:
    """Named arrays of what was. Each name is used once a date, by one step of the reckoning."""

    def __init__(self, lamps: int) -> None:
        self._lamps = lamps
        self._kept: dict[str, Floats] = {}
        self._begin: dict[str, float] = {}

    def array(self, name: str, *shape: int, begin: float = np.nan) -> Floats:
        """The array of this name, [lamps, *shape], to be changed in place; at first filled with `begin`."""
        if name not in self._kept:
            self._kept[name] = np.full((self._lamps, *shape), begin)
            self._begin[name] = begin
        return self._kept[name]

    def window(self, name: str, value: Floats, size: int, where: Bools | None = None) -> Floats:
        """The last values, [lamps, …, size], this date's as the newest at the end. `where`: lamps whose value counts as
        one at all; the others keep what they had."""
        kept = self.array(f"{name}, last", *value.shape[1:], size)
        if where is None:
            kept[..., :-1] = kept[..., 1:]
            kept[..., -1] = value
        else:
            some = np.flatnonzero(where)
            kept[some, ..., :-1] = kept[some, ..., 1:]
            kept[some, ..., -1] = value[some]
        return kept

    def before(self, name: str, value: Floats | Bools) -> Floats:
        """The value of the date before; this date's is kept for the next."""
        kept = self.array(f"{name}, before")
        was = kept.copy()
        kept[:] = value
        return was

    def filled(self, name: str, value: Floats, dates: float = np.inf) -> Floats:
        """The value, or the last one that was known, not more than so many dates ago."""
        kept, age = self.array(f"{name}, known"), self.array(f"{name}, age", begin=np.inf)
        known = ~np.isnan(value)
        kept[known], age[known] = value[known], 0.0
        age[~known] += 1.0
        return np.where(age <= dates, kept, np.nan)

    def count(self, name: str, where: Bools) -> Floats:
        """On how many dates it was so, this one included."""
        kept = self.array(f"{name}, so often", begin=0.0)
        kept += where
        return kept.copy()

    def usual(self, name: str, value: Floats) -> Floats:
        """The median of the first LEARNING_DATES values, of those seen so far; from FEWEST_DATES of them on."""
        more = value.shape[1:]
        first = self.array(f"{name}, first", *more, LEARNING_DATES)
        count = self.array(f"{name}, count", *more, begin=0.0)
        middle = self.array(f"{name}, usual", *more)
        at = np.nonzero(~np.isnan(value) & (count < LEARNING_DATES))
        if len(at[0]):
            first[(*at, count[at].astype(np.int64))] = value[at]
            count[at] += 1.0
            middle[at] = median(first[at], FEWEST_DATES)
        return middle.copy()

    def forget(self, lamps: Bools) -> None:
        """These lamps begin anew."""
        for name, kept in self._kept.items():
            kept[lamps] = self._begin[name]

    def copy(self) -> Self:
        other = copy.copy(self)
        other._kept = {name: kept.copy() for name, kept in self._kept.items()}
        other._begin = dict(self._begin)
        return other


class Groups:
    """Lamps that are compared with each other, by a number for each lamp's group."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers
        self._count = int(numbers.max(initial=-1)) + 1
        sizes = np.bincount(numbers, minlength=self._count)
        self._starts = np.cumsum(sizes) - sizes

    def median(self, values: Floats, fewest: int, otherwise: float = np.nan) -> Floats:
        """For each lamp its group's median, where so many of the group are known."""
        if not self._count:
            return values.copy()
        known = np.bincount(self._numbers[~np.isnan(values)], minlength=self._count)
        ordered = values[np.lexsort((values, self._numbers))]  # NaN comes last
        low = ordered[self._starts + np.maximum(known - 1, 0) // 2]
        high = ordered[self._starts + np.minimum(known // 2, np.maximum(known - 1, 0))]
        return np.asarray(np.where(known >= max(fewest, 1), (low + high) / 2, otherwise)[self._numbers])

    def most(self, values: Floats) -> Floats:
        """For each lamp its group's greatest value; NaN where none is known."""
        most = np.full(self._count, np.nan)
        np.fmax.at(most, self._numbers, values)
        return np.asarray(most[self._numbers])


def median(values: Floats, fewest: int = 1) -> Floats:
    """Along the last axis, of the values that are known; NaN where there are fewer."""
    ordered, known = _in_order(values)
    last = np.maximum(known - 1, 0)
    middle = (_pick(ordered, last // 2) + _pick(ordered, np.minimum(known // 2, last))) / 2
    return np.where(known >= max(fewest, 1), middle, np.nan)


def quantile(values: Floats, share: float, fewest: int = 1) -> Floats:
    """Along the last axis, of the values that are known, linear between two; NaN where there are fewer."""
    return quantiles(values, (share,), fewest)[..., 0]


def quantiles(values: Floats, shares: Sequence[float], fewest: int = 1) -> Floats:
    """Several of them, [..., shares]."""
    ordered, known = _in_order(values)
    last = np.maximum(known - 1, 0)
    found = np.full((*known.shape, len(shares)), np.nan)
    for n, share in enumerate(shares):
        place = share * last
        low = place.astype(np.int64)
        below, above = _pick(ordered, low), _pick(ordered, np.minimum(low + 1, last))
        found[..., n] = np.where(known >= max(fewest, 1), below + (above - below) * (place - low), np.nan)
    return found


def _in_order(values: Floats) -> tuple[Floats, Numbers]:
    """Sorted along the last axis, what is not known at the end; and how many are known."""
    return np.sort(values, axis=-1), np.count_nonzero(~np.isnan(values), axis=-1)


def _pick(values: Floats, places: Numbers) -> Floats:
    """Along the last axis the value at one place of each; numpy's take_along_axis takes thrice as long."""
    size = values.shape[-1]
    return np.asarray(values.reshape(-1)[np.arange(places.size) * size + places.reshape(-1)].reshape(places.shape))


def mean(values: Floats, fewest: int = 1) -> Floats:
    """Along the last axis, of the values that are known; NaN where there are fewer."""
    known = np.count_nonzero(~np.isnan(values), axis=-1)
    total = np.where(np.isnan(values), 0.0, values).sum(axis=-1)
    return np.asarray(np.where(known >= max(fewest, 1), total / np.maximum(known, 1), np.nan))


def deviation(values: Floats, fewest: int = 2) -> Floats:
    """The sample's standard deviation along the last axis, of the values that are known; NaN where there are fewer."""
    known = np.count_nonzero(~np.isnan(values), axis=-1)
    off = values - mean(values)[..., None]
    squares = np.where(np.isnan(off), 0.0, off * off).sum(axis=-1)
    return np.asarray(np.where(known >= max(fewest, 2), np.sqrt(squares / np.maximum(known - 1, 1)), np.nan))


def least(values: Floats, fewest: int = 1) -> Floats:
    """The smallest of the known values along the last axis; NaN where there are fewer than `fewest`."""
    known = np.count_nonzero(~np.isnan(values), axis=-1)
    return np.asarray(np.where(known >= max(fewest, 1), np.fmin.reduce(values, axis=-1), np.nan))


def most(values: Floats, fewest: int = 1) -> Floats:
    """The greatest of them."""
    return -least(-values, fewest)
