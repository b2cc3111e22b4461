"""When the lamp's controller thinks it is night: from the panel's voltage, checked against what it has learnt.

After losing all power it must relearn, for up to five days, and switches at odd hours meanwhile (street-light manuals).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from firmware_sim.luminaire import command
from firmware_sim.sky import STEP_S, STEPS
from gateway.fleet import Profile

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

DUSK_SHARE: Final = 0.20  # of the nameplate's open-circuit voltage: reached at sun zenith 94°
CONFIRM: Final = 2  # steps: ten minutes of darkness are a dusk
PLAUSIBLE: Final = 18  # steps (90 minutes) by which dusk and dawn may differ from what was learnt
LEARN: Final = 0.3  # weight of tonight in what is learnt
RELEARN_DAYS: Final = 5
LATE_ON: Final = 18  # steps by which an unlearnt lamp may be late at dusk
EARLY_OFF: Final = 24  # … early at dawn
LATE_OFF: Final = 15  # … late at dawn
USUAL_DUSK: Final = 6.5 * 3600 / STEP_S  # steps after noon, before anything was learnt
USUAL_DAWN: Final = 17.5 * 3600 / STEP_S
SAVE_BELOW: Final = 0.30  # of the estimated charge: lamps that save light dim themselves …
SAVE_TO: Final = 0.5  # … to this share of the commanded level
BOOST_CHANCE: Final = 0.12  # per 5 minutes: somebody passes while the light is low


@dataclass(slots=True)
class Memory:
    """What the controllers have learnt, [lamps]: steps after noon; days of relearning left, and their odd shifts."""

    dusk: Floats
    dawn: Floats
    relearn: Ints
    odd_dusk: Floats
    odd_dawn: Floats


@dataclass(frozen=True, slots=True)
class Schedule:
    """[steps, lamps]: `target` in %, as commanded; `ideal`: the same of a perfect controller, by the sun alone."""

    target: Floats
    ideal: Floats


def schedule(
    memory: Memory, voc: Floats, threshold: Floats, elevation: Floats, profiles: tuple[Profile, ...], which: Ints
) -> Schedule:
    """Tonight's light. Updates the memory."""
    dusk, dawn = _seen(voc < threshold)
    learning = memory.relearn > 0
    near_dusk = np.abs(dusk - memory.dusk) <= PLAUSIBLE
    near_dawn = np.abs(dawn - memory.dawn) <= PLAUSIBLE
    dusk = np.where(np.isnan(dusk) | ~(near_dusk | learning), memory.dusk, dusk)
    dawn = np.where(np.isnan(dawn) | ~(near_dawn | learning), memory.dawn, dawn)
    expected = np.where(learning, dusk + USUAL_DAWN - USUAL_DUSK, dusk + memory.dawn - memory.dusk)
    weight = np.where(learning, 0.6, LEARN)
    memory.dusk = memory.dusk + weight * (dusk - memory.dusk)
    memory.dawn = memory.dawn + weight * (dawn - memory.dawn)
    odd = memory.relearn / RELEARN_DAYS
    on, off = dusk + odd * memory.odd_dusk, dawn + odd * memory.odd_dawn
    target = _command(profiles, which, on, off, expected + odd * memory.odd_dawn)
    sun_dusk, sun_dawn = _seen(elevation < -4.0)
    sun_dusk = np.where(np.isnan(sun_dusk), USUAL_DUSK, sun_dusk - CONFIRM)
    sun_dawn = np.where(np.isnan(sun_dawn), USUAL_DAWN, sun_dawn - CONFIRM)
    return Schedule(target, _command(profiles, which, sun_dusk, sun_dawn, sun_dawn))


def forget(memory: Memory, unpowered: Bools, rng: np.random.Generator) -> None:
    """At the end of a day: lamps that were without power start learning; the others are a day further."""
    n = unpowered.size
    late, early = rng.random(n), rng.random(n)
    memory.relearn = np.where(unpowered, RELEARN_DAYS, np.maximum(memory.relearn - 1, 0))
    memory.odd_dusk = np.where(unpowered, late * LATE_ON, memory.odd_dusk)
    memory.odd_dawn = np.where(unpowered, early * (EARLY_OFF + LATE_OFF) - EARLY_OFF, memory.odd_dawn)
    memory.dusk = np.where(unpowered, USUAL_DUSK, memory.dusk)
    memory.dawn = np.where(unpowered, USUAL_DAWN, memory.dawn)


def _seen(dark: Bools) -> tuple[Floats, Floats]:
    """Steps at which a dusk and the dawn after it are certain; NaN where there was none."""
    steps = np.arange(STEPS)[:, None]
    night = dark.copy()
    for back in range(1, CONFIRM + 1):
        night[back:] &= dark[:-back]
    night[:CONFIRM] = False
    has_dusk = night.any(axis=0) & ~dark[0]
    dusk = night.argmax(axis=0)
    bright = ~dark
    for back in range(1, CONFIRM + 1):
        bright[back:] &= ~dark[:-back]
    bright &= steps > dusk + 12
    has_dawn = bright.any(axis=0) & has_dusk
    return np.where(has_dusk, dusk, np.nan), np.where(has_dawn, bright.argmax(axis=0), np.nan)


def _command(profiles: tuple[Profile, ...], which: Ints, on: Floats, off: Floats, expected: Floats) -> Floats:
    steps = np.arange(STEPS)[:, None]
    hour = STEP_S / 3600
    after, before = (steps - np.round(on)) * hour, (np.round(expected) - steps) * hour
    level = np.zeros(after.shape)
    for n, profile in enumerate(profiles):
        lamps = which == n
        if lamps.any():
            level[:, lamps] = command(profile, after[:, lamps], before[:, lamps])
    level[(steps < np.round(on)) | (steps >= np.round(off))] = 0
    return level
