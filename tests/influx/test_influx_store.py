"""What goes wrong with a real InfluxDB, and what the store makes of it: nothing is lost, nothing swallowed."""

import random
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import polars as pl
import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from gateway.store import Store, StoreAway, WriteRefused
from gateway.stores import open_store
from tests.gateway.store_rows import at, frame, row, telemetry
from tests.influx_server import Influx

pytestmark = pytest.mark.influxdb


@pytest.fixture
def world(new_world: Callable[[], str]) -> str:
    return new_world()


@pytest.fixture
def store(influx: Influx, world: str) -> Iterator[Store]:
    opened = open_store(influx.url, world)
    yield opened
    influx.start()
    opened.drop()
    opened.close()


class TestAServerThatGoesAway:
    def test_it_may_be_away_when_the_store_is_opened(self, influx: Influx, store: Store) -> None:
        influx.stop()
        with pytest.raises(StoreAway, match="cannot be reached"):
            store.append("telemetry", telemetry(2, 3))
        influx.start()
        store.append("telemetry", telemetry(2, 3))
        assert len(store.read("telemetry")) == 6

    @pytest.mark.parametrize("proxy", [True, False])
    def test_every_verb_says_so_and_works_again_afterwards(self, influx: Influx, store: Store, proxy: bool) -> None:
        store.append("telemetry", telemetry(2, 3))
        influx.stop(proxy=proxy)
        verbs: list[Callable[[], object]] = [
            lambda: store.append("telemetry", telemetry(2, 4)),
            lambda: store.read("telemetry"),
            lambda: store.latest("telemetry"),
            lambda: store.extent("telemetry"),
            store.drop,
        ]
        for verb in verbs:
            with pytest.raises(StoreAway, match="cannot be reached" if proxy else "answered 502"):
                verb()
        influx.start()
        store.append("telemetry", telemetry(2, 4))
        assert len(store.read("telemetry")) == 8

    def test_what_append_returned_from_outlives_a_kill(self, influx: Influx, store: Store) -> None:
        batches = [telemetry(5, 20, since=at(n * 300), seed=n) for n in range(4)]
        for batch in batches:
            store.append("telemetry", batch)
            influx.stop(kill=True)
            influx.start()
        assert_frame_equal(store.read("telemetry"), pl.concat(batches).sort("time", "commune", "lamp"))

    def test_a_database_dropped_behind_its_back_is_made_anew(self, influx: Influx, store: Store, world: str) -> None:
        store.append("nights", frame("nights", row("nights", 0)))
        for database in (world, f"{world}_kept"):
            requests.post(f"{influx.http_url}/query", data={"q": f'DROP DATABASE "{database}"'}, timeout=30)
        with pytest.raises(StoreAway, match="not found"):
            store.append("telemetry", telemetry(1, 2))
        store.append("telemetry", telemetry(1, 2))
        assert len(store.read("telemetry")) == 2
        assert store.extent("nights") is None


class TestRowsTheServerWillNeverTake:
    def test_beyond_the_retention_is_refused_and_its_neighbours_can_be_written(self, store: Store) -> None:
        now = datetime.now(UTC).replace(microsecond=0)
        # A file of seven days goes as a whole: what lies in one that is kept in part is still taken.
        old, young = now - timedelta(days=408), now - timedelta(days=399)
        rows = frame("telemetry", row("telemetry", 0, time=old, soc=1), row("telemetry", 0, time=young, soc=2))
        with pytest.raises(WriteRefused, match="retention"):
            store.append("telemetry", rows)
        with pytest.raises(WriteRefused, match="retention"):
            store.append("telemetry", rows.head(1))
        store.append("telemetry", rows.tail(1))
        assert store.read("telemetry")["soc"].to_list() == [2]

    def test_nights_are_kept_for_ever_and_raw_data_too_where_that_is_asked(self, influx: Influx, world: str) -> None:
        store = open_store(f"{influx.url}/?raw_days=0", world)
        long_ago = datetime(2016, 2, 29, tzinfo=UTC)
        for table in ("telemetry", "nights"):
            store.append(table, frame(table, row(table, 0, time=long_ago)))
            assert store.extent(table) == (long_ago, long_ago)
        store.drop()
        store.close()

    def test_a_field_that_the_server_knows_with_another_type(self, influx: Influx, store: Store, world: str) -> None:
        assert store.extent("telemetry") is None  # makes the databases
        line = f"telemetry,lamp=x soc=1.5 {int(at(0).timestamp()) * 10**9}"
        requests.post(f"{influx.http_url}/write", params={"db": world}, data=line, timeout=30).raise_for_status()
        with pytest.raises(WriteRefused, match="field type conflict"):
            store.append("telemetry", frame("telemetry", row("telemetry", 1, soc=1)))

    def test_a_key_that_line_protocol_cannot_say_is_refused(self, store: Store) -> None:
        for lamp in ("a\nb", "a\\"):
            with pytest.raises(WriteRefused, match="cannot hold a lamp"):
                store.append("telemetry", frame("telemetry", row("telemetry", 0, lamp)))


class TestText:
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        texts=st.lists(
            st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\\\"',= \n\t\r"), max_size=20)
        ),
        lamp=st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\\\"', ="), max_size=12).filter(
            lambda text: not text.endswith("\\")
        ),
    )
    def test_any_text_comes_back_as_it_went(self, store: Store, texts: list[str], lamp: str) -> None:
        store.drop()
        rows = frame("quarantine", *(row("quarantine", i, lamp, payload=t, reason=t) for i, t in enumerate(texts)))
        store.append("quarantine", rows)
        assert_frame_equal(store.read("quarantine"), rows)
        assert_frame_equal(store.read("quarantine", lamps=[lamp]), rows)
        store.append("quarantine", rows.with_columns(reason=None))  # deletes by this very key
        assert_frame_equal(store.read("quarantine"), rows.with_columns(reason=pl.lit(None, pl.String)))

    def test_a_batch_larger_than_proxies_let_pass_is_sent_in_pieces(self, store: Store) -> None:
        noise = random.Random(1)
        payloads = [noise.randbytes(8_000).hex() for _ in range(400)]  # 6.4 MB, half of that by gzip
        rows = frame("quarantine", *(row("quarantine", i, payload=text) for i, text in enumerate(payloads)))
        store.append("quarantine", rows)
        assert store.read("quarantine")["payload"].to_list() == payloads

    def test_more_lamps_than_a_condition_holds(self, store: Store) -> None:
        store.append("telemetry", telemetry(lamps=260, samples=1))
        lamps = [f"lamp-{i:04d}" for i in range(5, 255)]
        assert store.read("telemetry", lamps=lamps)["lamp"].to_list() == lamps


class _Impostor(BaseHTTPRequestHandler):
    """Answers like InfluxDB until it matters: takes writes with 200, and breaks off its answers."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(204)
        self.send_header("X-Influxdb-Version", "1.6.7")
        self.end_headers()

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"]))
        said = b'{"results":[{"series":[{"columns":["name"],"values":[["w"],["w_kept"]]}]}]}\n'
        broken = b"telemetry" in asked
        self.send_response(200)
        self.send_header("Content-Length", str(len(said) + (100 if broken else 0)))
        self.end_headers()
        self.wfile.write(said if not broken else said[:40])
        self.wfile.flush()
        if broken:
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        pass


def test_no_failure_is_swallowed_a_200_for_a_write_or_half_an_answer_is_one() -> None:
    web = ThreadingHTTPServer(("127.0.0.1", 0), _Impostor)
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    store = open_store(f"influxdb://127.0.0.1:{web.server_address[1]}", "w")
    try:
        with pytest.raises(StoreAway, match="200 instead of 204"):
            store.append("lost", frame("lost", row("lost", 0, boot=1, from_seq=1, to_seq=1)))
        with pytest.raises(StoreAway, match="broke off"):
            store.read("telemetry")
    finally:
        store.close()
        web.shutdown()
        web.server_close()
        thread.join()
