"""95 % intervals for what is counted in a scorecard: shares, rates, medians. No share is printed without its own."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

Z: Final = 1.959964  # of the normal distribution, two-sided 95 %
TAIL: Final = 0.025

Interval = tuple[float, float]


def wilson(hits: int, trials: int) -> Interval:
    """Of a share, both bounds 0…1. Wilson 1927, doi 10.1080/01621459.1927.10502953; (0, 1) without trials."""
    if trials == 0:
        return 0.0, 1.0
    share = hits / trials
    wide = 1 + Z * Z / trials
    middle = (share + Z * Z / (2 * trials)) / wide
    half = Z * math.sqrt(share * (1 - share) / trials + Z * Z / (4 * trials * trials)) / wide
    return max(0.0, middle - half), min(1.0, middle + half)


def poisson(events: int, exposure: float) -> Interval:
    """Of a rate: events per unit of `exposure`. Garwood 1936, doi 10.1093/biomet/28.3-4.437: exact, by bisection."""
    if exposure <= 0:
        return 0.0, math.inf
    low = 0.0 if events == 0 else _mean_where(events - 1, 1 - TAIL)
    return low / exposure, _mean_where(events, TAIL) / exposure


def _mean_where(events: int, chance: float) -> float:
    """The mean of a Poisson distribution that gives at most `events` with this chance."""
    low, high = 0.0, events + 10.0 * math.sqrt(events + 1.0) + 10.0
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, events + 1, dtype=np.float64)))])
    counts = np.arange(events + 1)
    for _ in range(100):
        mean = (low + high) / 2
        at_most = float(np.exp(counts * math.log(mean) - mean - logs).sum()) if mean > 0 else 1.0
        low, high = (mean, high) if at_most > chance else (low, mean)
    return (low + high) / 2


def quantile(values: Sequence[float], share: float) -> float | None:
    """Linear between the neighbours; None of nothing."""
    return float(np.quantile(np.asarray(values, dtype=np.float64), share)) if values else None


def median_interval(values: Sequence[float]) -> Interval | None:
    """Of a median, whatever the distribution: order statistics by the binomial. Both ends of the data if too few."""
    n = len(values)
    if n == 0:
        return None
    ordered = sorted(values)
    below, rank = 0.0, 0
    for k in range(n // 2 + 1):
        below += math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2))
        if below > TAIL:
            break
        rank = k + 1
    low = max(rank - 1, 0)
    return ordered[low], ordered[n - 1 - low]
