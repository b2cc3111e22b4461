"""How many Ah flow from a full charge until the load is cut off: what is thought of every possible answer.

Bayes' rule on a grid. Beforehand stands what the depth of the nights says of the capacity; nights that were lasted
through, cut-offs and full charges after a cut-off then tell for some of the answers and against others, all of them
counted by the lamp's own current sensor. A battery can fail or be exchanged any day: what was shown fades, and nothing
is ever excluded.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from scipy.special import log_ndtr

from monitor.day import Lamps
from monitor.past import Bools, Floats, Past

# Share of a full charge that flows before the load is cut off. The cells of a pack end one after the other, and the
# load pulls the voltage down: less than the chemistry holds. [K], until the lamp's own nights have shown it.
TO_CUT: Final = {"lfp": 0.80, "nimh": 0.73, "gel": 0.78}
# The same where the capacity is only known from the depth of nights, which says a little too little of most batteries.
# Fitted on two plants' open worlds, like all below.
BY_DEPTH: Final = {"lfp": 0.86, "nimh": 0.77, "gel": 0.84}
SHARES: Final = np.linspace(0.10, 1.15, 43)  # of the nameplate: the answers
BEFOREHAND: Final = 0.08  # of the nameplate: scale of what the depth of nights leaves open …
FREEDOM: Final = 4.0  # … of Student's distribution, whose tails are long: it can be far off
FADING: Final = 0.98  # a date
# Log-likelihoods that are left to any answer. A battery can fail overnight, however many nights it lasted through; one
# that was cut off will be so again. By one night, by all of them:
GIVEN: Final = (-4.0, -5.0)
ENDED: Final = (-7.0, -10.0)


class ToCut:
    """The answers of all lamps, as of one date; what is shown is kept in `past`."""

    def __init__(self, lamps: Lamps, past: Past) -> None:
        self.ah = lamps.nominal_ah[:, None] * SHARES  # [lamps, answers]
        self._beforehand = lamps.nominal_ah * lamps.by_chemistry(BY_DEPTH)
        self._scale = BEFOREHAND * lamps.nominal_ah
        # Log-likelihoods, 0 for the likeliest answer.
        self._given = past.array("given", len(SHARES), begin=0.0)
        self._ended = past.array("to cut", len(SHARES), begin=0.0)

    def weights(self, capacity: Floats) -> Floats:
        """The probability of each answer, [lamps, answers]. `capacity`: share of the nameplate, NaN if not known."""
        expected = self._beforehand * np.clip(np.where(np.isnan(capacity), 1.0, capacity), 0.1, 1.05)
        off = (self.ah - expected[:, None]) / self._scale[:, None]
        weights = np.exp(self._given + self._ended - (FREEDOM + 1) / 2 * np.log1p(off**2 / FREEDOM))
        return np.asarray(weights / weights.sum(axis=1)[:, None])

    def fade(self) -> None:
        self._given *= FADING
        self._ended *= FADING

    def at_least(self, where: Bools, ah: Floats, spread: Floats) -> None:
        """So many Ah flowed, and it was not empty. `spread`: Ah, of the count."""
        self._show(self._given, GIVEN, where, ah, spread, log_ndtr)

    def takes(self, where: Bools, ah: Floats, spread: Floats) -> None:
        """It took so many Ah, and was not full: no battery takes what it cannot hold."""
        self._show(self._ended, ENDED, where, ah, spread, log_ndtr)

    def at_most(self, where: Bools, ah: Floats, spread: Floats) -> None:
        """It took so many Ah until it was full, but some of them were not kept."""
        self._show(self._ended, ENDED, where, ah, spread, lambda off: log_ndtr(-off))

    def exactly(self, where: Bools, ah: Floats, spread: Floats) -> None:
        """So many Ah lay between full and cut off; whatever it gave before, it is that battery no more."""
        self._given[where] = 0.0
        self._show(self._ended, ENDED, where, ah, spread, lambda off: -0.5 * off**2)

    def _show(
        self,
        kept: Floats,
        least: tuple[float, float],
        where: Bools,
        ah: Floats,
        spread: Floats,
        log_likelihood: Callable[[Floats], Floats],
    ) -> None:
        some = np.flatnonzero(where)
        off = (self.ah[some] - ah[some, None]) / spread[some, None]
        shown = kept[some] + np.maximum(log_likelihood(off), least[0])
        kept[some] = np.maximum(shown - shown.max(axis=1, initial=least[1])[:, None], least[1])
