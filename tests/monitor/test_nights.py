"""The ledger: what each night was, from samples made by hand. Unknown is never lit and never dark."""

from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.telemetry import TELEMETRY_SCHEMA
from monitor.nights import nights
from tests.monitor.samples import (
    LAMP,
    LAMPS,
    PLATES,
    D,
    H,
    M,
    between,
    date,
    dusk,
    ledger,
    night_of,
    spoilt,
    village_days,
)  # fmt: skip

CALM = village_days(4)
DAWN = timedelta(hours=12)  # about, after dusk
UNLIT = {"led_mw": 0, "level": 0}


def verdict(samples: pl.DataFrame, n: int = 1) -> object:
    return night_of(samples, n)["verdict"]


def number(row: dict[str, object], name: str) -> float:
    value = row[name]
    assert isinstance(value, int | float), f"{name} is {value}"
    return float(value)


class TestTheVerdict:
    def test_of_a_night_lit_from_dusk_to_dawn_is_lit(self) -> None:
        row = night_of(CALM, 1)
        assert row["verdict"] == "lit"
        assert row["completeness"] == 1.0
        assert number(row, "lit_minutes") == pytest.approx(number(row, "scheduled_minutes"))
        assert number(row, "lit_minutes") == pytest.approx(number(row, "night_minutes"), abs=30)

    def test_of_a_night_without_light_is_dark(self) -> None:
        row = night_of(spoilt(CALM, between(dusk(1) - H, dusk(2) - H), **UNLIT), 1)
        assert (row["verdict"], row["lit_minutes"]) == ("dark", 0.0)
        assert number(row, "scheduled_minutes") > 600

    def test_of_a_night_that_ended_early_is_partly(self) -> None:
        row = night_of(spoilt(CALM, between(dusk(1) + 4 * H, dusk(2) - H), **UNLIT), 1)
        assert row["verdict"] == "partly"
        assert number(row, "lit_minutes") == pytest.approx(240, abs=31)

    def test_of_a_night_that_nobody_heard_is_unknown(self) -> None:
        row = night_of(CALM.filter(~between(dusk(1) - H, dusk(1) + 14 * H)), 1)
        assert (row["verdict"], row["lit_minutes"], row["completeness"]) == ("unknown", 0.0, 0.0)
        assert number(row, "scheduled_minutes") == pytest.approx(number(row, "night_minutes"), abs=31)

    def test_of_a_lamp_that_said_nothing_all_day_is_unknown(self) -> None:
        row = night_of(CALM.filter(pl.col("lamp") != LAMP), 1)
        assert row["verdict"] == "unknown"

    @pytest.mark.parametrize("column", ["led_mw", "target", "level"])
    def test_of_a_night_without_one_reading_is_never_dark(self, column: str) -> None:
        whole = between(dusk(1) - H, dusk(2) - H)
        assert verdict(spoilt(CALM, whole, **{column: None})) in ("lit", "unknown")

    def test_of_a_night_without_luminaire_readings_is_unknown(self) -> None:
        row = night_of(spoilt(CALM, between(dusk(1) - H, dusk(2) - H), led_mw=None), 1)
        assert (row["verdict"], row["completeness"]) == ("unknown", 0.0)

    def test_of_a_night_seen_by_half_is_unknown_if_what_was_seen_was_lit(self) -> None:
        assert verdict(CALM.filter(~between(dusk(1) + 6 * H, dusk(1) + 14 * H))) == "unknown"

    def test_of_a_night_seen_by_half_is_not_dark_either(self) -> None:
        """It may have been repaired at midnight."""
        half = CALM.filter(~between(dusk(1) + 6 * H, dusk(1) + 14 * H))
        assert verdict(spoilt(half, between(dusk(1) - H, dusk(1) + 6 * H), **UNLIT)) == "unknown"

    def test_of_a_night_seen_but_for_an_hour_is_given(self) -> None:
        gap = CALM.filter(~between(dusk(1) + 3 * H, dusk(1) + 4 * H))
        assert verdict(gap) == "lit"
        assert verdict(spoilt(gap, between(dusk(1) - H, dusk(2) - H), **UNLIT)) == "dark"

    def test_of_a_night_that_is_known_to_have_failed_is_partly_even_if_much_is_missing(self) -> None:
        off = spoilt(CALM, between(dusk(1) + 3 * H, dusk(1) + 6 * H), **UNLIT)
        assert verdict(off.filter(~between(dusk(1) + 7 * H, dusk(1) + 14 * H))) == "partly"

    def test_a_lost_reading_between_two_others_is_no_dark_quarter_of_an_hour(self) -> None:
        row = night_of(spoilt(CALM, between(dusk(1) + 3 * H, dusk(1) + 3 * H + 15 * M), led_mw=None), 1)
        assert (row["verdict"], row["completeness"]) == ("lit", 1.0)

    def test_a_lamp_that_is_told_to_be_off_is_served_by_being_off(self) -> None:
        """A profile with a pause: not lit is what was asked."""
        pause = between(dusk(1) + 5 * H, dusk(1) + 8 * H)
        row = night_of(spoilt(CALM, pause, target=0, **UNLIT), 1)
        assert row["verdict"] == "lit"
        assert number(row, "scheduled_minutes") == pytest.approx(540, abs=45)


class TestANightWithoutPower:
    """A battery that is gone: silence from dusk on, and a start of the controller at sunrise."""

    begin, end = dusk(1), dusk(1) + timedelta(hours=13)

    def unpowered(self, up_s: int = 600) -> pl.DataFrame:
        dead = CALM.filter(~between(self.begin, self.end))
        later = (pl.col("lamp") == LAMP) & (pl.col("time") >= self.end)
        first = pl.col("sent") == pl.col("sent").filter(later).min()
        return spoilt(
            spoilt(dead, later, boot=2), later & first, up=up_s + (pl.col("sent") - self.end).dt.total_seconds()
        )

    def test_is_dark_not_unknown(self) -> None:
        row = night_of(self.unpowered(), 1)
        assert (row["verdict"], row["lit_minutes"]) == ("dark", 0.0)
        assert number(row, "unpowered_minutes") > 650
        assert number(row, "completeness") == pytest.approx(1.0, abs=0.05)

    def test_the_nights_around_it_are_as_they_were(self) -> None:
        table = ledger(self.unpowered()).filter(pl.col("lamp") == LAMP)
        assert table["verdict"].to_list()[:3] == ["lit", "dark", "lit"]

    def test_without_a_restart_it_is_a_gap_of_the_network(self) -> None:
        assert verdict(CALM.filter(~between(self.begin, self.end))) == "unknown"

    def test_a_restart_in_the_night_proves_no_lack_of_power(self) -> None:
        begin, end = dusk(1), dusk(1) + 6 * H
        gap = CALM.filter(~between(begin, end))
        later = (pl.col("lamp") == LAMP) & (pl.col("time") >= end)
        assert verdict(spoilt(gap, later, boot=2, up=600)) == "unknown"

    def test_a_silence_of_days_that_ends_with_a_start_proves_nothing(self) -> None:
        gap = CALM.filter(~between(dusk(0) + H, self.end))
        later = (pl.col("lamp") == LAMP) & (pl.col("time") >= self.end)
        assert verdict(spoilt(gap, later, boot=2, up=600)) == "unknown"


class TestTheRow:
    def test_every_lamp_has_one_for_each_date_that_the_samples_touch(self) -> None:
        table = ledger(CALM)
        assert table.height == table.select("lamp", "time").n_unique() == 5 * len(LAMPS)
        assert table["time"].unique().sort().to_list() == [date(n) for n in range(5)]

    def test_energy_and_charge_are_sums_over_time(self) -> None:
        row = night_of(CALM, 1)
        day = CALM.filter(between(date(1) + timedelta(hours=7), date(1) + timedelta(hours=18)))
        pv_wh = (day["pv_mv"] / 1000 * day["pv_ma"] / 1000).sum() / 4
        assert number(row, "pv_wh") == pytest.approx(pv_wh, rel=0.02)
        night = CALM.filter(between(dusk(1) - H, dusk(2) - H))
        assert number(row, "led_wh") == pytest.approx(night["led_mw"].sum() / 1000 / 4, rel=0.02)
        drawn = night.filter(pl.col("bat_ma") < 0)["bat_ma"].sum() / 1000 / 4
        assert number(row, "discharge_ah") == pytest.approx(-drawn, rel=0.1)

    @pytest.mark.parametrize("every", [5 * M, 10 * M, 30 * M])
    def test_does_not_depend_on_how_often_a_lamp_measures(self, every: timedelta) -> None:
        ours, theirs = night_of(village_days(3, every=every), 1), night_of(CALM, 1)
        assert ours["verdict"] == "lit"
        for name in ("lit_minutes", "pv_wh", "led_wh", "discharge_ah"):
            assert number(ours, name) == pytest.approx(number(theirs, name), rel=0.06), name

    def test_minutes_are_not_counted_twice_where_the_spacing_changes(self) -> None:
        fine = village_days(4, every=5 * M)
        mixed = pl.concat([CALM.filter(pl.col("time") < dusk(1)), fine.filter(pl.col("time") >= dusk(1))])
        assert number(night_of(mixed, 1), "lit_minutes") == pytest.approx(
            number(night_of(CALM, 1), "lit_minutes"), rel=0.03
        )

    def test_unlit_with_a_good_battery_is_out_and_with_an_empty_one_is_cut(self) -> None:
        whole = between(dusk(1) - H, dusk(2) - H)
        out = night_of(spoilt(CALM, whole, **UNLIT), 1)
        assert out["out_since"] is not None
        assert out["cut_since"] is None
        cut = night_of(spoilt(CALM, between(dusk(1) + 5 * H, dusk(2) - H), bat_mv=10_900, **UNLIT), 1)
        assert cut["cut_since"] is not None
        assert (cut["out_since"], cut["gone_since"]) == (None, None)

    def test_lit_then_out_for_good_with_a_good_battery_is_gone(self) -> None:
        row = night_of(spoilt(CALM, between(dusk(1) + 5 * H, dusk(2) - H), **UNLIT), 1)
        assert (row["out_since"], row["cut_since"]) == (None, None)
        assert row["gone_since"] is not None

    def test_one_unlit_sample_is_a_transient(self) -> None:
        row = night_of(spoilt(CALM, between(dusk(1) + 5 * H, dusk(1) + 5 * H + 15 * M), **UNLIT), 1)
        assert (row["out_since"], row["gone_since"], row["cut_since"]) == (None, None, None)

    def test_columns_for_people_are_within_their_bounds(self) -> None:
        table = ledger(CALM)
        assert table["completeness"].is_between(0, 1).all()
        assert (table["lit_minutes"] <= table["scheduled_minutes"] + 20).all()


class TestTheSamples:
    def test_may_come_in_any_order(self) -> None:
        shuffled = CALM.sample(fraction=1.0, shuffle=True, seed=3)
        columns = [name for name, kind in ledger(CALM).schema.items() if not kind.is_float()]
        assert ledger(shuffled).select(columns).equals(ledger(CALM).select(columns))

    def test_of_lamps_that_are_not_in_the_fleet_are_left_out(self) -> None:
        stranger = spoilt(CALM.filter(pl.col("lamp") == LAMP), pl.lit(True), lamp=pl.lit("konna-99"))
        assert ledger(pl.concat([CALM, stranger])).height == ledger(CALM).height

    def test_none_make_no_nights(self) -> None:
        assert nights(pl.DataFrame(schema=TELEMETRY_SCHEMA), PLATES).is_empty()

    @settings(max_examples=25, deadline=None)
    @given(st.data())
    def test_missing_at_random_never_make_a_lit_night_dark_or_a_dark_one_lit(self, data: st.DataObject) -> None:
        """Whatever is not known makes a night unknown, or leaves it what it was."""
        two = village_days(2, LAMPS[:2])
        dark = spoilt(two, between(dusk(0) - H, dusk(1), LAMP), **UNLIT)
        rows = dark.height
        kept = data.draw(st.lists(st.booleans(), min_size=12, max_size=12))
        piece = pl.Series([kept[n * 12 // rows] for n in range(rows)])
        table = ledger(dark.filter(piece)) if piece.any() else pl.DataFrame()
        for row in table.filter(pl.col("time") == date(0)).iter_rows(named=True) if table.height else ():
            allowed = {LAMPS[0]: ("lit", "unknown"), LAMP: ("dark", "unknown")}.get(row["lamp"], ("unknown",))
            assert row["verdict"] in allowed


class TestTheGain:
    """The lamps' share of the sun, by the neighbours' samples of the same quarter of an hour."""

    def of(self, samples: pl.DataFrame) -> list[float]:
        row = night_of(samples, 2)
        return [number(row, f"gain_{hour:02}") for hour in range(7, 13)]

    def test_is_not_changed_by_a_clock_that_errs_by_seconds(self) -> None:
        late = spoilt(CALM, pl.col("lamp") == LAMP, time=pl.col("time").dt.offset_by("-3s"))
        assert self.of(late) == pytest.approx([0.0] * 6, abs=0.01)

    def test_is_not_changed_by_the_minute_at_which_a_lamp_samples(self) -> None:
        minute = pl.when(pl.col("lamp") == LAMP).then(5).otherwise(0)
        often = village_days(4, every=5 * M).with_columns(dt=pl.lit(900).cast(TELEMETRY_SCHEMA["dt"]))
        assert self.of(often.filter(pl.col("time").dt.minute() % 15 == minute)) == pytest.approx([0.0] * 6, abs=0.02)


@pytest.mark.parametrize("n", [1, 3])
def test_a_date_derived_alone_is_as_it_is_among_others(n: int) -> None:
    """A tick derives one date or two; whoever judges from the first sample on must see the same."""
    lost = village_days(6).filter(~between(date(3) + 6 * H, date(3) + 11 * H))
    near = lost.filter(pl.col("time").is_between(date(n) - D, date(n) + 2 * D))
    alone = nights(near, PLATES, (date(n), date(n))).sort("lamp")
    among = nights(lost, PLATES).filter(pl.col("time") == date(n)).sort("lamp")
    assert [name for name in among.columns if not among[name].equals(alone[name])] == []
    assert (alone.filter(pl.col("lamp") == LAMP)["day_gap_min"][0] > 300) == (n == 3)
