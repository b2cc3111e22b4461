"""The luminaire and its driver, and how bright a profile wants it."""

from typing import Final

import numpy as np
import numpy.typing as npt

from gateway.fleet import Profile

Floats = npt.NDArray[np.float64]

# Drivers keep part of their losses at any level: 0.92 at full light is about 0.78 at 30 % (assumption).
FIXED_SHARE: Final = 0.08


def driver_line(watts: Floats, efficiency: Floats) -> tuple[Floats, Floats]:
    """Input power = fixed + slope · LED power, in W, such that at full power the efficiency is the nameplate's."""
    full = watts / efficiency
    fixed = np.minimum(FIXED_SHARE * watts, full - watts)
    return fixed, (full - fixed) / watts


def command(profile: Profile, after_dusk_h: Floats, to_dawn_h: Floats) -> Floats:
    """Level in % that the profile commands, hours after dusk and before the expected dawn; 0 outside the night.

    Steps before the one without hours count from dusk, those after it back from dawn; without such a step the lamp
    is off when its hours are over.
    """
    level = np.zeros(after_dusk_h.shape)
    begin = 0.0
    tail = 0.0
    open_at = next((n for n, step in enumerate(profile.steps) if step.hours is None), None)
    for step in profile.steps[:open_at]:
        hours = step.hours or 0.0
        level[(after_dusk_h >= begin) & (after_dusk_h < begin + hours)] = step.percent
        begin += hours
    if open_at is not None:
        level[after_dusk_h >= begin] = profile.steps[open_at].percent
        for step in reversed(profile.steps[open_at + 1 :]):
            hours = step.hours or 0.0
            level[(to_dawn_h > tail) & (to_dawn_h <= tail + hours) & (after_dusk_h >= begin)] = step.percent
            if tail == 0.0:  # later than it thought: it stays as before dawn until it sees the light
                level[(to_dawn_h <= 0) & (after_dusk_h >= begin)] = step.percent
            tail += hours
    return level
