"""Small worlds from end to end: the command, the processes, the cluster, the whole path through MQTT."""

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from distributed import Client, LocalCluster

from scorecard.commands import PUBLISHED, scorecard
from scorecard.figures import figures
from scorecard.naive import naive_cases
from scorecard.spread import WorldFailed, here, over_cluster, over_processes
from scorecard.watching import steps
from scorecard.world import Order, World, score_world
from tests.firmware_sim.worlds import ALIKE, mishap, scenario, village

FLEET = village(6)
SCENARIO = replace(
    scenario(
        mishap("dark", "+3d", "+6d12h", lamp="fatoma-02") + mishap("panel_lost", "+5d", lamp="fatoma-04"),
        nights=12, start="2090-01-10", habits=ALIKE,  # the future of whatever machine this runs on
    ),
    name="small",
)  # fmt: skip
FILE = """
title = "small"
start = 2026-01-10
nights = 12
[[mishap]]
kind = "dark"
lamp = "fatoma-02"
since = "+3d"
until = "+6d12h"
"""


@pytest.fixture(scope="module")
def scored() -> World:
    return score_world(Order(SCENARIO, FLEET, 101))


def test_a_dead_driver_and_a_stolen_panel_are_found_at_the_first_dusk_and_noon(scored: World) -> None:
    ours = figures([scored], lambda world: world.ours)
    assert {kind: group.named.hits for kind, group in ours.kinds.items()} == {"dark": 1, "panel_lost": 1}
    for one in scored.ours.outcomes:
        assert one.hours_shown is not None
        assert one.hours_shown <= 12, one
    assert ours.false_all.events == 0
    assert scored.alerts >= 2


def test_the_ledger_agrees_with_every_true_night(scored: World) -> None:
    plain = scored.ledger.table["plain"]
    assert set(plain["dark"]) <= {"dark", "unknown"}
    assert set(plain["lit"]) <= {"lit", "unknown"}
    assert sum(n for row in plain.values() for n in row.values()) >= 6 * 12 - 12


def test_the_same_world_twice_is_the_same_score_whatever_the_store(scored: World) -> None:
    again = score_world(Order(SCENARIO, FLEET, 101, store="memory"))
    assert again.ours == scored.ours
    assert again.naive == scored.naive
    assert again.ledger == scored.ledger


def test_plain_thresholds_find_them_too_and_say_more_than_is_so(scored: World) -> None:
    kinds = {one.said.kind for one in scored.naive.judged}
    assert {"dark", "panel_lost"} <= kinds
    assert naive_cases.__module__ == "scorecard.naive"


@pytest.mark.slow
def test_spawned_processes_score_as_this_one_does(scored: World) -> None:
    seen: list[tuple[str, float]] = []
    orders = [Order(SCENARIO, FLEET, seed) for seed in (101, 102)]
    worlds = over_processes(orders, 2, lambda name, share: seen.append((name, share)), lambda world: None)
    assert [world.name for world in worlds] == ["small-101", "small-102"]
    assert worlds[0].ours == scored.ours
    assert {name for name, _ in seen} == {"small-101", "small-102"}
    assert max(share for _, share in seen) == 1.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as cluster:
        yield cluster


@pytest.mark.slow
def test_a_dask_cluster_scores_as_this_process_does(scored: World, cluster: LocalCluster) -> None:
    with Client(cluster) as client:
        worlds = over_cluster([Order(SCENARIO, FLEET, 101)], client, lambda world: None)
    assert worlds[0].ours == scored.ours


@pytest.mark.slow
def test_the_command_spreads_the_whole_path_over_a_cluster(tmp_path: Path, cluster: LocalCluster) -> None:
    (tmp_path / "small.toml").write_text(FILE, encoding="utf-8")
    words = [
        str(tmp_path / "small.toml"), "--seeds", "3-4", "--nights", "7", "--json", str(tmp_path / "s.json"),
        "--through-mqtt", "--scheduler", cluster.scheduler_address, "--fleet", str(small_fleet(tmp_path)),
    ]  # fmt: skip
    answer = CliRunner().invoke(scorecard, words)
    assert answer.exit_code == 0, answer.output
    written = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))
    assert [world["seed"] for world in written["worlds"]] == [3, 4]
    assert "--through-mqtt" in written["told"]["command"]
    assert written["ours"]["kinds"]["dark"]["named"]["hits"] == 2


@pytest.mark.slow
def test_through_mqtt_the_same_faults_are_found(scored: World) -> None:
    world = score_world(Order(SCENARIO, FLEET, 101, mqtt=True))
    found = [(one.fault.kind, one.fault.lamp, one.how) for one in world.ours.outcomes]
    assert found == [(one.fault.kind, one.fault.lamp, one.how) for one in scored.ours.outcomes]
    assert figures([world], lambda w: w.ours).false_all.events == 0
    assert world.ledger.table["plain"]["dark"] == scored.ledger.table["plain"]["dark"]


def test_a_world_that_fails_is_named() -> None:
    bad = replace(SCENARIO, placed=(replace(SCENARIO.placed[0], lamp="nowhere-01"),))
    with pytest.raises(WorldFailed, match="small-7: ScenarioError"):
        here([Order(bad, FLEET, 7)], lambda name, share: None, lambda world: None)


def test_messages_are_cut_into_steps_without_losing_one() -> None:
    class Sent:
        def __init__(self, hours: float) -> None:
            self.at = int((start + timedelta(hours=hours)).timestamp() * 1e6)

    start = datetime(2026, 1, 10, 12, tzinfo=UTC)
    sent = [Sent(hours) for hours in (1, 5, 6, 20, 47)]
    cut = list(steps(iter(sent), start, timedelta(hours=6)))  # type: ignore[arg-type]  # only `at` is looked at
    assert [len(some) for _, some in cut] == [2, 1, 0, 1, 0, 0, 0, 1]
    assert cut[0][0] == start + timedelta(hours=6)
    assert cut[-1][0] == start + timedelta(hours=48)


def test_the_command_writes_table_json_report_and_picture(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(FILE, encoding="utf-8")
    out = tmp_path / "out"
    words = [
        str(tmp_path / "small.toml"), "--seeds", "3", "--nights", "8", "--json", str(out / "s.json"),
        "--report", str(out / "s.md"), "--tuned-on", "nothing yet", "--fleet", str(small_fleet(tmp_path)),
    ]  # fmt: skip
    answer = CliRunner().invoke(scorecard, words)
    assert answer.exit_code == 0, answer.output
    assert "recall" in answer.output
    written = json.loads((out / "s.json").read_text(encoding="utf-8"))
    assert [world["seed"] for world in written["worlds"]] == [3]
    assert written["told"]["tuned_on"] == "nothing yet"
    report = (out / "s.md").read_text(encoding="utf-8")
    for words_ in ("| `dark` | 1.000 (0.207–1.000), 1 of 1 |", "tuned on nothing yet", "![", "seeds 3", "--seeds 3"):
        assert words_.lower() in report.lower()
    for before, line in pairwise(report.splitlines()):
        assert not (line.startswith("|") and before and not before.startswith("|")), (
            f"a table needs a blank line: {line}"
        )
    assert ElementTree.fromstring((out / "s.svg").read_text(encoding="utf-8")).tag.endswith("svg")


def test_worlds_of_an_earlier_run_count_as_if_they_were_scored_now(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(FILE, encoding="utf-8")
    fleet = ["--nights", "8", "--fleet", str(small_fleet(tmp_path))]

    def run(*words: str) -> Result:
        return CliRunner().invoke(scorecard, [str(tmp_path / "small.toml"), *words, *fleet])

    first, both, at_once = (str(tmp_path / f"{name}.json") for name in ("first", "both", "at_once"))
    assert run("--seeds", "3", "--json", first).exit_code == 0
    assert run("--seeds", "4", "--with", first, "--json", both).exit_code == 0
    assert run("--seeds", "3-4", "--jobs", "1", "--json", at_once).exit_code == 0
    once, twice = (json.loads(Path(file).read_text(encoding="utf-8")) for file in (at_once, both))
    assert twice["told"] == once["told"]
    assert twice["ours"] == once["ours"]
    assert twice["naive"] == once["naive"]
    again = run("--seeds", "3", "--with", first)
    assert again.exit_code == 2
    assert "small-3: in an earlier run" in again.output
    (tmp_path / "none.json").write_text("{}", encoding="utf-8")
    wrong = run("--seeds", "3", "--with", str(tmp_path / "none.json"))
    assert wrong.exit_code == 2
    assert "not the --json of a scorecard" in wrong.output


@pytest.mark.parametrize("seeds", ["1-3", "99", "101,20"])
def test_the_published_scorecard_is_never_written_from_seeds_for_tuning(seeds: str) -> None:
    before = PUBLISHED.read_bytes() if PUBLISHED.exists() else None
    answer = CliRunner().invoke(scorecard, ["clean", "--seeds", seeds, "--report", str(PUBLISHED)])
    assert answer.exit_code == 2
    assert "tuned" in answer.output
    assert (PUBLISHED.read_bytes() if PUBLISHED.exists() else None) == before


@pytest.mark.parametrize("seeds", ["", "a", "5-3", "1--2"])
def test_seeds_that_make_no_sense_are_refused(seeds: str) -> None:
    answer = CliRunner().invoke(scorecard, ["clean", "--seeds", seeds])
    assert answer.exit_code == 2
    assert "expected a seed" in answer.output


def test_a_scenario_that_does_not_fit_its_fleet_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(FILE.replace("fatoma-02", "fatoma-99"), encoding="utf-8")
    words = [str(tmp_path / "small.toml"), "--seeds", "3,4", "--fleet", str(small_fleet(tmp_path))]
    answer = CliRunner().invoke(scorecard, words)
    assert answer.exit_code == 1
    assert answer.output.strip() == (
        "Error: mishap[0].lamp: found 'fatoma-99', expected \"any\" or one that is in the fleet file"
    )
    (tmp_path / "small.toml").write_text('fleet = "nowhere.toml"\nstart = 2026-01-01\n', encoding="utf-8")
    answer = CliRunner().invoke(scorecard, words)
    assert answer.exit_code == 1
    assert "the fleet file of scenario small cannot be read" in answer.output


def small_fleet(folder: Path) -> Path:
    """The shipped fleet file with the first six lamps of one commune."""
    text = (Path(__file__).parents[2] / "fleet.toml").read_text(encoding="utf-8")
    head, *lamps = text.split("\n[[lamp]]")
    kept = [lamp for lamp in lamps if 'commune = "fatoma"' in lamp][:6]
    path = folder / "fleet.toml"
    path.write_text("\n[[lamp]]".join([head, *kept]), encoding="utf-8")
    return path
