"""Worlds beside the living one: their alerts go to nobody, and all that is of them can be dropped."""

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.fleet import Contact, Fleet
from gateway.store import TABLES
from gateway.stores import open_store
from monitor.case import Alert
from monitor.casebook import open_casebook
from monitor.fault import Kind
from tests.monitor.cases import HORIZON, NOW, episode, fleet
from tests.monitor.samples import village_days
from trezor import cli
from trezor_wiring import Watching


class Here:
    """A folder with the worlds of one machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = f"duckdb:///{folder}/{{world}}.duckdb"
        self.casebook = f"sqlite:///{folder}/{{world}}.sqlite"
        self.alerts = folder / "alerts"

    def fill(self, world: str, event_clock: bool, called: Fleet) -> list[Alert]:
        """Telemetry, and one case of which everybody in charge is owed an alert; one round of telling."""
        store, book = open_store(self.store, world), open_casebook(self.casebook, world)
        store.append("telemetry", village_days(1))
        watching = Watching(world, called, store, book, self.alerts, event_clock, 30.0)
        book.reconcile([episode(kind=Kind.DARK)], now=NOW, horizon=HORIZON, fleet=called, remember={})
        watching.monitor.notify()
        alerts = list(book.alerts())
        store.close()
        book.close()
        return alerts

    def drop(self, world: str, answer: str | None = None) -> Result:
        words = ["world", "drop", world, *([] if answer else ["--yes"]), "--alerts", str(self.alerts)]
        return CliRunner().invoke(cli, [*words, "--store", self.store, "--casebook", self.casebook], input=answer)

    def holds(self, world: str) -> tuple[int, int, int]:
        """Rows of telemetry, cases, and alerts written down."""
        store, book = open_store(self.store, world), open_casebook(self.casebook, world)
        rows, cases = store.read("telemetry").height, len(book.cases(withdrawn=True))
        assert rows or not any(store.extent(table) for table in TABLES)
        store.close()
        book.close()
        return rows, cases, len(list((self.alerts / world).glob("*.txt")))


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path)


def called(url: str) -> Fleet:
    """The fleet of the cases, with one contact at this address."""
    return fleet(Contact("mairie de Fatoma", url, "fr"))


@pytest.mark.parametrize("url", ["json://127.0.0.1:1/telephone", "${TREZOR_TEST_URL}"])
def test_a_played_worlds_alerts_are_written_down_and_sent_to_nobody(
    here: Here, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TREZOR_TEST_URL", "json://127.0.0.1:1/telephone")
    alerts = here.fill("training", True, called(url))
    assert alerts
    assert all(alert.told_at and alert.attempts <= 1 for alert in alerts)  # nobody was there to take a message
    assert here.holds("training")[2] == len(alerts)


def test_the_living_worlds_alerts_are_sent_and_tried_again(here: Here) -> None:
    (alert,) = here.fill("trezor", False, called("json://127.0.0.1:1/telephone"))
    assert alert.told_at is None
    assert alert.next_try is not None
    assert alert.next_try > NOW - timedelta(days=1)


def test_a_dropped_world_is_gone_with_its_alerts_and_its_neighbour_is_as_it_was(here: Here) -> None:
    for world in ("training", "march"):
        here.fill(world, True, called("${NOBODY}"))
    before = here.holds("march")
    assert all(before)
    answer = here.drop("training")
    assert (answer.exit_code, answer.output) == (0, "world training is gone\n")
    assert here.holds("training") == (0, 0, 0)
    assert here.holds("march") == before


def test_nothing_is_dropped_without_a_yes(here: Here) -> None:
    here.fill("training", True, called("${NOBODY}"))
    before = here.holds("training")
    answer = here.drop("training", answer="n\n")
    assert answer.exit_code == 1
    assert "Remove world training with everything it holds" in answer.output
    assert here.holds("training") == before


def test_a_world_that_is_none_is_told_so_and_leaves_nothing(here: Here) -> None:
    answer = here.drop("trainnig")
    assert answer.exit_code == 1
    assert "there is no world trainnig" in answer.output
    assert not list(here.folder.glob("trainnig*"))
