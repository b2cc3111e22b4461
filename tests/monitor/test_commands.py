"""`trezor cases`, `nights`, `explain` and `account`, as they are typed."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from gateway.store import ARRIVALS
from gateway.stores import open_store
from gateway.trouble import Trouble
from monitor.casebook import open_casebook
from monitor.fault import Kind
from monitor.places import file_of, worlds_beside
from monitor.remembered import CURSOR
from monitor.watch import Watch
from tests.firmware_sim.worlds import SHIPPED
from tests.monitor.cases import HORIZON, NOW, episode, fleet
from tests.monitor.samples import FLEET, LAMP, H, between, dusk, spoilt, village_days
from trezor import cli

FLEET_FILE = Path(__file__).parents[2] / "fleet.toml"


class Here:
    """A folder with a store and a casebook, and the command line that looks at them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = f"duckdb:///{folder}/{{world}}.duckdb"
        self.casebook = f"sqlite:///{folder}/{{world}}.sqlite"

    def run(self, *words: str, world: str | None = "trezor") -> Result:
        env = {"TREZOR_STORE": self.store, "TREZOR_CASEBOOK": self.casebook, "TREZOR_FLEET": str(FLEET_FILE)}
        where = ["--world", world] if world else []
        return CliRunner().invoke(cli, [*words, *where], env=env, catch_exceptions=False)


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path)


@pytest.fixture
def judged(here: Here) -> Here:
    """Four days of a village in which one lamp does not light, judged by the real monitor."""
    samples = spoilt(village_days(4), between(dusk(1) - H, dusk(9)), led_mw=0, level=0)
    reports = samples.group_by("commune", "lamp", "seq", maintain_order=True)
    arrivals = reports.agg(
        pl.col("sent").last().alias("time"), pl.col("sent").last().alias("received"), pl.col("dt", "boot").first(),
        first=pl.col("time").first(), last=pl.col("time").last(), samples=pl.len(), bytes=pl.len(),
    )  # fmt: skip
    store, book = open_store(here.store, "trezor"), open_casebook(here.casebook, "trezor")
    store.append("telemetry", samples)
    store.append("arrivals", arrivals.select(pl.col(name).cast(kind) for name, kind in ARRIVALS.schema.items()))
    Watch(store, book, FLEET).tick()
    store.close()
    book.close()
    return here


class TestCases:
    def test_are_listed_as_json_for_other_programs(self, judged: Here) -> None:
        (case,) = json.loads(judged.run("cases", "--format", "json").output)
        assert (case["lamp"], case["kind"], case["state"], case["until"]) == (LAMP, "dark", "open", None)
        assert abs(datetime.fromisoformat(case["since"]) - dusk(1)) < H

    @pytest.mark.parametrize(("language", "word"), [("fr", "éteint"), ("en", "dark")])
    def test_are_listed_in_words(self, judged: Here, language: str, word: str) -> None:
        said = judged.run("cases", "--language", language)
        assert said.exit_code == 0
        assert LAMP in said.output
        assert word in said.output

    def test_an_old_case_is_as_old_as_the_worlds_time_says(self, judged: Here) -> None:
        """The case opened on its first evening; the world has gone on for days since."""
        said = " ".join(judged.run("cases").output.split())
        assert "depuis 3 nuits" in said
        assert "ce soir" not in said

    def test_closed_and_hidden_ones_on_request(self, here: Here) -> None:
        book = open_casebook(here.casebook, "trezor")
        over = NOW - timedelta(hours=1)
        book.reconcile(
            [
                episode("fatoma-01", until=over),
                episode("fatoma-02", Kind.DIM, hidden_by=Kind.DARK),
                episode("fatoma-02"),
            ],
            NOW, HORIZON, fleet(),
        )  # fmt: skip
        book.close()

        def listed(*options: str) -> list[tuple[str, str]]:
            found = json.loads(here.run("cases", "--format", "json", *options).output)
            return sorted((case["lamp"], case["kind"]) for case in found)

        assert listed() == [("fatoma-01", "dark"), ("fatoma-02", "dark")]
        assert listed("--open") == [("fatoma-02", "dark")]
        assert listed("--hidden") == [("fatoma-01", "dark"), ("fatoma-02", "dark"), ("fatoma-02", "dim")]

    def test_of_a_quiet_world_are_none_in_both_languages(self, here: Here) -> None:
        open_casebook(here.casebook, "trezor").close()
        assert json.loads(here.run("cases", "--format", "json").output) == []
        assert here.run("cases").output.strip() == "Aucune panne."
        assert here.run("cases", "--language", "en").output.strip() == "No cases."

    def test_a_casebook_that_nobody_understands_is_told_in_one_sentence(self, here: Here) -> None:
        here.casebook = "mysql://nowhere/cases"
        with pytest.raises(Exception, match="casebook of 'mysql' is not supported"):
            here.run("cases")


class TestNights:
    def test_are_csv_with_the_promised_columns(self, judged: Here) -> None:
        rows = list(csv.DictReader(io.StringIO(judged.run("nights").output)))
        verdicts = {(row["lamp"], row["date"]): row["verdict"] for row in rows}
        assert verdicts[LAMP, f"{dusk(0):%Y-%m-%d}"] == "lit"
        assert verdicts[LAMP, f"{dusk(1):%Y-%m-%d}"] == "dark"
        assert list(rows[0]) == [
            "date", "commune", "lamp", "verdict", "lit_minutes", "scheduled_minutes", "completeness",
        ]  # fmt: skip

    def test_of_some_dates(self, judged: Here) -> None:
        day, after = f"{dusk(1):%Y-%m-%d}", f"{dusk(2):%Y-%m-%d}"
        rows = list(csv.DictReader(io.StringIO(judged.run("nights", "--since", day, "--until", after).output)))
        assert {row["date"] for row in rows} == {day}

    def test_as_a_table_are_counted_by_verdict(self, judged: Here) -> None:
        said = judged.run("nights", "--format", "table")
        assert "dark" in said.output
        assert f"{dusk(1):%Y-%m-%d}" in said.output

    def test_a_date_that_is_none_is_refused_with_the_form_that_was_expected(self, judged: Here) -> None:
        said = judged.run("nights", "--since", "gestern")
        assert said.exit_code == 2
        assert "%Y-%m-%d" in said.output


class TestExplain:
    def test_shows_the_rule_its_figures_of_that_night_and_the_verdict(self, judged: Here) -> None:
        said = judged.run("explain", "1")
        assert said.exit_code == 0
        assert "Règle : lumière demandée dès le soir" in said.output
        assert "Rule: commanded from dusk" in judged.run("explain", "1", "--language", "en").output
        assert f"{dusk(3):%Y-%m-%d}" in said.output  # the latest night that shows it
        assert "scheduled_minutes" in said.output

    def test_shows_thresholds_with_unit_and_reason(self, here: Here) -> None:
        told = {"rule": "it is hot", "thresholds": {"hot": {"value": 55.0, "unit": "°C", "reason": "it ages"}}}
        book = open_casebook(here.casebook, "trezor")
        book.reconcile([episode(kind=Kind.HOT, trace=told)], NOW, HORIZON, fleet())
        book.close()
        assert "seuil chaude : 55 °C" in here.run("explain", "1").output
        assert "limit hot: 55 °C – it ages" in here.run("explain", "1", "--language", "en").output
        assert json.loads(here.run("explain", "1", "--format", "json").output) == told

    def test_a_case_that_is_none_is_refused_with_what_to_do(self, here: Here) -> None:
        open_casebook(here.casebook, "trezor").close()
        said = here.run("explain", "77")
        assert said.exit_code == 2
        assert "has no case 77" in said.output
        assert "trezor cases" in said.output


class TestAWorldThatIsNone:
    """Somebody mistyped its name: no answer must look as if all were well, and no file must be made."""

    @pytest.mark.parametrize("words", [("cases",), ("nights",), ("explain", "1")])
    def test_is_said_with_those_that_are(self, here: Here, words: tuple[str, ...]) -> None:
        for world in ("trezor", "replay-1"):
            open_store(here.store, world).close()
            open_casebook(here.casebook, world).close()
        there = sorted(here.folder.iterdir())
        with pytest.raises(Trouble, match=r"pas de monde « trezro » .* ; il y a : replay-1, trezor$"):
            here.run(*words, world="trezro")
        assert sorted(here.folder.iterdir()) == there

    def test_is_said_in_english_too_and_in_an_empty_place(self, here: Here) -> None:
        with pytest.raises(Trouble, match=r"no world 'trezor' \(.*trezor.sqlite\); there is none$"):
            here.run("cases", "--language", "en")
        assert list(here.folder.iterdir()) == []

    def test_is_said_of_a_casebook_that_several_share(self, here: Here) -> None:
        here.casebook = f"sqlite:///{here.folder}/all.sqlite"
        with pytest.raises(Trouble, match="il n’y en a aucun"):
            here.run("cases")
        book = open_casebook(here.casebook, "trezor")
        assert here.run("cases").output.strip() == "Aucune panne."  # nobody has judged anything yet
        book.reconcile([], NOW, HORIZON, fleet(), {CURSOR: b"judged"})
        assert book.worlds() == ["trezor"]
        book.close()
        with pytest.raises(Trouble, match=r"il y a : trezor$"):
            here.run("cases", world="trezro")


def test_worlds_are_found_by_the_pattern_of_their_files(tmp_path: Path) -> None:
    (tmp_path / "a[1]" / "demo").mkdir(parents=True)
    for name in ("demo/demo.duckdb", "demo/other.duckdb", "demo.duckdb", "x.duckdb", "x.sqlite"):
        (tmp_path / "a[1]" / name).touch()
    place = f"duckdb:///{tmp_path}/a[1]"
    assert worlds_beside(f"{place}/{{world}}.duckdb") == ["demo", "x"]
    assert worlds_beside(f"{place}/{{world}}/{{world}}.duckdb") == ["demo"]
    assert worlds_beside(f"{place}/all.duckdb") == worlds_beside("memory:") == worlds_beside("sqlite://") == []
    assert file_of("sqlite:///var/{world}.sqlite", "demo") == Path("var/demo.sqlite")
    assert file_of("postgresql://trezor@host/{world}", "demo") is None


class TestAccounts:
    def account(self, here: Here, *words: str) -> Result:
        return CliRunner().invoke(cli, ["account", *words, "--accounts", str(here.folder / "accounts.toml")])

    def test_are_added_and_removed(self, here: Here) -> None:
        added = self.account(here, "add", "aminata", "--role", "commune:fatoma", "--password", "un mot de passe long")
        assert added.exit_code == 0
        assert "commune:fatoma" in added.output
        text = (here.folder / "accounts.toml").read_text()
        assert "aminata" in text
        assert "un mot de passe long" not in text
        assert self.account(here, "remove", "aminata").exit_code == 0
        gone = self.account(here, "remove", "aminata")
        assert gone.exit_code == 1
        assert "has no account aminata" in gone.output

    def test_a_role_that_is_none_is_refused_with_those_that_are(self, here: Here) -> None:
        said = self.account(here, "add", "x", "--role", "mayor", "--password", "un mot de passe long")
        assert said.exit_code == 2
        assert "commune" in said.output


def test_a_fleet_of_another_world_can_be_named(here: Here) -> None:
    """A case of a lamp that the fleet file does not know is listed all the same."""
    assert "fatoma-02" in SHIPPED.lamps
    book = open_casebook(here.casebook, "trezor")
    book.reconcile([episode("old-lamp-99", since=datetime(2026, 1, 1, tzinfo=UTC))], NOW, HORIZON, fleet())
    book.close()
    said = here.run("cases")
    assert said.exit_code == 0
    assert "old-lamp-99" in said.output
