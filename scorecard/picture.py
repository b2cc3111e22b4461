"""The scorecard in one picture (SVG): recall kind by kind with its interval, and false alarms by scenario."""

import math
from html import escape
from typing import Final

from scorecard.figures import HARD, Figures, Rate, Share
from scorecard.intervals import Interval

WIDTH: Final = 920
LEFT: Final = 190
RIGHT: Final = 60
LINE: Final = 30
OURS, NAIVE, INK, FAINT = "#0072b2", "#d55e00", "#1a1a1a", "#b8b8b8"  # apart for every eye (Okabe and Ito)
LOW, HIGH = 0.01, 100.0  # false alarms per lamp-year, logarithmic


def svg(ours: Figures, naive: Figures) -> str:
    kinds = sorted(ours.kinds, key=lambda kind: (kind not in HARD, kind))
    scenarios = list(ours.false_by_scenario)
    second = 110 + LINE * len(kinds) + 70
    height = second + LINE * len(scenarios) + 60
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        f'font-size="14" fill="{INK}">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(20, 34, f"Faults found, of all that happened ({ours.lamp_years:.0f} lamp-years)", "bold 18"),
        _legend(60),
    ]
    for at in (0.0, 0.25, 0.5, 0.75, 1.0):
        out.append(_grid(_linear(at), 84, 100 + LINE * len(kinds), f"{at:.0%}"))
    for n, kind in enumerate(kinds):
        y = 112 + LINE * n
        out.append(_text(LEFT - 12, y + 5, kind, anchor="end"))
        out.append(_text(WIDTH - RIGHT + 12, y + 5, f"n={ours.kinds[kind].found.trials}", "12"))
        out += _mark(_share(naive.kinds[kind].found), y + 6, NAIVE, square=True)
        out += _mark(_share(ours.kinds[kind].found), y - 4, OURS)
    out.append(_text(20, second - 32, "False alarms per lamp and year (logarithmic)", "bold 18"))
    for at in (0.01, 0.05, 0.5, 5.0, 50.0):
        name = {0.05: "0.05 aim", 0.5: "0.5 good"}.get(at, f"{at:g}")
        out.append(_grid(_logarithmic(at), second - 14, second + 2 + LINE * len(scenarios), name))
    for n, name in enumerate(scenarios):
        y = second + 14 + LINE * n
        out.append(_text(LEFT - 12, y + 5, name, anchor="end"))
        out += _mark(_rate(naive.false_by_scenario[name]), y + 6, NAIVE, square=True)
        out += _mark(_rate(ours.false_by_scenario[name]), y - 4, OURS)
    return "\n".join([*out, "</svg>", ""])


Marked = tuple[float, Interval] | None  # places on the page


def _share(one: Share) -> Marked:
    if one.value is None:
        return None
    low, high = one.interval
    return _linear(one.value), (_linear(low), _linear(high))


def _rate(one: Rate) -> Marked:
    if one.value is None:
        return None
    low, high = one.interval
    return _logarithmic(one.value), (_logarithmic(low), _logarithmic(high))


def _linear(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _logarithmic(rate: float) -> float:
    place = math.log(min(max(rate, LOW), HIGH) / LOW) / math.log(HIGH / LOW)
    return LEFT + place * (WIDTH - LEFT - RIGHT)


def _mark(marked: Marked, y: float, colour: str, square: bool = False) -> list[str]:
    if marked is None:
        return []
    x, (low, high) = marked
    shape = (
        f'<rect x="{x - 5:.1f}" y="{y - 5:.1f}" width="10" height="10" fill="{colour}"/>'
        if square
        else f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5.5" fill="{colour}"/>'
    )
    line = f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="{colour}" stroke-width="2.5"/>'
    return [line, shape]


def _grid(x: float, top: float, bottom: float, name: str) -> str:
    line = f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top:.1f}" y2="{bottom:.1f}" stroke="{FAINT}"/>'
    return line + _text(x, bottom + 16, name, "12", "middle")


def _legend(y: float) -> str:
    return "".join(
        [
            *_mark((LEFT, (LEFT - 16, LEFT + 16)), y, OURS), _text(LEFT + 24, y + 5, "TREZOR"),
            *_mark((LEFT + 130, (LEFT + 114, LEFT + 146)), y, NAIVE, square=True),
            _text(LEFT + 154, y + 5, "plain thresholds on the same worlds; lines are 95 % intervals"),
        ]
    )  # fmt: skip


def _text(x: float, y: float, words: str, style: str = "", anchor: str = "start") -> str:
    weight = ' font-weight="bold"' if "bold" in style else ""
    size = style.removeprefix("bold").strip()
    sized = f' font-size="{size}"' if size else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{weight}{sized}>{escape(words)}</text>'
