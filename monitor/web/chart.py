"""Small charts of a lamp's telemetry as SVG: lines in real units over the last days, nights shaded, gaps left open."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, floor, log10
from typing import Final

import polars as pl
from markupsafe import Markup

from gateway.store import Store
from monitor.web.dates import THIN, number, short_day

HEIGHT: Final = 100  # px of the plotting area
TOP: Final = 8  # px above it, for half a label
GUTTER: Final = 13  # % of the width, for the labels at its left
WIDE: Final = 1000  # SVG units of the whole time span; the picture stretches to the screen
STEPS: Final = {3: timedelta(minutes=20), 7: timedelta(minutes=45)}  # one point each: about 220 to a line
COLUMNS: Final = ("bat_mv", "pv_mv", "pv_ma", "led_mw", "target", "soc")


@dataclass(frozen=True)
class Traces:
    """A lamp's last days in equal steps; None where nothing was measured."""

    since: datetime
    until: datetime
    step: timedelta
    battery_v: Sequence[float | None]
    panel_w: Sequence[float | None]
    light_w: Sequence[float | None]
    night: Sequence[bool]  # light was on, or meant to be

    @property
    def empty(self) -> bool:
        return all(value is None for line in (self.battery_v, self.panel_w, self.light_w) for value in line)


def read_traces(store: Store, lamp: str, now: datetime, days: int) -> Traces:
    """The lamp's telemetry of the last `days` (3 or 7) days, averaged over steps. May raise StoreAway."""
    step = STEPS[days]
    until = now
    since = now - timedelta(days=days)
    frame = store.read("telemetry", since, until, lamps=[lamp], columns=["time", *COLUMNS])
    count = int((until - since) / step)
    micros = step // timedelta(microseconds=1)
    grouped = (
        frame.group_by(((pl.col("time") - since).dt.total_microseconds() // micros).alias("i"))
        .agg(
            (pl.col("bat_mv").mean() / 1e3).alias("battery"),
            ((pl.col("pv_mv").cast(pl.Int64) * pl.col("pv_ma")).mean() / 1e6).alias("panel"),
            (pl.col("led_mw").mean() / 1e3).alias("light"),
            ((pl.col("target").max() > 0) | (pl.col("led_mw").max() > 500)).fill_null(False).alias("night"),
        )
        .filter(pl.col("i").is_between(0, count - 1))
    )
    lines: dict[str, list[float | None]] = {name: [None] * count for name in ("battery", "panel", "light")}
    night = [False] * count
    for i, battery, panel, light, dark in grouped.select("i", "battery", "panel", "light", "night").iter_rows():
        lines["battery"][i], lines["panel"][i], lines["light"][i], night[i] = battery, panel, light, dark
    return Traces(since, until, step, lines["battery"], lines["panel"], lines["light"], night)


def chart(
    traces: Traces,
    values: Sequence[float | None],
    unit: str,
    label: str,
    language: str,
    marks: Sequence[tuple[float, str]] = (),
    zero: bool = True,
) -> Markup:
    """One line over the nights. `marks` are horizontal lines with a word each: a limit, a nameplate."""
    known = [v for v in values if v is not None]
    ticks = _ticks(known, [level for level, _ in marks], zero)
    low, high = ticks[0], ticks[-1]
    scale = HEIGHT / (high - low)
    n = len(values)

    def y(value: float) -> float:
        return round(HEIGHT - (value - low) * scale, 1)

    plot = [f'<path class="nt" d="{_shade(traces.night)}"/>']
    plot.append(f'<path class="gr" d="{"".join(f"M0 {y(tick)}H{WIDE}" for tick in ticks)}"/>')
    plot += [f'<path class="mk" d="M0 {y(level)}H{WIDE}"/>' for level, _ in marks if low <= level <= high]
    plot.append(f'<path class="ln" d="{_line([None if v is None else y(v) for v in values], n)}"/>')
    digits = 0 if all(float(tick).is_integer() for tick in ticks) else 1
    texts = [
        f'<text x="{GUTTER - 1}%" y="{y(tick) + TOP + 4:g}" text-anchor="end">{number(tick, language, digits)}'
        f"{THIN + unit if tick == high else ''}</text>"
        for tick in ticks
    ]
    texts += [
        f'<text x="99.5%" y="{y(level) + TOP + (13 if y(level) < 14 else -4):g}" text-anchor="end">{word}</text>'
        for level, word in marks
        if low <= level <= high
    ]
    texts += _days(traces, language)
    return Markup('<svg class="chart" height="{}" role="img" aria-label="{}">{}</svg>').format(
        HEIGHT + TOP + 20,
        label,
        Markup(
            f'<svg x="{GUTTER}%" y="{TOP}" width="{100 - GUTTER}%" height="{HEIGHT}" viewBox="0 0 {WIDE} {HEIGHT}" '
            'preserveAspectRatio="none">' + "".join(plot) + "</svg>" + "".join(texts)
        ),
    )


def _ticks(known: list[float], marks: list[float], zero: bool) -> list[float]:
    """Round values, three to five of them, that hold everything drawn between the first and the last."""
    values = known + marks + ([0.0] if zero else [])
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    size = max(high - low, 0.4)
    power = 10.0 ** floor(log10(size / 2))
    step = next(power * n for n in (1, 2, 5, 10) if size / (power * n) <= 3)
    first = floor(low / step + 1e-9)
    last = max(first + 1, ceil(high / step - 1e-9))
    return [round(i * step, 6) for i in range(first, last + 1)]


def _shade(night: Sequence[bool]) -> str:
    """One rectangle per night; a dropout of a step within a night does not split it."""
    wide = WIDE / max(1, len(night))
    parts = []
    start = None
    for i, dark in enumerate([*night, False]):
        if dark and start is None:
            start = i
        elif not dark and start is not None and not any(night[i : i + 2]):
            parts.append(f"M{round(start * wide)} 0H{round(i * wide)}V{HEIGHT}H{round(start * wide)}z")
            start = None
    return "".join(parts)


def _line(ys: Sequence[float | None], n: int) -> str:
    """Absolute first point, relative whole steps after it; a gap of more than two steps lifts the pen."""
    wide = WIDE / max(1, n)
    parts = []
    last: tuple[int, float, int] | None = None  # x, y, index of the last point
    for i, y in enumerate(ys):
        if y is None:
            continue
        x = round((i + 0.5) * wide)
        if last is None or i - last[2] > 2:
            parts.append(f"M{x} {y:g}l0 0")
        else:
            parts.append(f"L{x} {y:g}")
        last = (x, y, i)
    return "".join(parts)


def _days(traces: Traces, language: str) -> list[str]:
    """A date under each midnight, where there is room for it."""
    total = (traces.until - traces.since).total_seconds()
    midnight = traces.since.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    texts = []
    every = 1 if total < 4 * 86400 else 2
    index = 0
    while midnight < traces.until:
        share = (midnight - traces.since).total_seconds() / total
        if 0.05 < share < 0.93 and index % every == 0:
            texts.append(
                f'<text x="{GUTTER + share * (100 - GUTTER):.1f}%" y="{HEIGHT + TOP + 16}" text-anchor="middle">'
                f"{short_day(midnight.date(), language)}</text>"
            )
        midnight += timedelta(days=1)
        index += 1
    return texts
