"""What every store promises, as sentences, against every store there is, the real InfluxDB included."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from gateway.store import TABLES, Store
from gateway.stores import open_store
from gateway.stores.memory import MemoryStore
from tests.gateway.store_rows import NOON, at, frame, row, telemetry

BACKENDS = ["memory", "duckdb", pytest.param("influx", marks=pytest.mark.influxdb)]


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    match request.param:
        case "memory":
            return "memory:"
        case "duckdb":
            return f"duckdb:///{tmp_path}/{{world}}.duckdb"
    influx_url: str = request.getfixturevalue("influx").url
    return influx_url


@pytest.fixture
def opened(url: str, new_world: Callable[[], str]) -> Iterator[Store]:
    store = open_store(url, new_world())
    yield store
    store.drop()
    store.close()


class TestEveryStore:
    @pytest.mark.parametrize("table", TABLES)
    def test_an_empty_table_has_its_columns_and_no_extent(self, opened: Store, table: str) -> None:
        expected = pl.DataFrame(schema=dict(TABLES[table].schema))
        assert_frame_equal(opened.read(table), expected)
        assert_frame_equal(opened.latest(table), expected)
        assert opened.extent(table) is None

    @pytest.mark.parametrize("table", TABLES)
    def test_what_went_in_comes_out_in_order_of_time_then_key(self, opened: Store, table: str) -> None:
        first, second = row(table, 0, "a-2"), row(table, 0, "a-1")
        third = row(table, -5, "b-9", "bore", **_filled(table))
        opened.append(table, frame(table, first, second, third))
        assert_frame_equal(opened.read(table), frame(table, third, second, first))

    @pytest.mark.parametrize("table", TABLES)
    def test_a_row_of_which_nothing_is_known_is_a_row_all_the_same(self, opened: Store, table: str) -> None:
        opened.append(table, frame(table, row(table, 0)))
        for rows in (opened.read(table), opened.latest(table)):
            assert_frame_equal(rows, frame(table, row(table, 0)))
        assert opened.extent(table) == (at(0), at(0))

    @pytest.mark.parametrize("table", TABLES)
    def test_appending_twice_is_appending_once(self, opened: Store, table: str) -> None:
        rows = frame(table, *(row(table, i, **_filled(table)) for i in range(5)))
        opened.append(table, rows)
        opened.append(table, rows)
        opened.append(table, pl.concat([rows, rows]))
        assert_frame_equal(opened.read(table), rows)

    @pytest.mark.parametrize("table", TABLES)
    def test_a_later_append_replaces_the_whole_row_its_nulls_included(self, opened: Store, table: str) -> None:
        neighbour = row(table, 1, **_filled(table))
        opened.append(table, frame(table, row(table, 0, **_filled(table)), neighbour))
        opened.append(table, frame(table, row(table, 0)))
        assert_frame_equal(opened.read(table), frame(table, row(table, 0), neighbour))
        opened.append(table, frame(table, row(table, 0, **_filled(table))))
        assert_frame_equal(opened.read(table), frame(table, row(table, 0, **_filled(table)), neighbour))

    def test_of_two_rows_with_one_name_in_one_frame_the_last_counts(self, opened: Store) -> None:
        opened.append("telemetry", frame("telemetry", row("telemetry", 0, soc=1), row("telemetry", 0, soc=2)))
        assert opened.read("telemetry")["soc"].to_list() == [2]

    def test_the_span_includes_since_and_excludes_until(self, opened: Store) -> None:
        opened.append("telemetry", frame("telemetry", *(row("telemetry", i, soc=i) for i in range(5))))
        assert opened.read("telemetry", at(1), at(3))["soc"].to_list() == [1, 2]
        assert opened.read("telemetry", since=at(3))["soc"].to_list() == [3, 4]
        assert opened.read("telemetry", until=at(1))["soc"].to_list() == [0]
        assert opened.read("telemetry", at(3), at(1)).is_empty()

    def test_microseconds_are_kept(self, opened: Store) -> None:
        rows = frame("arrivals", *(row("arrivals", i / 60_000_000, received=at(i / 60_000_000)) for i in range(3)))
        opened.append("arrivals", rows)
        assert_frame_equal(opened.read("arrivals"), rows)
        assert len(opened.read("arrivals", since=rows["time"][1])) == 2

    def test_only_the_lamps_asked_for(self, opened: Store) -> None:
        opened.append("telemetry", telemetry(lamps=40, samples=2))
        assert opened.read("telemetry", lamps=["lamp-0031", "lamp-0002"])["lamp"].unique().sort().to_list() == [
            "lamp-0002",
            "lamp-0031",
        ]
        assert opened.read("telemetry", lamps=["nobody"]).is_empty()
        assert opened.read("telemetry", lamps=[]).is_empty()

    def test_only_the_columns_asked_for_in_that_order_rows_without_them_too(self, opened: Store) -> None:
        opened.append("telemetry", frame("telemetry", row("telemetry", 0, soc=3), row("telemetry", 1, rssi=-80)))
        rows = opened.read("telemetry", columns=["soc", "time", "rssi"])
        assert rows.columns == ["soc", "time", "rssi"]
        assert rows.rows() == [(3, at(0), None), (None, at(1), -80)]
        assert opened.read("telemetry", columns=["lamp"]).rows() == [("fatoma-07",), ("fatoma-07",)]

    def test_latest_is_the_newest_row_of_every_key_as_it_stands(self, opened: Store) -> None:
        old, new = row("telemetry", 0, "b-1", soc=50, rssi=-70), row("telemetry", 5, "b-1", soc=None, rssi=-71)
        other = row("telemetry", -900, "a-1", "bore", soc=7)
        opened.append("telemetry", frame("telemetry", new, old, other))
        assert_frame_equal(opened.latest("telemetry"), frame("telemetry", other, new))

    def test_latest_tells_events_of_one_lamp_apart(self, opened: Store) -> None:
        tilt, door = row("events", 0, event="tilt"), row("events", 0, event="door_open", received=at(1))
        opened.append("events", frame("events", tilt, row("events", -9, event="tilt"), door))
        assert_frame_equal(opened.latest("events"), frame("events", door, tilt))

    def test_extent_spans_all_lamps(self, opened: Store) -> None:
        opened.append(
            "nights", frame("nights", row("nights", 0, "a-1"), row("nights", 9, "b-1"), row("nights", 5, "c-1"))
        )
        assert opened.extent("nights") == (at(0), at(9))

    def test_what_is_no_number_is_not_measured(self, opened: Store) -> None:
        values = [float("nan"), float("inf"), -float("inf"), 1.5, 0.1]
        opened.append("nights", frame("nights", *(row("nights", i, sun=value) for i, value in enumerate(values))))
        assert opened.read("nights")["sun"].to_list() == frame(
            "nights", *(row("nights", i, sun=value) for i, value in enumerate([None, None, None, 1.5, 0.1]))
        )["sun"].to_list()  # fmt: skip

    def test_an_empty_append_changes_nothing(self, opened: Store) -> None:
        opened.append("telemetry", frame("telemetry"))
        assert opened.extent("telemetry") is None

    def test_a_frame_that_does_not_fit_its_table_is_a_mistake_that_is_named(self, opened: Store) -> None:
        with pytest.raises(ValueError, match=r"lacks \['soc'\]"):
            opened.append("telemetry", frame("telemetry").drop("soc"))
        with pytest.raises(ValueError, match="null in time"):
            opened.append("telemetry", frame("telemetry", row("telemetry", 0, time=None)))
        with pytest.raises(ValueError, match="no table 'moon'"):
            opened.read("moon")
        with pytest.raises(ValueError, match="has no moon"):
            opened.read("telemetry", columns=["moon"])
        with pytest.raises(ValueError, match="time zone"):
            opened.read("telemetry", since=NOON.replace(tzinfo=None))

    def test_dropped_is_gone_and_the_world_can_begin_again(self, opened: Store) -> None:
        for table in TABLES:
            opened.append(table, frame(table, row(table, 0)))
        opened.drop()
        assert [opened.extent(table) for table in TABLES] == [None] * len(TABLES)
        opened.append("telemetry", frame("telemetry", row("telemetry", 1)))
        assert opened.extent("telemetry") == (at(1), at(1))

    def test_two_worlds_do_not_see_each_other(self, url: str, new_world: Callable[[], str]) -> None:
        one, two = open_store(url, new_world()), open_store(url, new_world())
        one.append("telemetry", frame("telemetry", row("telemetry", 0, soc=1)))
        assert two.extent("telemetry") is None
        two.append("telemetry", frame("telemetry", row("telemetry", 0, soc=2)))
        two.drop()
        assert one.read("telemetry")["soc"].to_list() == [1]
        one.drop()
        one.close()
        two.close()

    def test_threads_may_share_it(self, opened: Store) -> None:
        batches = [telemetry(lamps=4, samples=25, since=at(n * 25 * 15)) for n in range(8)]
        with ThreadPoolExecutor(4) as pool:
            looks = [pool.submit(opened.read, "telemetry") for _ in range(8)]
            list(pool.map(lambda batch: opened.append("telemetry", batch), batches + batches))
        assert all(look.result().columns == list(TABLES["telemetry"].schema) for look in looks)
        assert_frame_equal(opened.read("telemetry"), pl.concat(batches).sort("time", "commune", "lamp"))

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_whatever_is_appended_it_holds_what_the_simplest_store_holds(
        self, opened: Store, data: st.DataObject
    ) -> None:
        opened.drop()
        model = MemoryStore()
        table = data.draw(st.sampled_from(sorted(TABLES)))
        for _ in range(data.draw(st.integers(1, 3))):
            rows = frame(table, *data.draw(st.lists(_rows(table), max_size=6)))
            opened.append(table, rows)
            model.append(table, rows)
        assert_frame_equal(opened.read(table), model.read(table))
        assert_frame_equal(opened.latest(table), model.latest(table))
        assert opened.extent(table) == model.extent(table)


def _filled(table: str) -> dict[str, Any]:
    """A value for every field, none of them the type's zero."""
    values: dict[type[pl.DataType], Any] = {
        pl.String: 'il a dit "c\'est éteint", a=b \\ c', pl.Int32: -7, pl.Int64: 2**60 + 1, pl.Float32: 0.1,
        pl.Float64: 1e-7, pl.Datetime: at(0.001), pl.Boolean: True,
    }  # fmt: skip
    return {name: values[type(TABLES[table].schema[name])] for name in TABLES[table].fields}


def _rows(table: str) -> st.SearchStrategy[dict[str, Any]]:
    """Rows of few lamps and minutes, so that they often meet, with any text and number in the fields."""
    values: dict[type[pl.DataType], st.SearchStrategy[Any]] = {
        pl.String: st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
        pl.Int32: st.integers(-(2**31), 2**31 - 1),
        pl.Int64: st.integers(-(2**63) + 1, 2**63 - 1),
        pl.Float32: st.floats(width=32, allow_nan=False, allow_infinity=False),
        pl.Float64: st.floats(allow_nan=False, allow_infinity=False),
        pl.Boolean: st.booleans(),
        pl.Datetime: st.integers(-(10**6), 10**6).map(at),
    }
    kinds = TABLES[table].schema
    key: dict[str, st.SearchStrategy[Any]] = {name: st.sampled_from(["", "a", "b-1"]) for name in TABLES[table].key}
    fields = {name: st.none() | values[type(kinds[name])] for name in TABLES[table].fields}
    return st.fixed_dictionaries({**key, "time": st.integers(0, 3).map(at), **fields})
