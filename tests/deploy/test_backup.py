"""A backup is proven by its restore: the same cases, alerts and nights, in other databases."""

import stat
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from polars.testing import assert_frame_equal

from deploy.backup import NotEmpty, back_up, restore, world_of
from deploy.commands import backup as backup_command
from deploy.commands import restore as restore_command
from gateway.store import TABLES, Store
from gateway.stores import open_store
from gateway.stores.backup import BackupDamaged
from monitor.casebook import Casebook, open_casebook
from monitor.casebook.dump import DumpDamaged
from monitor.fault import Kind
from monitor.listing import cases_json, nights_csv, nights_frame
from tests.gateway.store_rows import frame, row, telemetry
from tests.influx_server import Influx
from tests.monitor.cases import HORIZON, MAYOR, NOW, TECHNICIAN, episode, fleet
from tests.postgres_server import Postgres

FLEET = fleet(MAYOR, technicians=(TECHNICIAN,))
World = tuple[Store, Casebook]


@pytest.fixture
def opened() -> Iterator[Callable[[str, str, str], World]]:
    close: list[Callable[[], None]] = []

    def both(store_url: str, casebook_url: str, world: str = "trezor") -> World:
        store, casebook = open_store(store_url, world), open_casebook(casebook_url, world)
        close.extend((store.close, casebook.close))
        return store, casebook

    yield both
    for shut in close:
        shut()


@pytest.fixture
def world(tmp_path: Path, opened: Callable[..., World]) -> World:
    """A station's world: telemetry, nights, everything else, cases and alerts, some of them told."""
    store, casebook = opened(f"duckdb:///{tmp_path}/live.duckdb", f"sqlite:///{tmp_path}/live.sqlite")
    store.append("telemetry", telemetry(20, 96))
    for table in TABLES:
        if table != "telemetry":
            store.append(table, frame(table, *(row(table, i * 1440, f"lamp-{i % 7}") for i in range(40))))
    casebook.reconcile((episode(), episode("fatoma-01", Kind.PANEL_SOILED)), NOW, HORIZON, FLEET, {"cursor": b"\x01"})
    casebook.told(casebook.owed(NOW)[0].id, NOW)
    casebook.note(1, "poteau 12", "technicien", NOW)
    (tmp_path / "fleet.toml").write_text("title = 'ours'\n")
    return store, casebook


def same(one: World, two: World) -> None:
    (store, casebook), (other_store, other_casebook) = one, two
    for table in TABLES:
        assert_frame_equal(store.read(table), other_store.read(table))
    assert nights_csv(nights_frame(store, None, None)) == nights_csv(nights_frame(other_store, None, None))
    assert cases_json(casebook.cases(), FLEET, NOW) == cases_json(other_casebook.cases(), FLEET, NOW)
    assert casebook.alerts() == other_casebook.alerts()
    assert casebook.timeline(1) == other_casebook.timeline(1)


def test_from_a_station_to_another_station(world: World, tmp_path: Path, opened: Callable[..., World]) -> None:
    made = back_up(tmp_path / "backup", "trezor", *world, tmp_path / "fleet.toml", NOW)
    assert world_of(tmp_path / "backup") == "trezor"
    assert stat.S_IMODE((tmp_path / "backup").stat().st_mode) == 0o700
    other = opened(f"duckdb:///{tmp_path}/other.duckdb", f"sqlite:///{tmp_path}/other.sqlite", "drill")
    done = restore(tmp_path / "backup", *other, tmp_path / "new" / "fleet.toml")
    same(world, other)
    assert (done.store, done.casebook) == (made.store, made.casebook)
    assert done.fleet.read_bytes() == (tmp_path / "fleet.toml").read_bytes()
    assert other[1].recall("cursor") == b"\x01", "the monitor goes on where it was"


@pytest.mark.influxdb
def test_from_a_station_to_the_service_and_back(
    world: World, tmp_path: Path, opened: Callable[..., World], influx: Influx, postgres: Postgres,
    new_world: Callable[[], str],
) -> None:  # fmt: skip
    back_up(tmp_path / "backup", "trezor", *world, tmp_path / "fleet.toml", NOW)
    service = opened(influx.url, postgres.database(), new_world())
    restore(tmp_path / "backup", *service, tmp_path / "fleet.toml")
    same(world, service)
    back_up(tmp_path / "again", "trezor", *service, tmp_path / "fleet.toml", NOW)
    station = opened(f"duckdb:///{tmp_path}/back.duckdb", f"sqlite:///{tmp_path}/back.sqlite")
    restore(tmp_path / "again", *station, tmp_path / "fleet.toml")
    same(world, station)


def test_nothing_is_overwritten(world: World, tmp_path: Path, opened: Callable[..., World]) -> None:
    store, casebook = world
    folder, ours = tmp_path / "backup", tmp_path / "fleet.toml"
    back_up(folder, "trezor", store, casebook, ours, NOW)
    with pytest.raises(NotEmpty, match="new folder"):
        back_up(folder, "trezor", store, casebook, ours, NOW)
    empty_store, empty_casebook = opened("memory:", "sqlite://")
    with pytest.raises(NotEmpty, match="casebook holds world trezor"):
        restore(folder, empty_store, casebook, ours)
    with pytest.raises(NotEmpty, match=r"telemetry.*--again"):
        restore(folder, store, empty_casebook, ours)
    assert empty_casebook.cases() == []
    assert empty_store.extent("telemetry") is None
    ours.write_text("title = 'theirs'\n")
    done = restore(folder, empty_store, empty_casebook, ours)
    assert ours.read_text() == "title = 'theirs'\n"
    assert done.fleet == tmp_path / "fleet.restored.toml"
    assert done.fleet.read_text() == "title = 'ours'\n"


def test_where_the_fleet_file_cannot_be_written_it_stays_in_the_backup(
    world: World, tmp_path: Path, opened: Callable[..., World]
) -> None:
    """As in a container, which mounts the fleet file to be read; all else is restored all the same."""
    back_up(tmp_path / "backup", "trezor", *world, tmp_path / "fleet.toml", NOW)
    other = opened(f"duckdb:///{tmp_path}/other.duckdb", f"sqlite:///{tmp_path}/other.sqlite", "drill")
    (tmp_path / "closed").write_text("no folder")
    done = restore(tmp_path / "backup", *other, tmp_path / "closed" / "fleet.toml")
    assert done.fleet == tmp_path / "backup" / "fleet.toml"
    same(world, other)


def test_an_interrupted_restore_is_gone_on_with(world: World, tmp_path: Path, opened: Callable[..., World]) -> None:
    back_up(tmp_path / "backup", "trezor", *world, tmp_path / "fleet.toml", NOW)
    other = opened("memory:", "sqlite://")

    def power_cut(table: str, rows: int, share: float) -> None:
        if table == "nights":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(tmp_path / "backup", *other, tmp_path / "fleet.toml", progress=power_cut)
    assert other[0].extent("telemetry") is not None
    assert other[1].cases() == [], "cases come last, all at once"
    restore(tmp_path / "backup", *other, tmp_path / "fleet.toml", again=True)
    same(world, other)


def test_what_is_not_whole_is_refused_before_anything_is_written(
    world: World, tmp_path: Path, opened: Callable[..., World]
) -> None:
    folder = tmp_path / "backup"
    other = opened("memory:", "sqlite://")
    with pytest.raises(BackupDamaged, match="no whole backup"):
        restore(folder, *other, tmp_path / "fleet.toml")
    back_up(folder, "trezor", *world, tmp_path / "fleet.toml", NOW)
    for name, error in (
        ("fleet.toml", BackupDamaged), ("casebook/cases.jsonl", DumpDamaged), ("store/nights.parquet", BackupDamaged),
    ):  # fmt: skip
        kept = (folder / name).read_bytes()
        (folder / name).write_bytes(kept[:-1] + b"#")
        with pytest.raises(error):
            restore(folder, *other, tmp_path / "fleet.toml")
        assert other[0].extent("telemetry") is None
        assert other[1].cases() == []
        (folder / name).write_bytes(kept)
    restore(folder, *other, tmp_path / "fleet.toml")
    same(world, other)


def test_the_commands(world: World, tmp_path: Path, opened: Callable[..., World]) -> None:
    for part in world:
        part.close()
    live = ["--store", f"duckdb:///{tmp_path}/live.duckdb", "--casebook", f"sqlite:///{tmp_path}/live.sqlite"]
    fleet_file = ["--fleet", str(tmp_path / "fleet.toml")]

    def run(command: object, *arguments: str) -> Result:
        return CliRunner().invoke(command, [*arguments, *fleet_file])  # type: ignore[arg-type]  # a command

    made = run(backup_command, str(tmp_path / "backup"), *live)
    assert made.exit_code == 0, made.output
    assert "1920 telemetry" in made.output
    twice = run(backup_command, str(tmp_path / "backup"), *live)
    assert twice.exit_code == 1
    assert "new folder" in twice.output
    there = run(restore_command, str(tmp_path / "backup"), *live)
    assert there.exit_code == 1
    assert "world drop trezor" in there.output
    new = ["--store", f"duckdb:///{tmp_path}/new.duckdb", "--casebook", f"sqlite:///{tmp_path}/new.sqlite"]
    done = run(restore_command, str(tmp_path / "backup"), "--world", "drill", *new)
    assert done.exit_code == 0, done.output
    assert "world drill" in done.output
    same(
        opened(live[1], live[3]), opened(new[1], new[3], "drill")
    )  # fmt: skip


def test_later_news_does_not_disturb_a_backup(world: World, tmp_path: Path, opened: Callable[..., World]) -> None:
    """The casebook is written first, so the store may only be newer than what the monitor remembers."""
    store, casebook = world

    def meanwhile(table: str, rows: int, share: float) -> None:
        if table == "telemetry" and share == 1.0:
            casebook.reconcile((episode("fatoma-03"),), NOW + timedelta(days=1), HORIZON, FLEET, {"cursor": b"\x02"})

    back_up(tmp_path / "backup", "trezor", store, casebook, tmp_path / "fleet.toml", NOW, meanwhile)
    other = opened("memory:", "sqlite://")
    restore(tmp_path / "backup", *other, tmp_path / "fleet.toml")
    assert other[1].recall("cursor") == b"\x01"
