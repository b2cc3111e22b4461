"""The charge controller's electrical side: how much of the panel's power reaches battery and load."""

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

MPPT_EFFICIENCY: Final = 0.955  # tracking and conversion (assumption)
PWM_DROP_V: Final = 0.5  # between panel and battery while it charges
WAKE_W: Final = 1.5  # panel power that wakes a controller without battery
ABSORB_H: Final = 1.5  # at the limit, before it holds
TAIL: Final = 1 / 40  # or when the current has fallen below this share of the capacity per hour


def battery_current(net_w: Floats, volts: Floats, ohm: Floats) -> Floats:
    """A into a battery of open-circuit voltage `volts` (E) for `net_w` at its terminals: P = (E + R·I)·I."""
    root = np.sqrt(np.maximum(volts * volts + 4 * ohm * net_w, 0))
    return np.asarray(2 * net_w / (volts + root))
