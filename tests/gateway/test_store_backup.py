"""A backup is proven by its restore: into another kind of store, with equal frames."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from gateway.store import TABLES, Store, WriteRefused
from gateway.stores import backup, open_store
from gateway.stores.backup import BackupDamaged, dump, restore
from gateway.stores.memory import MemoryStore
from tests.gateway.store_rows import at, frame, row, telemetry
from tests.influx_server import Influx


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups" / "monday"


@pytest.fixture
def duck(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"duckdb:///{tmp_path}/x.duckdb", "trezor")
    yield opened
    opened.close()


def fill(store: Store) -> None:
    """Something in every table, a gap of months in the raw data, and a dense burst."""
    store.append("telemetry", telemetry(20, 96, since=at(-200 * 1440)))
    store.append("telemetry", telemetry(40, 200, minutes=1, seed=2))
    for table in TABLES:
        if table != "telemetry":
            store.append(table, frame(table, *(row(table, i * 2000, f"lamp-{i % 7}") for i in range(50))))
    store.append("nights", frame("nights", row("nights", -900 * 1440, verdict="lit", sun=5.25)))


def assert_same(one: Store, two: Store) -> None:
    for table in TABLES:
        assert_frame_equal(one.read(table), two.read(table))


class TestBackup:
    def test_from_duckdb_into_memory(self, duck: Store, folder: Path) -> None:
        fill(duck)
        rows = dump(duck, folder)
        memory = MemoryStore()
        restored = restore(folder, memory)
        assert_same(duck, memory)
        assert restored.rows == rows == {table: len(duck.read(table)) for table in TABLES}
        assert not any(restored.refused.values())

    @pytest.mark.influxdb
    def test_from_influxdb_into_duckdb_and_back(
        self, influx: Influx, duck: Store, folder: Path, new_world: Callable[[], str]
    ) -> None:
        one, two = open_store(influx.url, new_world()), open_store(influx.url, new_world())
        fill(one)
        dump(one, folder)
        restore(folder, duck)
        assert_same(one, duck)
        dump(duck, folder / "again")
        restore(folder / "again", two)
        assert_same(one, two)
        for store in (one, two):
            store.drop()
            store.close()

    def test_pieces_stay_small_and_the_progress_never_goes_back(
        self, duck: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(duck)
        monkeypatch.setattr(backup, "CHUNK_ROWS", 500)
        told: list[tuple[str, int, float]] = []
        dump(duck, folder, lambda *progress: told.append(progress))
        for table in TABLES:
            rows = [rows for name, rows, _ in told if name == table]
            shares = [share for name, _, share in told if name == table]
            assert shares == sorted(shares)
            assert shares[-1] == 1.0
            assert max((b - a for a, b in pairwise(rows)), default=0) <= 500
        restored = restore(folder, MemoryStore(), lambda *progress: told.append(progress))
        assert restored.rows["telemetry"] == 20 * 96 + 40 * 200

    def test_an_empty_world_is_a_backup_too(self, folder: Path) -> None:
        dump(MemoryStore(), folder)
        memory = MemoryStore()
        restore(folder, memory)
        assert_same(memory, MemoryStore())

    def test_restoring_twice_is_restoring_once_and_other_rows_stay(self, duck: Store, folder: Path) -> None:
        memory = MemoryStore()
        fill(memory)
        dump(memory, folder)
        duck.append("telemetry", frame("telemetry", row("telemetry", 0, "another")))
        for _ in range(2):
            restore(folder, duck)
        memory.append("telemetry", frame("telemetry", row("telemetry", 0, "another")))
        assert_same(memory, duck)

    def test_a_backup_is_not_overwritten(self, folder: Path) -> None:
        dump(MemoryStore(), folder)
        with pytest.raises(FileExistsError, match="choose another folder"):
            dump(MemoryStore(), folder)

    def test_what_is_not_whole_is_not_restored(self, folder: Path) -> None:
        source = MemoryStore()
        fill(source)
        dump(source, folder)
        target = MemoryStore()
        nights = folder / "nights.parquet"
        whole = nights.read_bytes()
        nights.write_bytes(whole[:-10])
        with pytest.raises(BackupDamaged, match=r"nights\.parquet was changed or is cut short"):
            restore(folder, target)
        nights.unlink()
        with pytest.raises(BackupDamaged, match=r"nights\.parquet is missing"):
            restore(folder, target)
        nights.write_bytes(whole)
        manifest = json.loads((folder / "backup.json").read_text())
        (folder / "backup.json").write_text(json.dumps({**manifest, "format": 2}))
        with pytest.raises(BackupDamaged, match="another version"):
            restore(folder, target)
        (folder / "backup.json").write_text("{")
        with pytest.raises(BackupDamaged, match="cannot be read"):
            restore(folder, target)
        (folder / "backup.json").unlink()
        with pytest.raises(BackupDamaged, match="holds no whole backup"):
            restore(folder, target)
        assert_same(target, MemoryStore())

    def test_a_backup_of_an_older_version_restores_with_nulls(self, folder: Path) -> None:
        source = MemoryStore()
        fill(source)
        dump(source, folder)
        path = folder / "nights.parquet"
        pl.read_parquet(path).drop("led_wh").write_parquet(path)
        manifest = json.loads((folder / "backup.json").read_text())
        manifest["tables"]["nights"]["sha256"] = backup._digest(path)
        (folder / "backup.json").write_text(json.dumps(manifest))
        target = MemoryStore()
        restore(folder, target)
        assert_same(source, target)


class _Choosy(MemoryStore):
    """Refuses batches with a row it does not like, whole, as a store may."""

    def __init__(self, refuses: set[int]) -> None:
        super().__init__()
        self.refuses = refuses
        self.asked = 0

    def append(self, table: str, frame: pl.DataFrame) -> None:
        self.asked += 1
        if table == "telemetry" and not self.refuses.isdisjoint(frame["soc"].to_list()):
            raise WriteRefused("too old")
        super().append(table, frame)


class TestRowsThatTheTargetRefuses:
    @given(old=st.integers(0, 300), alone=st.none() | st.integers(0, 299))
    def test_the_oldest_and_one_more_are_counted_and_every_other_row_is_there(
        self, old: int, alone: int | None
    ) -> None:
        rows = frame("telemetry", *(row("telemetry", i, soc=i) for i in range(300)))
        refused = set(range(old)) | ({alone} if alone is not None else set())
        store = _Choosy(refused)
        reasons: list[str] = []
        assert backup._append(store, "telemetry", rows, reasons) == len(refused)
        assert store.read("telemetry")["soc"].to_list() == [i for i in range(300) if i not in refused]
        assert bool(reasons) == bool(refused)
        assert store.asked <= 40

    @pytest.mark.influxdb
    def test_beyond_the_retention_of_a_real_influxdb(
        self, influx: Influx, folder: Path, new_world: Callable[[], str]
    ) -> None:
        today = datetime.now(UTC).replace(microsecond=0)
        source, target = MemoryStore(), open_store(influx.url, new_world())
        ages = (*range(390, 400), *range(408, 428))  # a week apart: the server drops whole weeks
        source.append(
            "telemetry",
            frame("telemetry", *(row("telemetry", 0, time=today - timedelta(days=age), soc=1) for age in ages)),
        )
        dump(source, folder)
        restored = restore(folder, target)
        assert (restored.rows["telemetry"], restored.refused["telemetry"]) == (10, 20)
        assert "retention" in restored.reasons[0]
        assert_frame_equal(target.read("telemetry"), source.read("telemetry")[20:])
        target.drop()
        target.close()
