"""What is drawn is what is known: each night a square, each gap a gap, each village on its map."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.stores import open_store
from monitor.web.chart import HEIGHT, Traces, _ticks, chart, read_traces
from monitor.web.plan import WIDTH, Place, _apart, fleet_map
from monitor.web.strip import TILE, share_bar, strip
from tests.monitor.web.village import NOW, fleet, telemetry

letters = st.text("lpdu.", min_size=1, max_size=60)


def drawn(svg: str, columns: int) -> dict[int, str]:
    """Which letter covers which square, read back from the paths."""
    squares: dict[int, str] = {}
    for letter, path in re.findall(r'fill="url\(#n(\w)\)" d="([^"]*)"', svg):
        for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v9", path):
            for i in range(int(width) // TILE):
                square = int(y) // TILE * columns + int(x) // TILE + i
                assert square not in squares
                squares[square] = letter
    return squares


@given(letters)
def test_a_strip_is_every_night_once(text: str) -> None:
    expected = {i: letter for i, letter in enumerate(text) if letter != "."}
    assert drawn(strip(text, "x"), len(text)) == expected
    assert drawn(strip(text, "x", per_row=10), 10) == expected


def test_a_strip_of_thirty_equal_nights_is_one_rectangle() -> None:
    svg = strip("l" * 30, "x")
    assert svg.count("M") == 1
    assert len(svg) < 200


def test_what_a_picture_shows_is_said_in_words_that_cannot_break_out() -> None:
    assert 'aria-label="a &#34;b&#34; &lt;c&gt;"' in strip("l", 'a "b" <c>')


@given(st.lists(st.integers(0, 200), min_size=4, max_size=4))
def test_a_single_lamp_is_seen_in_the_bar(counts: list[int]) -> None:
    svg = share_bar(list(zip("lpdu", counts, strict=True)), "x")
    for letter, n in zip("lpdu", counts, strict=True):
        assert (f"url(#n{letter})" in svg) == (n > 0)


def test_telemetry_is_averaged_into_steps_and_a_dropout_stays_a_gap() -> None:
    store = open_store("memory:", "w")
    store.append("telemetry", telemetry("fatoma-05"))
    traces = read_traces(store, "fatoma-05", NOW, 3)
    assert len(traces.battery_v) == len(traces.night) == 216
    gap = [i for i, value in enumerate(traces.battery_v) if value is None]
    assert 10 <= len(gap) <= 13
    assert gap == list(range(gap[0], gap[-1] + 1))
    start = traces.since + gap[0] * traces.step
    assert abs(start - datetime(2026, 11, 21, 9, tzinfo=UTC)) <= traces.step
    assert max(value or 0 for value in traces.light_w) == 30
    night = [traces.since + i * traces.step for i, dark in enumerate(traces.night) if dark]
    assert all(time.hour >= 18 or time.hour <= 6 for time in night)
    svg = chart(traces, traces.battery_v, "V", "x", "fr", zero=False)
    line = re.search(r'class="ln" d="([^"]*)"', svg)
    assert line
    assert line.group(1).count("M") == 2
    assert len(svg) < 4000


def test_a_line_stays_inside_its_picture() -> None:
    values = [0.0, 31.5, None, None, None, 12.25, 100.0]
    traces = Traces(NOW - timedelta(days=3), NOW, timedelta(minutes=20), values, values, values, [False] * 7)
    svg = chart(traces, values, "W", "x", "fr", [(100.0, "nominal")])
    ys = [float(y) for y in re.findall(r"[ML]\d+ ([\d.]+)", svg)]
    assert ys
    assert all(0 <= y <= HEIGHT for y in ys)


@given(
    st.lists(st.floats(-1000, 1000, allow_nan=False), max_size=20),
    st.lists(st.floats(-1000, 1000, allow_nan=False), max_size=2),
    st.booleans(),
)
def test_the_scale_is_round_and_holds_everything(known: list[float], marks: list[float], zero: bool) -> None:
    ticks = _ticks(known, marks, zero)
    assert 2 <= len(ticks) <= 6
    assert all(ticks[0] - 1e-6 <= value <= ticks[-1] + 1e-6 for value in known + marks)
    if zero:
        assert ticks[0] <= 0 <= ticks[-1]
    steps = {round(b - a, 4) for a, b in pairwise(ticks)}
    assert len(steps) == 1


def test_every_village_is_on_the_map_as_a_link_with_its_lamps() -> None:
    places = [
        Place(c.latitude, c.longitude, c.name, f"/communes/{c.id}", "l" * 18 + "du", "18 éclairées")
        for c in fleet().communes.values()
    ]
    svg = fleet_map(places, "Carte")
    assert svg.count("<a ") == 10
    assert svg.count(">18/20<") == 10
    assert fleet_map([], "Carte") == ""


@given(st.lists(st.tuples(st.floats(30, 330), st.floats(40, 420)), min_size=1, max_size=10))
def test_villages_that_lie_close_are_moved_apart_and_stay_on_the_map(points: list[tuple[float, float]]) -> None:
    moved = _apart(points, 54, 72, WIDTH, 460)
    assert all(27 <= x <= WIDTH - 27 and 36 <= y <= 424 for x, y in moved)


def test_the_real_villages_do_not_cover_each_other() -> None:
    places = [Place(c.latitude, c.longitude, c.name, "/", "l" * 20, "") for c in fleet().communes.values()]
    corners = [
        (float(x), float(y)) for x, y in re.findall(r"translate\(([\d.]+) ([\d.]+)\)", str(fleet_map(places, "x")))
    ]
    assert len(corners) == 10
    for i, (x, y) in enumerate(corners):
        for other_x, other_y in corners[i + 1 :]:
            assert abs(x - other_x) >= 40 or abs(y - other_y) >= 60
