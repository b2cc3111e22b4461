"""What is usual for a lamp: learnt from its own first dates, never from later ones, begun anew with each life."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

LEARNING_DATES: Final = 14  # with a gain: what the lamp is like when new, or after a repair
FEWEST_DATES: Final = 4  # before that nothing is compared


def scatter(value: pl.Expr, one: list[str]) -> pl.Expr:
    """Per life: the standard deviation of single values, by the median step between neighbours (of a normal
    distribution 0.954 times its deviation)."""
    steps = value.diff().abs().over(one)
    return (steps.rolling_median(LEARNING_DATES, min_samples=FEWEST_DATES) / 0.954).over(one).forward_fill().over(one)


def first_median(value: pl.Expr, one: list[str]) -> pl.Expr:
    """Per life: the median of the first LEARNING_DATES values, at each date of those seen so far."""
    return pl.map_batches([value, *map(pl.col, one)], _learnt_median, return_dtype=pl.self_dtype())


def _learnt_median(columns: Sequence[pl.Series]) -> pl.Series:
    """A table of the medians of each life's first n values, looked up by how many each date has behind it."""
    value, life = columns[0], columns[1].to_numpy()
    if value.is_empty():
        return value
    values = value.to_numpy()
    known = value.is_not_null().to_numpy()
    begins = np.concatenate([[True], life[1:] != life[:-1]])
    no = np.cumsum(begins) - 1  # which life, counted from 0
    count = np.cumsum(known)
    nth = count - (count - known)[begins][no]
    learning = known & (nth <= LEARNING_DATES)
    nth = np.minimum(nth, LEARNING_DATES)
    first = np.full((no[-1] + 1, LEARNING_DATES), np.nan, dtype=values.dtype)
    first[no[learning], nth[learning] - 1] = values[learning]
    medians = np.full((no[-1] + 1, LEARNING_DATES + 1), np.nan, dtype=first.dtype)
    for n in range(FEWEST_DATES, LEARNING_DATES + 1):
        ordered = np.sort(first[:, :n], axis=1)
        low, high = ordered[:, (n - 1) // 2], ordered[:, n // 2]
        medians[:, n] = low + (high - low) / 2
    return pl.Series(medians[no, nth]).fill_nan(None)
