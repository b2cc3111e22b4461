"""The embedded store and its file: worlds, locks, full disks, kills, old files."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from gateway.store import RAW_DAYS, TABLES, Store, StoreAway
from gateway.stores import open_store
from tests.gateway.store_rows import at, frame, row, telemetry

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "new" / "folder" / "trezor.duckdb"


@pytest.fixture
def store(file: Path) -> Iterator[Store]:
    opened = open_store(f"duckdb:///{file}", "trezor")
    yield opened
    opened.close()


def run(program: str, *arguments: object, **options: object) -> "subprocess.Popen[str]":
    """Another process, with this repository's code."""
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)], cwd=REPOSITORY, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, stdin=subprocess.PIPE, **options,  # type: ignore[call-overload] # options of Popen
    )  # fmt: skip


class TestTheFile:
    def test_is_made_with_its_folders_and_survives_being_closed(self, store: Store, file: Path) -> None:
        store.append("telemetry", telemetry(3, 4))
        store.close()
        again = open_store(f"duckdb:///{file}", "trezor")
        assert_frame_equal(again.read("telemetry"), telemetry(3, 4).sort("time", "commune", "lamp"))
        again.close()

    def test_a_relative_path_is_relative_to_the_working_folder(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        open_store("duckdb:///var/{world}.duckdb", "replay-1").close()
        assert (tmp_path / "var" / "replay-1.duckdb").exists()

    def test_may_hold_several_worlds_and_goes_with_the_last(self, store: Store, file: Path) -> None:
        other = open_store(f"duckdb:///{file}", "replay-1")
        other.append("telemetry", telemetry(1, 1))
        store.append("telemetry", telemetry(2, 1))
        other.drop()
        other.close()
        assert file.exists()
        assert len(store.read("telemetry")) == 2
        store.drop()
        store.close()
        assert not file.exists()

    def test_of_an_older_version_gets_the_columns_it_lacks(self, store: Store, file: Path) -> None:
        store.append("nights", frame("nights", row("nights", 0, verdict="lit", sun=5.5)))
        store.close()
        with duckdb.connect(str(file)) as connection:
            connection.execute('ALTER TABLE "world:trezor".nights DROP COLUMN led_wh')
        again = open_store(f"duckdb:///{file}", "trezor")
        again.append("nights", frame("nights", row("nights", 1, verdict="dark", led_wh=1.5)))
        assert again.read("nights", columns=["verdict", "led_wh", "sun"]).rows() == [
            ("lit", None, 5.5),
            ("dark", 1.5, None),
        ]
        again.close()

    def test_forgets_raw_rows_beyond_their_days_when_opened_and_keeps_nights(self, store: Store, file: Path) -> None:
        newest = at(0)
        for table in ("telemetry", "nights"):
            ages = (RAW_DAYS + 1, RAW_DAYS - 1, 0)
            store.append(table, frame(table, *(row(table, 0, time=newest - timedelta(days=age)) for age in ages)))
        store.close()
        again = open_store(f"duckdb:///{file}", "trezor")
        assert again.extent("telemetry") == (newest - timedelta(days=RAW_DAYS - 1), newest)
        assert len(again.read("nights")) == 3
        again.close()

    def test_holds_one_row_per_name_after_a_million_doubles(self, store: Store) -> None:
        batch = telemetry(200, 96)
        for _ in range(5):
            store.append("telemetry", batch.sample(fraction=1, shuffle=True, seed=1))
        assert_frame_equal(store.read("telemetry"), batch.sort("time", "commune", "lamp"))


class TestWhatGoesWrong:
    def test_a_file_in_use_by_another_process(self, file: Path) -> None:
        program = (
            "import sys; from gateway.stores import open_store; "
            "s = open_store(sys.argv[1], 'trezor'); print('open', flush=True); sys.stdin.read(); s.close()"
        )
        holder = run(program, f"duckdb:///{file}")
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(StoreAway, match=rf"in use by another process.*PID {holder.pid}"):
            open_store(f"duckdb:///{file}", "trezor")
        holder.communicate(timeout=20)
        open_store(f"duckdb:///{file}", "trezor").close()

    def test_a_file_that_is_no_database(self, tmp_path: Path) -> None:
        (tmp_path / "x.duckdb").write_text("Bonjour. " * 5000)
        with pytest.raises(StoreAway, match="is no DuckDB file: move it away"):
            open_store(f"duckdb:///{tmp_path}/x.duckdb", "trezor")

    def test_a_path_that_cannot_be(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(StoreAway, match="folder cannot be made"):
            open_store(f"duckdb:///{tmp_path}/file/x.duckdb", "trezor")
        with pytest.raises(StoreAway, match="cannot be read or written"):
            open_store(f"duckdb:///{tmp_path}", "trezor")

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_a_folder_without_the_right_to_write(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        with pytest.raises(StoreAway, match="look at its rights"):
            open_store(f"duckdb:///{tmp_path}/x.duckdb", "trezor")

    def test_a_full_disk_is_away_and_when_there_is_room_again_all_acknowledged_rows_are_there(self, file: Path) -> None:
        # A limit on the size of files, lifted later, is a disk that is full and then not.
        program = """
import resource, sys
from datetime import timedelta
from gateway.store import StoreAway
from gateway.stores import open_store
from tests.gateway.store_rows import NOON, telemetry
store = open_store(sys.argv[1], "trezor")
batches = [telemetry(20, 96, since=NOON - timedelta(days=300 - n), seed=n) for n in range(300)]
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY))
done = 0
for batch in batches:
    try:
        store.append("telemetry", batch)
    except StoreAway as error:
        assert "df -h" in str(error), error
        break
    done += 1
assert 0 < done < len(batches), done
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
kept = len(store.read("telemetry"))
assert kept == done * 20 * 96, (kept, done)
for batch in batches[done:]:
    store.append("telemetry", batch)
assert len(store.read("telemetry")) == len(batches) * 20 * 96
store.close()
print("well")
"""
        process = run(program, f"duckdb:///{file}", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)))
        said, complaints = process.communicate(timeout=120)
        assert (said, process.returncode) == ("well\n", 0), complaints

    @pytest.mark.parametrize("after", [1, 7, 23])
    def test_a_kill_after_append_returned_loses_nothing_and_doubles_nothing(self, file: Path, after: int) -> None:
        program = """
import sys
from datetime import timedelta
from gateway.stores import open_store
from tests.gateway.store_rows import NOON, telemetry
store = open_store(sys.argv[1], "trezor")
for n in range(1000):
    store.append("telemetry", telemetry(50, 96, since=NOON + timedelta(days=n), seed=n))
    print(n, flush=True)
"""
        process = run(program, f"duckdb:///{file}")
        assert process.stdout is not None
        acknowledged = [int(process.stdout.readline()) for _ in range(after)][-1]
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=20)
        store = open_store(f"duckdb:///{file}", "trezor")
        found = store.read("telemetry")
        expected = [telemetry(50, 96, since=at(n * 1440), seed=n) for n in range(acknowledged + 1)]
        assert_frame_equal(
            found.filter(pl.col("time") < at((acknowledged + 1) * 1440)),
            pl.concat(expected).sort("time", "commune", "lamp"),
        )
        assert found.select("commune", "lamp", "time").is_unique().all()
        assert len(found) % (50 * 96) == 0  # whole batches only
        store.append("telemetry", expected[-1])
        assert len(store.read("telemetry")) == len(found)
        store.close()


def test_every_type_of_every_table_has_its_sql_type(store: Store) -> None:
    for name, table in TABLES.items():
        assert store.read(name).schema == pl.Schema(table.schema)
