"""The signature picture: one small square per night and lamp. Compact SVG: a run of equal nights is one rectangle.

Amber is lit, half amber is partly, black is dark, hatched is unknown: shapes differ as well as colours.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from markupsafe import Markup

from monitor.web.ledger import DARK, LIT, PARTLY, UNKNOWN

TILE: Final = 10  # SVG units per night
DRAWN: Final = (LIT, PARTLY, DARK, UNKNOWN)
AMBER: Final = "#f0a000"
INK: Final = "#111"

_SQUARES: Final = {
    LIT: f'<rect width="9" height="9" rx="1" fill="{AMBER}"/>',
    PARTLY: (
        f'<rect x=".5" y=".5" width="8" height="8" rx=".6" fill="#fff" stroke="{INK}"/>'
        f'<path d="M0 9V4.5h9V9z" fill="{AMBER}"/><path d="M.5 4.5V8.5h8v-4z" fill="{AMBER}" stroke="{INK}"/>'
    ),
    DARK: f'<rect width="9" height="9" rx="1" fill="{INK}"/>',
    UNKNOWN: (
        '<rect x=".4" y=".4" width="8.2" height="8.2" rx=".6" fill="#fff" stroke="#777" stroke-width=".8"/>'
        '<path d="M1 5l4-4M1 8.6L8.6 1M4.4 8.6l4.2-4.2" stroke="#777" stroke-width="1"/>'
    ),
}


def patterns() -> Markup:
    """The four squares, once per page; every strip paints with them."""
    tiles = "".join(
        f'<pattern id="n{letter}" width="{TILE}" height="{TILE}" patternUnits="userSpaceOnUse">{square}</pattern>'
        for letter, square in _SQUARES.items()
    )
    return Markup(f'<svg class="defs" width="0" height="0" aria-hidden="true"><defs>{tiles}</defs></svg>')


def strip(letters: str, label: str, per_row: int | None = None, css: str = "strip") -> Markup:
    """Nights from left to right, oldest first; with `per_row`, in rows (one night of many lamps as a block).

    `label` says in words what the picture shows.
    """
    width = per_row or len(letters) or 1
    rows = [letters[i : i + width] for i in range(0, len(letters), width)]
    paths: dict[str, list[str]] = {letter: [] for letter in DRAWN}
    for y, row in enumerate(rows):
        x = 0
        for letter, run in groupby(row):
            n = len(list(run))
            if letter in paths:
                paths[letter].append(f"M{x * TILE} {y * TILE}h{n * TILE}v9h-{n * TILE}z")
            x += n
    drawn = "".join(f'<path fill="url(#n{letter})" d="{"".join(d)}"/>' for letter, d in paths.items() if d)
    box = f"0 0 {width * TILE - 1} {max(1, len(rows)) * TILE - 1}"
    return Markup('<svg class="{}" viewBox="{}" role="img" aria-label="{}">{}</svg>').format(
        css, box, label, Markup(drawn)
    )


def square(letter: str) -> Markup:
    """One square, for a legend; decoration beside its word."""
    return Markup(
        f'<svg class="sq" viewBox="0 0 9 9" aria-hidden="true"><path fill="url(#n{letter})" d="M0 0h9v9H0z"/></svg>'
    )


def share_bar(counts: Sequence[tuple[str, int]], label: str) -> Markup:
    """A bar whose lengths are the counts, in the colours and shapes of the nights."""
    total = sum(n for _, n in counts) or 1
    wide = 60 * TILE
    x = 0
    parts = []
    for letter, n in counts:
        if n:
            width = max(1, round(n / total * 60))  # at least one square: a single dark lamp must be seen
            parts.append(f'<path fill="url(#n{letter})" d="M{x * TILE} 0h{width * TILE}v9h-{width * TILE}z"/>')
            x += width
    return Markup('<svg class="share" viewBox="0 0 {} 9" role="img" aria-label="{}">{}</svg>').format(
        max(x * TILE, wide) - 1, label, Markup("".join(parts))
    )
