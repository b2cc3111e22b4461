"""How fast the plant is: CPU seconds, memory, and whether both grow no faster than lamps and nights."""

import resource
import time
from dataclasses import replace
from datetime import UTC, datetime

from firmware_sim.mishaps import FLAWS
from firmware_sim.plant import Plant
from firmware_sim.scenario import Scenario
from gateway.fleet import Fleet
from tests.firmware_sim.worlds import SHIPPED

Row = tuple[str, float, str]
START = datetime(2026, 1, 1, 12, tzinfo=UTC)
RATES = dict.fromkeys(FLAWS, 0.1)


def run() -> list[Row]:
    """Three sizes in nights, three in lamps, and the year of the promise."""
    rows: list[Row] = []
    _cpu(1, 2)  # the first call imports the sky's tables
    for nights in (20, 40, 80):
        rows.append((f"plant: 200 lamps × {nights} nights, CPU a night", 1000 * _cpu(1, nights) / nights, "ms"))
    for times in (1, 4, 16):
        rows.append(
            (f"plant: {200 * times} lamps × 10 nights, CPU a lamp-night", 1e6 * _cpu(times, 10) / times / 2000, "µs")
        )
    wall = time.perf_counter()
    cpu = _cpu(1, 365)
    rows.append(("plant: 200 lamps × 365 nights × 5 min, wall", time.perf_counter() - wall, "s (< 60)"))
    rows.append(("plant: 200 lamps × 365 nights × 5 min, CPU", cpu, "s"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    rows.append(("plant: peak memory of this process", peak, "GB (< 2)"))
    return rows


def _cpu(times: int, nights: int) -> float:
    """CPU seconds for `times` copies of the shipped fleet, samples every 15 minutes taken and thrown away."""
    plant = Plant(_copies(times), Scenario("bench", START, nights, rates=RATES), 1)
    begin = time.process_time()
    for _ in plant.nights():
        pass
    return time.process_time() - begin


def _copies(times: int) -> Fleet:
    """The shipped lamps and communes `times` over, so that communes grow with lamps as they do in the field."""
    communes, lamps = {}, {}
    for n in range(times):
        for commune in SHIPPED.communes.values():
            communes[f"{commune.id}-{n}"] = replace(commune, id=f"{commune.id}-{n}")
        for lamp in SHIPPED.lamps.values():
            lamps[f"{lamp.id}-{n}"] = replace(lamp, id=f"{lamp.id}-{n}", commune=f"{lamp.commune}-{n}")
    return Fleet(communes, lamps)


if __name__ == "__main__":
    for name, figure, unit in run():
        print(f"{name:60} {figure:10.1f} {unit}")  # noqa: T201 - a bench prints
