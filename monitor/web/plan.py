"""Maps drawn from positions alone, without tiles: villages of a fleet, lamps of a village. North is up."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, hypot, radians
from typing import Final

from markupsafe import Markup, escape

from monitor.web.ledger import DARK, LIT, PARTLY, UNKNOWN
from monitor.web.strip import DRAWN, TILE

WIDTH: Final = 360
KM_PER_DEGREE: Final = 111.2
TILE_ON_MAP: Final = 0.8  # a village's squares, against those of a strip


@dataclass(frozen=True, slots=True)
class Place:
    """One thing on a map."""

    latitude: float
    longitude: float
    name: str
    link: str
    letters: str  # a village: its lamps' last night; a lamp: one letter
    words: str  # the same in words


def fleet_map(places: Sequence[Place], label: str, scale_word: str = "km") -> Markup:
    """Each village as its block of lamps where it lies; neighbours that would overlap are moved apart a little."""
    if not places:
        return Markup("")
    columns = 5
    half = columns * TILE * TILE_ON_MAP / 2 + 6
    points, height, km = _project(places, margin_x=half + 8, margin_y=34, most=460)
    points = _apart(points, dx=2 * half + 2, dy=72, width=WIDTH, height=height)
    parts = []
    for place, (x, y) in zip(places, points, strict=True):
        rows = -(-len(place.letters) // columns)
        left, top = x - columns * TILE * TILE_ON_MAP / 2, y - rows * TILE * TILE_ON_MAP / 2
        lit = place.letters.count(LIT)
        parts.append(
            f'<a href="{escape(place.link)}"><title>{escape(place.words)}</title>'
            f'<rect x="{left - 6:.0f}" y="{top - 18:.0f}" width="{2 * half:.0f}" height="{rows * 8 + 34:.0f}" '
            f'fill="#fff" fill-opacity=".01"/>'
            f'<text x="{x:.0f}" y="{top - 4:.0f}" text-anchor="middle">{escape(place.name)}</text>'
            f'<g transform="translate({left:.1f} {top:.1f}) scale({TILE_ON_MAP})">{_block(place.letters, columns)}</g>'
            f'<text x="{x:.0f}" y="{top + rows * 8 + 12:.0f}" text-anchor="middle" class="b">'
            f"{'?' if set(place.letters) == {UNKNOWN} else lit}/{len(place.letters)}</text></a>"
        )
    return _svg("".join(parts) + _scale(km, height, scale_word), height, label)


def commune_map(places: Sequence[Place], label: str, scale_word: str = "m") -> Markup:
    """Each lamp of a village as its square with its number."""
    if not places:
        return Markup("")
    points, height, km = _project(places, margin_x=24, margin_y=28, most=380)
    points = _apart(points, dx=26, dy=30, width=WIDTH, height=height)
    parts = []
    for place, (x, y) in zip(places, points, strict=True):
        letter = place.letters if place.letters in DRAWN else UNKNOWN
        parts.append(
            f'<a href="{escape(place.link)}"><title>{escape(place.words)}</title>'
            f'<circle cx="{x:.0f}" cy="{y - 4:.0f}" r="15" fill="#fff" fill-opacity=".01"/>'
            f'<g transform="translate({x - 7:.1f} {y - 7:.1f}) scale(1.5)">'
            f'<path fill="url(#n{letter})" d="M0 0h9v9H0z"/></g>'
            f'<text x="{x:.0f}" y="{y - 10:.0f}" text-anchor="middle">{escape(place.name)}</text></a>'
        )
    return _svg("".join(parts) + _scale(km, height, scale_word), height, label)


def _block(letters: str, columns: int) -> str:
    paths: dict[str, list[str]] = {letter: [] for letter in (LIT, PARTLY, DARK, UNKNOWN)}
    for i, letter in enumerate(letters):
        if letter in paths:
            paths[letter].append(f"M{i % columns * TILE} {i // columns * TILE}h9v9h-9z")
    return "".join(f'<path fill="url(#n{letter})" d="{"".join(d)}"/>' for letter, d in paths.items() if d)


def _project(
    places: Sequence[Place], margin_x: float, margin_y: float, most: float
) -> tuple[list[tuple[float, float]], float, float]:
    """Equirectangular about the middle: points (px), height (px), and px per kilometre."""
    middle = sum(p.latitude for p in places) / len(places)
    xs = [p.longitude * cos(radians(middle)) * KM_PER_DEGREE for p in places]
    ys = [-p.latitude * KM_PER_DEGREE for p in places]
    wide, tall = max(max(xs) - min(xs), 1e-3), max(max(ys) - min(ys), 1e-3)
    scale = min((WIDTH - 2 * margin_x) / wide, (most - 2 * margin_y) / tall)
    height = round(tall * scale + 2 * margin_y)
    left = (WIDTH - wide * scale) / 2
    points = [((x - min(xs)) * scale + left, (y - min(ys)) * scale + margin_y) for x, y in zip(xs, ys, strict=True)]
    return points, height, scale


def _apart(
    points: Sequence[tuple[float, float]], dx: float, dy: float, width: float, height: float
) -> list[tuple[float, float]]:
    """Pushes boxes of dx × dy that overlap away from each other, along the shorter way, and keeps them on the map."""
    moved = [list(p) for p in points]
    for _ in range(60):
        still = True
        for i, a in enumerate(moved):
            for b in moved[i + 1 :]:
                over_x, over_y = dx - abs(a[0] - b[0]), dy - abs(a[1] - b[1])
                if over_x <= 0.5 or over_y <= 0.5:
                    continue
                still = False
                axis, over = (0, over_x) if over_x / dx < over_y / dy else (1, over_y)
                way = 1 if a[axis] <= b[axis] else -1
                a[axis] -= way * over / 2
                b[axis] += way * over / 2
        for p in moved:
            p[0] = min(max(p[0], dx / 2), width - dx / 2)
            p[1] = min(max(p[1], dy / 2), height - dy / 2)
        if still:
            break
    return [(p[0], p[1]) for p in moved]


def _scale(px_per_km: float, height: float, word: str) -> str:
    """A bar of a round length, and which way north is."""
    per_unit = px_per_km if word == "km" else px_per_km / 1000
    length = next((n for n in (500, 200, 100, 50, 20, 10, 5, 2, 1) if n * per_unit <= 90), 1)
    px = length * per_unit
    return (
        f'<path class="sc" d="M8 {height + 6}v6h{px:.0f}v-6"/>'
        f'<text x="{px + 14:.0f}" y="{height + 13}">{length} {word}</text>'
        f'<path class="sc" d="M{WIDTH - 12} {height + 14}v-14m-4 5l4-5l4 5"/>'
        f'<text x="{WIDTH - 22}" y="{height + 13}" text-anchor="end">N</text>'
    )


def _svg(inner: str, height: float, label: str) -> Markup:
    return Markup('<svg class="map" viewBox="0 0 {} {}" role="group" aria-label="{}">{}</svg>').format(
        WIDTH, height + 22, label, Markup(inner)
    )


def spread(places: Sequence[Place]) -> float:
    """How far apart the outermost places are, km."""
    middle = sum(p.latitude for p in places) / len(places)
    wide = (max(p.longitude for p in places) - min(p.longitude for p in places)) * cos(radians(middle))
    return hypot(wide, max(p.latitude for p in places) - min(p.latitude for p in places)) * KM_PER_DEGREE
