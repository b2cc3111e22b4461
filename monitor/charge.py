"""How full each battery is, in Ah: below its last full charge or above its last cut-off, whichever came last.

Both say for certain where a battery stands; between them its current is counted. No state of charge from a voltage,
which on LFP tells nothing, nor from the controller, which is wrong on worn batteries.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import log_ndtr

from monitor.day import Lamps
from monitor.past import Bools, Floats, Past
from monitor.to_cut import ToCut

KEEPS_ITS_CHARGE: Final = "lfp"  # in others a part of it is gassed away before they are full
COUNTED: Final = 0.02  # of the nameplate: error of what one night's current adds up to …
MISCOUNTED: Final = 0.02  # … and of what was charged since the battery was surely full or cut off
RETURNED: Final = 0.85  # of what was missing: a battery with a weak cell that got less is not full, its charger stopped


@dataclass(frozen=True, slots=True)
class Reserve:
    """At dusk. What a battery holds has many answers, each with its weight: [lamps, answers]."""

    weights: Floats
    holds: Floats  # Ah from full to the cut-off, on average
    missing: Floats  # Ah below full
    spare: Floats  # Ah above the cut-off, [lamps, answers]
    spread: Floats  # Ah, standard deviation of the count


class Charge:
    """Of all lamps, followed from date to date; what is known is kept in `past`."""

    def __init__(self, lamps: Lamps, past: Past) -> None:
        self._nominal = lamps.nominal_ah
        self._keeps = lamps.chemistry == KEEPS_ITS_CHARGE
        self._to_cut = ToCut(lamps, past)
        self._below = past.array("below", begin=0.0)  # Ah below full …
        self._left = past.array("left", begin=0.0)  # … or Ah above the cut-off, where that came last
        self._from_cut = past.array("from cut", begin=0.0)  # whether it did
        self._flowed = past.array("flowed", begin=0.0)  # Ah charged since that moment …
        self._guessed = past.array("guessed", begin=0.0)  # … and whether some of them were not reported
        self._since_full = past.array("since full", begin=0.0)  # whether there was a full charge at all

    def take(self, gained: Floats, heard: Bools, full: Bools, weak: Bools) -> None:
        """The day, until dusk.

        gained: Ah that stay; heard: whether they were all reported; full: whether it ended so, as its charger says;
        weak: whether a cell is failing.
        """
        # At a weak cell's voltage the charger stops early, and says full: what it did not give back is missing still.
        owed = weak & (self._since_full > 0) & heard & (gained < RETURNED * self._below)
        sure = full & ~owed
        self._left += gained
        self._flowed += gained
        self._guessed[~heard] = 1.0
        # What flowed in since a cut-off the battery holds at least; once it is full, that is what it holds.
        fills = (self._from_cut > 0) & (self._guessed == 0) & (gained > 0)
        spread = self._spread()
        self._to_cut.takes(fills & ~sure, self._left, spread)
        self._to_cut.exactly(fills & sure & self._keeps, self._left, spread)
        self._to_cut.at_most(fills & sure & ~self._keeps, self._left, spread)
        self._below[:] = np.where(sure, 0.0, np.maximum(self._below - gained, 0.0))
        self._begin(sure, from_cut=False)
        self._since_full[full] = 1.0

    def reserve(self, capacity: Floats) -> Reserve:
        """capacity: share of the nameplate, as the depth of nights says; NaN if not known."""
        weights = self._to_cut.weights(capacity)
        holds = (weights * self._to_cut.ah).sum(axis=1)
        for kept in (self._left, self._below):
            kept[:] = np.minimum(kept, holds)
        cut = self._from_cut > 0
        return Reserve(
            weights,
            holds,
            missing=np.where(cut, holds - self._left, self._below),
            # After a cut-off what is left is known, whatever the battery holds.
            spare=np.where(cut[:, None], self._left[:, None], self._to_cut.ah - self._below[:, None]),
            spread=self._spread(),
        )

    def give(self, took: Floats, cut_ah: Floats, heard: Bools, dusk: Reserve) -> None:
        """The night, once it is over. took: Ah; cut_ah: of them until the battery ended the light, else NaN."""
        was_cut = ~np.isnan(cut_ah)
        flow = self._below + np.where(was_cut, cut_ah, took)
        tells = (self._since_full > 0) & (self._from_cut == 0)
        self._to_cut.fade()
        self._to_cut.exactly(tells & was_cut, flow, dusk.spread)
        self._to_cut.at_least(tells & ~was_cut & heard & (took > 0), flow, dusk.spread)
        # That a night was lasted through tells of the count as well: each of the two takes its share of what was wrong.
        doubt = dusk.spread**2 + (dusk.weights * (self._to_cut.ah - dusk.holds[:, None]) ** 2).sum(axis=1)
        reserve = dusk.holds - self._below - took
        wrong = np.where(heard, _lasted(reserve, np.sqrt(doubt)) - reserve, 0.0)
        self._below[:] = np.clip(self._below + took - wrong * dusk.spread**2 / doubt, 0.0, dusk.holds)
        self._left[:] = np.where(was_cut, 0.0, _lasted(self._left - took, dusk.spread))
        self._begin(was_cut, from_cut=True)

    def _begin(self, where: Bools, from_cut: bool) -> None:
        """The count begins anew."""
        self._from_cut[where] = float(from_cut)
        self._flowed[where] = 0.0
        self._guessed[where] = 0.0

    def _spread(self) -> Floats:
        return np.asarray(np.hypot(COUNTED * self._nominal, MISCOUNTED * self._flowed))


def _lasted(reserve: Floats, spread: Floats) -> Floats:
    """What was left in the morning, given that something was: the mean of a normal variable that is above zero."""
    reserve = np.maximum(reserve, -5.0 * spread)
    z = reserve / spread
    return np.asarray(reserve + spread * np.exp(-0.5 * z**2 - log_ndtr(z)) / np.sqrt(2 * np.pi))
