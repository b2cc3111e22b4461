"""The casebook keeps what people saw of an episode, once, on every database."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, event, insert
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from monitor.case import Case, State
from monitor.casebook import Casebook, CasebookError, open_casebook
from monitor.casebook.schema import CASES, METADATA, VERSION_TABLE
from monitor.fault import Cause, Figure, Kind
from tests.monitor.cases import DUSK, HORIZON, NOW, closed, episode, fleet
from tests.postgres_server import Postgres

FLEET = fleet()


def keep(book: Casebook, *episodes, now=NOW, horizon=HORIZON, remember=None):
    return book.reconcile(episodes, now, horizon, FLEET, remember)


def only(book: Casebook, **how) -> Case:
    (case,) = book.cases(**how)
    return case


def test_an_episode_becomes_a_case_with_all_that_it_says(book):
    told = episode(trace={"rule": "dark", "led_w": 0.0}, estimate=0.3)
    changes = keep(book, told)
    case = only(book)
    assert changes.opened == changes.changed == (case,)
    assert (case.commune, case.lamp, case.kind, case.since, case.opened_at) == (
        "fatoma", "fatoma-02", Kind.DARK, told.since, told.opened_at,
    )  # fmt: skip
    assert (case.causes, case.figures, case.estimate, case.trace) == (
        told.causes, told.figures, 0.3, {"rule": "dark", "led_w": 0.0},
    )  # fmt: skip
    assert case.state is State.OPEN
    assert book.case(case.id) == case
    assert book.case(99) is None


def test_the_same_episodes_again_change_nothing_and_write_nothing(tmp_path):
    book = open_casebook(f"sqlite:///{tmp_path}/book.sqlite", "trezor")
    episodes = [episode(), episode("fatoma-01", Kind.SILENT), closed(episode("fatoma-03"), NOW - timedelta(hours=2))]
    keep(book, *episodes, remember={"cursor": b"7"})
    written = []

    def watch(_connection, _cursor, statement, *_):
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            written.append(statement)

    event.listen(book._engine, "before_cursor_execute", watch)
    assert not keep(book, *episodes, remember={"cursor": b"7"})
    assert written == []
    keep(book, *episodes, remember={"cursor": b"8"})
    assert len(written) == 1
    book.close()


def test_late_data_correct_a_case_without_making_a_second(book):
    keep(book, episode())
    first = only(book)
    later = episode(
        since=DUSK - timedelta(days=1), opened_at=first.opened_at + timedelta(hours=5), causes=(Cause("cable", 1.0),)
    )
    keep(book, later)
    case = only(book)
    assert (case.id, case.since, case.causes) == (first.id, later.since, later.causes)
    assert case.opened_at == first.opened_at  # what people saw was seen then


def test_a_case_closes_with_its_episode_and_stays_acknowledged(book):
    keep(book, episode())
    taken = book.acknowledge(only(book).id, "technicien", NOW)
    assert taken is not None
    assert taken.state is State.ACKNOWLEDGED
    assert book.acknowledge(taken.id, "un autre", NOW + timedelta(hours=1)) == taken
    end = NOW + timedelta(hours=9)
    changes = keep(book, closed(episode(), end), now=end)
    case = only(book)
    assert changes.closed == (case,)
    assert (case.state, case.until, case.acknowledged_by) == (State.CLOSED, end, "technicien")


def test_a_fault_that_comes_back_after_closing_is_a_new_case(book):
    first = closed(episode(), NOW)
    keep(book, first)
    again = episode(since=NOW + timedelta(hours=8))
    changes = keep(book, first, again, now=NOW + timedelta(days=1))
    assert len(changes.opened) == 1
    assert [case.since for case in book.cases()] == [again.since, first.since]


def test_a_case_without_an_episode_is_withdrawn_and_taken_up_again(book):
    keep(book, episode())
    changes = keep(book)
    assert book.cases() == []
    (case,) = book.cases(withdrawn=True)
    assert changes.withdrawn == (case,)
    assert (case.state, case.withdrawn_at) == (State.WITHDRAWN, NOW)
    changes = keep(book, episode(since=DUSK + timedelta(minutes=15)), now=NOW + timedelta(hours=1))
    assert only(book).id == case.id
    assert changes.opened == (only(book),)


def test_a_new_fault_long_after_a_withdrawn_one_is_a_new_case(book):
    keep(book, episode())
    keep(book)
    keep(book, episode(since=DUSK + timedelta(days=3)), now=NOW + timedelta(days=3))
    assert [case.id for case in book.cases(withdrawn=True)] == [2, 1]


def test_what_opened_before_the_horizon_is_left_alone(book):
    keep(book, episode())
    later = NOW + timedelta(days=60)
    assert not keep(book, now=later, horizon=later - timedelta(days=35))
    assert only(book).state is State.OPEN


def test_an_old_case_does_not_begin_anew_when_only_its_newer_part_is_seen(book):
    keep(book, episode())
    later = NOW + timedelta(days=60)
    newer = closed(episode(since=later - timedelta(days=3)), later)
    keep(book, newer, now=later, horizon=later - timedelta(days=35))
    assert (only(book).since, only(book).until) == (DUSK, later)


def test_late_data_may_join_two_cases(book):
    first, second = closed(episode(), DUSK + timedelta(hours=12)), episode(since=DUSK + timedelta(days=1))
    keep(book, first, second)
    changes = keep(book, episode())
    case = only(book)
    assert (case.id, case.since, case.until) == (1, DUSK, None)
    assert [case.id for case in changes.withdrawn] == [2]


def test_late_data_may_split_a_case(book):
    keep(book, episode())
    first, second = closed(episode(), DUSK + timedelta(hours=12)), episode(since=DUSK + timedelta(days=1))
    keep(book, first, second)
    assert [(case.id, case.since) for case in book.cases()] == [(2, second.since), (1, first.since)]


def test_a_rule_that_says_the_same_twice_at_once_makes_one_case(book):
    keep(book, episode(), episode(since=DUSK + timedelta(hours=3)), episode())
    assert only(book).since == DUSK


def test_two_silences_of_which_a_doubled_report_is_the_cause_are_no_news_at_every_tick(book, caplog):
    """The second copy revived a silent lamp for a moment; both silences are derived anew as long as they are known."""
    silences = [closed(episode(kind=Kind.SILENT), NOW), episode(kind=Kind.SILENT, since=NOW - timedelta(hours=1))]
    for hour in range(3):
        keep(book, *silences, now=NOW + timedelta(hours=hour))
    case = only(book)
    assert (case.since, case.until) == (silences[0].since, None)
    assert caplog.records == []


def test_an_end_before_the_beginning_is_no_end_before_it(book):
    keep(book, closed(episode(), DUSK - timedelta(hours=1)))
    assert only(book).until == DUSK


def test_figures_that_are_no_numbers_are_left_out(book):
    nan = float("nan")
    keep(book, episode(figures=(Figure("led_w", nan), Figure("pv_w", 1.0, peers=nan, limit=2.0)), estimate=nan))
    assert (only(book).figures, only(book).estimate) == ((Figure("pv_w", 1.0, limit=2.0),), None)


def test_cases_are_found_by_what_one_asks(book):
    keep(
        book, episode(), closed(episode("fatoma-01", Kind.SILENT), NOW),
        episode(None, Kind.COMMUNE_SILENT, commune="konna", since=NOW - timedelta(hours=2)),
        episode("konna-01", Kind.SILENT, commune="konna", hidden_by=Kind.COMMUNE_SILENT),
    )  # fmt: skip

    def found(**how):
        return sorted((case.subject, case.kind.value) for case in book.cases(**how))

    everything = [("fatoma-01", "silent"), ("fatoma-02", "dark"), ("konna", "commune_silent"), ("konna-01", "silent")]
    assert found() == everything
    assert found(open_only=True) == everything[1:]
    assert found(commune="konna") == everything[2:]
    assert found(subject="konna") == [everything[2]]
    assert found(kind=Kind.SILENT, hidden=False) == [everything[0]]
    assert found(since=NOW + timedelta(hours=1)) == everything[1:]
    assert [case.kind for case in book.cases(limit=1)] == [Kind.COMMUNE_SILENT]  # newest first


def test_memory_is_kept_with_the_cases_or_not_at_all(book):
    keep(book, episode(), remember={"cursor": b"1"})
    assert book.recall("cursor") == b"1"
    assert book.recall("nothing") is None
    with pytest.raises((SQLAlchemyError, TypeError)):  # psycopg raises its own
        keep(book, episode(), episode("fatoma-01"), remember={"cursor": object()})
    assert book.recall("cursor") == b"1"
    assert only(book).subject == "fatoma-02"


def test_a_repair_is_kept_once_and_an_unknown_case_refused(book):
    keep(book, episode())
    repair = book.report_repair("fatoma-02", "driver LED changé", "technicien", NOW, 1)
    assert book.report_repair("fatoma-02", "driver LED changé", "technicien", NOW, 1) == repair
    other = book.report_repair("konna-01", "panneau lavé", "commune", NOW - timedelta(days=1))
    assert book.repairs() == (other, repair)
    assert book.repairs("konna-01") == (other,)
    with pytest.raises(LookupError):
        book.report_repair("fatoma-02", "rien", "personne", NOW, 99)


def test_the_timeline_tells_what_happened_and_what_people_did(book):
    keep(book, episode())
    for alert in book.owed(NOW):
        book.told(alert.id, NOW + timedelta(minutes=1))
    book.acknowledge(1, "technicien", NOW + timedelta(minutes=30))
    assert book.note(1, "mât rouillé", "technicien", NOW + timedelta(hours=1)) is not None
    assert book.note(99, "rien", "personne", NOW) is None
    book.report_repair("fatoma-02", "driver LED changé", "technicien", NOW + timedelta(hours=2))
    keep(book, closed(episode(), NOW + timedelta(hours=9)), now=NOW + timedelta(hours=10))
    assert [moment.what for moment in book.timeline(1)] == [
        "began", "opened", "told", "acknowledged", "note", "repair", "ended", "closed",
    ]  # fmt: skip
    assert book.timeline(99) == ()


def test_worlds_share_a_database_and_not_their_cases(postgres: Postgres):
    url = postgres.database()
    living, replayed = open_casebook(url, "trezor"), open_casebook(url, "replay-1")
    for book in (living, replayed):
        keep(book, episode(), remember={"cursor": book.world.encode()})
    assert [book.cases()[0].id for book in (living, replayed)] == [1, 1]
    assert living.alerts()[0].id != replayed.alerts()[0].id
    assert living.worlds() == ["replay-1", "trezor"]
    replayed.drop()
    assert living.worlds() == ["trezor"]
    assert living.recall("cursor") == b"trezor"
    assert len(living.cases()) == 1
    again = open_casebook(url, "replay-1")
    assert again.cases() == []
    for book in (living, again):
        book.close()


def test_a_dropped_world_leaves_no_file(tmp_path):
    book = open_casebook(f"sqlite:///{tmp_path}/{{world}}.sqlite", "replay-1")
    keep(book, episode())
    assert (tmp_path / "replay-1.sqlite").exists()
    book.drop()
    assert list(tmp_path.iterdir()) == []


def test_the_database_itself_refuses_a_second_open_case_and_a_second_beginning(book):
    keep(book, episode(), closed(episode("fatoma-01"), NOW))
    with book._engine.connect() as connection:
        rows = [row._asdict() for row in connection.execute(CASES.select().order_by(CASES.c.id))]
        connection.rollback()
        for row in rows:
            moved = {"since": row["since"] + timedelta(minutes=1)} if row["until"] is None else {}
            with pytest.raises(IntegrityError):
                connection.execute(insert(CASES).values(row | {"id": 77} | moved))
            connection.rollback()
        elsewhere = [row | {"world": "other"} for row in rows]
        connection.execute(insert(CASES), elsewhere)
        connection.rollback()


def test_two_monitors_by_mistake_double_nothing(casebook_url, tmp_path):
    if casebook_url == "sqlite://":
        pytest.skip("a casebook in memory has one monitor")
    books = [open_casebook(casebook_url, "trezor") for _ in range(2)]
    lamps = [f"fatoma-0{n}" for n in (1, 2, 3)]

    def ticks(book: Casebook) -> None:
        for tick in range(12):
            now = NOW + timedelta(seconds=30 * tick)
            begun = [episode(lamp, since=DUSK + timedelta(minutes=n)) for n, lamp in enumerate(lamps[: tick // 3 + 1])]
            keep(book, *begun, now=now, remember={"cursor": str(tick).encode()})
            for alert in book.take(now, timedelta(minutes=2)):
                book.told(alert.id, now)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(ticks, books))
    assert sorted(case.subject for case in books[0].cases(withdrawn=True)) == lamps
    assert [alert.change for alert in books[0].alerts()] == ["opened"] * 3
    for book in books:
        book.close()


def test_a_monitor_that_is_behind_withdraws_nothing_and_one_whose_clock_was_set_back_goes_on(book):
    keep(book, episode(), now=NOW)
    assert not keep(book, now=NOW - timedelta(seconds=40))
    assert only(book).state is State.OPEN
    keep(book, now=NOW - timedelta(days=1))
    assert book.cases() == []


def test_opened_by_many_at_once_it_is_migrated_once(casebook_url):
    if casebook_url == "sqlite://":
        pytest.skip("a casebook in memory is opened once")
    with ThreadPoolExecutor(4) as pool:
        books = list(pool.map(lambda _: open_casebook(casebook_url, "trezor"), range(4)))
    assert [book.cases() for book in books] == [[]] * 4
    for book in books:
        book.close()


def test_the_migrations_make_the_tables_that_the_code_uses(casebook_url, tmp_path):
    book = open_casebook(casebook_url, "trezor")
    with book._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, METADATA) == []
    book.close()


def test_sqlite_writes_ahead_and_checks_foreign_keys(tmp_path):
    book = open_casebook(f"sqlite:///{tmp_path}/book.sqlite", "trezor")
    with book._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    book.close()


def test_what_cannot_be_opened_says_why(tmp_path):
    for url, said in (
        ("nonsense", "expected sqlite:///FILE"),
        ("mysql://user:secret@host/db", "'mysql' is not supported"),
        ("postgresql://postgres:secret@127.0.0.1:1/none", "cannot be opened"),
        (f"sqlite:///{tmp_path}/text.sqlite", "not a database"),
        (f"sqlite:///{tmp_path}/text.sqlite/book.sqlite", "folder cannot be made"),
        (f"sqlite:///{tmp_path}/newer.sqlite", "newer version"),
    ):
        Path(tmp_path / "text.sqlite").write_text("this is no database at all\n" * 100)
        if "newer" in url:
            with sqlite3.connect(tmp_path / "newer.sqlite") as connection:
                connection.execute(f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32))")
                connection.execute(f"INSERT INTO {VERSION_TABLE} VALUES ('v99')")
        with pytest.raises(CasebookError, match=said) as error:
            open_casebook(url, "trezor")
        assert "secret" not in str(error.value)


def test_a_world_must_be_a_topic_part(tmp_path):
    with pytest.raises(ValueError, match="world"):
        open_casebook(f"sqlite:///{tmp_path}/{{world}}.sqlite", "../../etc")


def test_a_plain_postgresql_url_takes_the_driver_that_is_installed(postgres: Postgres):
    book = open_casebook(postgres.database().replace("+psycopg", ""), "trezor")
    assert book._engine.dialect.driver == "psycopg"
    assert create_engine(book._engine.url).dialect.name == "postgresql"
    book.close()
