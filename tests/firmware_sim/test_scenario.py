"""Scenario files: what they may say, and what people are told when they say it wrongly."""

import pickle
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.mishaps import FLAWS
from firmware_sim.network import Network
from firmware_sim.plan import make_plan
from firmware_sim.plant import Plant
from firmware_sim.scenario import (
    KEYS,
    Habits,
    ScenarioError,
    Weather,
    gallery,
    load_scenario,
    noon_before,
    parse_scenario,
)
from tests.firmware_sim.worlds import NOW, SHIPPED, village

FRIENDS = {"dust-week", "cloud-spell", "long-nights", "relearning", "backfill", "ramadan"}
RATES = "[mishaps.rates]\n" + "".join(f"{kind} = 1.0\n" for kind in FLAWS)


def mistakes(text: str) -> list[str]:
    with pytest.raises(ScenarioError) as raised:
        parse_scenario(text, "test", NOW)
    return raised.value.mistakes


def test_the_gallery_is_what_the_docs_promise() -> None:
    whole = {"ageing", "blackout", "clean", "demo", "harmattan", "rains", "thieves", "weak-lot"}
    assert set(gallery()) == whole | FRIENDS


@pytest.mark.parametrize("name", gallery())
def test_a_ready_scenario_fits_the_shipped_fleet(name: str) -> None:
    scenario = load_scenario(name, NOW)
    plan = make_plan(SHIPPED, scenario, scenario.seed)
    placed = sum(placed.count for placed in scenario.placed)
    assert len(plan.mishaps) >= placed
    assert scenario.title != name


def test_the_demo_shows_every_kind_of_mishap() -> None:
    assert {placed.kind for placed in load_scenario("demo", NOW).placed} == set(FLAWS)


@pytest.mark.parametrize("name", ["clean", *sorted(FRIENDS)])
def test_neither_a_clean_year_nor_a_false_friend_has_a_mishap(name: str) -> None:
    assert make_plan(SHIPPED, load_scenario(name), 5).mishaps == ()


def test_a_relative_start_counts_back_from_now_to_a_noon() -> None:
    scenario = load_scenario("demo", datetime(2026, 11, 23, 11, 59, tzinfo=UTC))
    assert scenario.start == datetime(2026, 10, 23, 12, tzinfo=UTC)
    assert scenario.end == datetime(2026, 11, 22, 12, tzinfo=UTC)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_the_noon_before_a_moment_is_never_after_it_nor_a_day_away(moment: datetime) -> None:
    assert timedelta(0) <= moment - noon_before(moment) < timedelta(days=1)


def test_without_now_a_relative_start_is_refused() -> None:
    with pytest.raises(ScenarioError, match="nobody said what time it is"):
        parse_scenario('start = "-3d"', "test")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nights = 0", "scenario.nights: found 0, expected a whole number from 1 to 10000"),
        ("nigths = 3", "scenario.nigths: found 3, expected no such key; known are"),
        ("start = 7", "scenario.start: found 7, expected a date like"),
        ("[samples]\nevery_s = 77", "samples.every_s: found 77, expected one of 300, 600"),
        ("[samples]\nreading = 'max'", "samples.reading: found 'max', expected one of spot, mean"),
        ("[mishaps.rates]\ndrak = 1", "mishaps.rates (line 1).drak: found 1, expected no such key"),
        ("[mishaps.rates]\ndark = -1", "mishaps.rates (line 1).dark: found -1, expected a number from 0 to 100"),
        ("\n\n[[mishap]]\nkind = 'dark'", "mishap[0] (line 3).since: found None, expected a date"),
        ("[[mishap]]\nkind = 'night'\nsince = '+1d'", "mishap[0] (line 1).kind: found 'night', expected one of dark"),
        (
            "[[mishap]]\nkind = 'dim'\nsince = '+1d'\nseverity = 2",
            "mishap[0] (line 1).severity: found 2, expected a number from 0.05 to 0.99",
        ),
        (
            "[[mishap]]\nkind = 'dim'\nsince = '+3d'\nuntil = '+2d'",
            "mishap[0] (line 1).until: found '+2d', expected a moment after since",
        ),
        (
            "[[mishap]]\nkind = 'commune_silent'\nsince = '+1d'\nlamp = 'sio-01'",
            "mishap[0] (line 1).lamp: found 'sio-01', expected no lamp: commune_silent happens to a whole commune",
        ),
        (
            "[[mishap]]\nkind = 'panel_partial'\nsince = '+1d'\nmode = 'moon'",
            "mishap[0] (line 1).mode: found 'moon', expected one of diode, connector, shade",
        ),
        ("[weather]\ndust = 'much'", "weather.dust: found 'much', expected a number from 0 to 20"),
        (
            "[[weather.dust_spell]]\nsince = '+1d'\ndays = 3",
            "weather.dust_spell[0] (line 1).depth: is missing, expected a number from 0.01 to 0.95",
        ),
        ("[network]\nloss = 3", "network.loss: found 3, expected a number from 0 to 1"),
        ("[lamps]\nmotion = 2", "lamps.motion: found 2, expected a number from 0 to 1"),
        ("[[profile]]\nsince = '+1d'\nuntil = '+2d'", "several"),
        ("mishap = 3", "scenario.mishap: found 3, expected tables [[mishap]]"),
        ("[[flat]]\nat = 'noon'", "flat[0] (line 1).at: found 'noon', expected a date"),
        ("start = 9999-12-31", "scenario.start: found datetime.date(9999, 12, 31), expected a date from 1990 to 2100"),
        (
            "start = 2026-01-01\nnights = 5\n[[mishap]]\nkind = 'dim'\nsince = '+5d'",
            "found '+5d', expected a moment before the end of the nights from 2026-01-01 12:00 to 2026-01-06 12:00",
        ),
        (
            "start = 2026-01-01\n[[mishap]]\nkind = 'dim'\nsince = 2025-06-01\nuntil = 2025-07-01",
            "mishap[0] (line 2).until: found datetime.date(2025, 7, 1), expected a moment within the nights from",
        ),
        (
            "[[weather.dust_spell]]\nsince = '+31d'\ndays = 3\ndepth = 0.3",
            "weather.dust_spell[0] (line 1).since: found '+31d', expected a moment before the end of the nights",
        ),
        ("[[flat]]\nat = '+40d'", "flat[0] (line 1).at: found '+40d', expected a moment before the end of the nights"),
        (
            "[[profile]]\nsince = '+9d'\nuntil = '+2d'\nsteps = [{ percent = 100 }]",
            "profile[0] (line 1).until: found '+2d', expected a moment after since",
        ),
        ("start = [", "not valid TOML"),
    ],
)
def test_a_mistake_names_its_place_what_was_found_and_what_was_expected(text: str, expected: str) -> None:
    found = mistakes(text)
    if expected == "several":
        assert "steps" in found[0]
    else:
        assert any(expected in mistake for mistake in found), found


def test_all_mistakes_are_told_at_once_and_each_only_once() -> None:
    assert len(mistakes("nights = 0\nseed = -1\n[lamps]\nmotion = 7")) == 3
    assert len(mistakes("nights = 0\n[[mishap]]\nkind = 'dim'\nsince = '+9d'\n[[flat]]\nat = '+9d'")) == 1
    assert len(mistakes("[[weather.dust_spell]]\nsince = '+1d'\ndepth = 0.3")) == 1


def test_what_began_before_the_first_night_goes_on_in_it() -> None:
    text = "[[mishap]]\nkind = 'battery_worn'\nsince = 2025-01-01\nuntil = 'never'\n"
    assert parse_scenario("start = 2026-01-01\n" + text, "test").placed[0].since.year == 2025
    spell = "[[weather.dust_spell]]\nsince = 2025-12-30\ndays = 5\ndepth = 0.3"
    assert len(parse_scenario("start = 2026-01-01\n" + spell, "test").weather.dust_spells) == 1


@given(st.dictionaries(st.sampled_from(["start", "nights", "seed", "samples", "weather", "mishap", "flat", "x"]),
                       st.one_of(st.integers(-5, 5), st.text("ab'", max_size=4), st.booleans())))  # fmt: skip
def test_whatever_a_file_says_it_is_a_scenario_or_a_list_of_mistakes(keys: dict[str, object]) -> None:
    text = "\n".join(
        f"{key} = {str(value).lower() if isinstance(value, bool) else repr(value)}" for key, value in keys.items()
    )
    try:
        assert parse_scenario(text, "test", NOW).nights > 0
    except ScenarioError as error:
        told = error.mistakes
    else:
        told = ["none"]
    assert told


@pytest.mark.parametrize(
    "text",
    [
        "[[mishap]]\nkind = 'dark'\nsince = '+1d'\nlamp = 'nowhere-01'",
        "[[mishap]]\nkind = 'commune_silent'\nsince = '+1d'\ncommune = 'nowhere'",
        "[[flat]]\nat = '+1d'\nlamp = 'nowhere-01'",
        "[[weather.cloud_spell]]\nsince = '+1d'\ndays = 1\ndepth = 0.3\ncommune = 'nowhere'",
    ],
)
def test_lamps_and_communes_that_the_fleet_does_not_have_are_refused(text: str) -> None:
    with pytest.raises(ScenarioError, match="nowhere"):
        Plant(village(1), parse_scenario(text, "test", NOW), 1)


def test_mistakes_are_the_same_in_another_process() -> None:
    error = pickle.loads(pickle.dumps(ScenarioError(["mishap[0].lamp: found 'x'", "nights: found 0"])))
    assert error.mistakes == ["mishap[0].lamp: found 'x'", "nights: found 0"]
    assert str(error) == "mishap[0].lamp: found 'x'\nnights: found 0"


def test_a_file_lies_beside_its_fleet(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('fleet = "village.toml"\nstart = 2026-01-01\nnights = 2\n')
    scenario = load_scenario(tmp_path / "mine.toml")
    assert scenario.fleet == str(tmp_path / "village.toml")
    assert scenario.name == "mine"
    with pytest.raises(FileNotFoundError, match="neither a file nor one of ageing"):
        load_scenario(tmp_path / "other.toml")
    with pytest.raises(FileNotFoundError, match="did you mean harmattan"):
        load_scenario("harmatan")


def test_mishaps_are_drawn_at_their_rates_over_the_lamp_years() -> None:
    scenario = parse_scenario(
        "start = 2026-01-01\nnights = 365\n[mishaps]\nrepair_days = 3\n[mishaps.rates]\ndark = 1.5", "t"
    )
    counts = [len(make_plan(SHIPPED, scenario, seed).mishaps) for seed in range(5)]
    assert sum(counts) / 5 == pytest.approx(300, rel=0.1)


def test_drawn_mishaps_keep_off_each_other_so_that_truth_has_one_cause_at_a_time() -> None:
    scenario = parse_scenario("start = 2026-01-01\nnights = 200\n" + RATES, "t")
    plan = make_plan(village(5), scenario, 3)
    assert len({m.kind for m in plan.mishaps}) > 8
    for lamp in {m.lamp for m in plan.mishaps if m.lamp}:
        stays = sorted((m.since, m.until) for m in plan.mishaps if m.lamp == lamp)
        for (_, until), (since, _) in pairwise(stays):
            assert until is not None
            assert until + timedelta(days=5) <= since


def test_silences_become_outages_for_the_radio() -> None:
    text = "[[mishap]]\nkind = 'silent'\nsince = '+1d'\nlamp = 'fatoma-02'\n"
    text += "[[mishap]]\nkind = 'commune_silent'\nsince = '+2d'\n"
    plan = make_plan(village(3), parse_scenario(text, "t", NOW), 1)
    assert [(o.commune, o.lamp) for o in plan.outages] == [("fatoma", "fatoma-02"), ("fatoma", None)]
    lasting = plan.outages[1].until - plan.outages[1].since
    assert timedelta(hours=4) < lasting <= timedelta(days=10)


def test_the_docs_name_every_kind_mode_key_and_ready_scenario() -> None:
    docs = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")
    modes = [mode for flaw in FLAWS.values() for mode in flaw.modes if mode]
    keys = [*KEYS, *Network.__dataclass_fields__, *Weather.__dataclass_fields__, *Habits.__dataclass_fields__]
    wanted = [*FLAWS, *modes, *gallery(), *(key.removesuffix("_spells") for key in keys)]
    assert [word for word in wanted if word not in docs] == []
