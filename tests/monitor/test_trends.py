"""What is learnt of each lamp: from its own past alone, begun anew after a repair, the same whenever it is derived."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
import pytest

from monitor.case import Repair
from monitor.nights import nights
from monitor.past import Past
from monitor.trends import GAINS, TRENDS, Trends, with_trends
from tests.monitor.samples import LAMP, LAMPS, PLATES, D, H, between, date, spoilt, village_days

DAYS = 30
LONG = village_days(DAYS)
AFTER = between(date(18), date(99))


def table(samples: pl.DataFrame) -> pl.DataFrame:
    return nights(samples, PLATES).join(PLATES.drop("commune"), on="lamp", how="inner").sort("lamp", "time")


def weaker(left: float, where: pl.Expr) -> pl.DataFrame:
    return spoilt(LONG, where & (pl.col("pv_ma") > 0), pv_ma=pl.col("pv_ma") * left)


def column(name: str, trends: pl.DataFrame, lamp: str = LAMP) -> dict[datetime, float | None]:
    rows = trends.filter(pl.col("lamp") == lamp)
    return dict(zip(rows["time"].to_list(), rows[name].to_list(), strict=True))


def shifted(nights: pl.DataFrame, where: pl.Expr, by: float, gains: Sequence[str] = GAINS) -> pl.DataFrame:
    return nights.with_columns(pl.when(where).then(pl.col(name) + by).otherwise(pl.col(name)) for name in gains)


def repair(n: int, lamp: str = LAMP) -> Repair:
    return Repair(1, lamp, date(n) + 12 * H, "panneau lavé", "technicien")


class TestWhatIsLearnt:
    def test_never_comes_from_later_dates(self) -> None:
        """Or a case would look different once its end is known."""
        sick = table(weaker(0.6, AFTER))
        whole = with_trends(sick)
        for n in (12, 19, 25):
            part = with_trends(sick.filter(pl.col("time") <= date(n)))
            both = whole.filter(pl.col("time") <= date(n)).sort("lamp", "time")
            for name in (*TRENDS, "loss", "step", "capacity_n", "dusk_step_v"):
                assert part.sort("lamp", "time")[name].equals(both[name]), f"{name} of date {n}"

    def test_is_the_same_however_often_it_is_derived(self) -> None:
        once = with_trends(table(LONG))
        again = with_trends(once.select(table(LONG).columns))
        assert again.select(TRENDS).equals(once.select(TRENDS))

    def test_is_the_same_date_by_date_and_once_more_from_a_late_one(self) -> None:
        sick = table(weaker(0.6, AFTER)).sort("time", "lamp")
        plates, dates = PLATES.sort("lamp"), sick["time"].unique().sort().to_list()
        whole = Trends(plates).follow(sick, anew=True)
        trends = Trends(plates)
        trends.follow(sick.filter(pl.col("time") < dates[20]), anew=True)
        for first, last in ((20, 20), (21, 21), (20, 22), (22, 23), (24, 25), (23, 25)):
            some = sick["time"].is_between(dates[first], dates[last])
            assert trends.can_follow(dates[first])
            assert trends.follow(sick.filter(some)).equals(whole.filter(some)), f"dates {first} to {last}"
        assert not trends.can_follow(dates[5])

    def test_goes_on_where_old_dates_are_forgotten(self) -> None:
        """Or a panel that has long been weak would come to be its own usual one."""
        sick = table(weaker(0.6, AFTER)).sort("time", "lamp")
        later = sick.filter(pl.col("time") >= date(20))
        whole = Trends(PLATES.sort("lamp")).follow(sick, anew=True)
        trends = Trends(PLATES.sort("lamp"))
        trends.learn(sick.filter(pl.col("time") < date(12)), date(12))
        trends.learn(sick, date(20))  # from the 12th on
        assert trends.follow(later, anew=True).equals(whole.filter(sick["time"] >= date(20)))

    def test_no_two_steps_share_what_they_remember(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[tuple[str, str]] = []
        for method in ("window", "before", "filled", "count", "usual"):
            real = getattr(Past, method)

            def spy(
                self: Past, name: str, *more: object, method: str = method, real: Any = real, **named: object
            ) -> Any:
                asked.append((method, name))
                return real(self, name, *more, **named)

            monkeypatch.setattr(Past, method, spy)
        with_trends(table(village_days(1)))
        dates = len(table(village_days(1))["time"].unique())
        assert len(asked) == dates * len(set(asked))

    def test_begins_anew_after_a_repair_that_people_report(self) -> None:
        """A smaller panel was put in: from then on it is the lamp's own usual one."""
        sick = table(weaker(0.6, AFTER))
        learnt, told = (column("soiling", with_trends(sick, repairs)) for repairs in ((), (repair(18),)))
        assert learnt[date(24)] == pytest.approx(0.4, abs=0.06)
        assert told[date(28)] == pytest.approx(0.0, abs=0.06)

    def test_of_other_lamps_stays(self) -> None:
        sick = table(weaker(0.6, AFTER))
        with_, without = (with_trends(sick, repairs) for repairs in ((), (repair(18),)))
        for lamp in set(LAMPS) - {LAMP}:
            assert column("soiling", with_, lamp) == pytest.approx(column("soiling", without, lamp), abs=1e-4)

    def test_while_it_is_being_learnt_is_no_measure_of_how_clean_the_panel_can_be(self) -> None:
        dirty_at_first = shifted(table(LONG), between(date(0), date(7)), -0.1)
        dirty_again = shifted(dirty_at_first, between(date(24), date(99)), -0.15)
        ratio = column("yield_ratio", with_trends(dirty_again))
        assert ratio[date(28)] == pytest.approx(float(np.exp(-0.15)), abs=0.015)

    def test_is_nothing_before_there_was_anything_to_learn(self) -> None:
        first = with_trends(table(village_days(3)))
        assert first["yield_ratio"].null_count() == first.height
        assert first["capacity"].null_count() == first.height


class TestTheYield:
    def test_of_a_healthy_lamp_is_its_usual_one(self) -> None:
        values = [v for v in column("yield_ratio", with_trends(table(LONG))).values() if v is not None]
        assert len(values) > 15
        assert np.allclose(values, 1.0, atol=0.03)

    @pytest.mark.parametrize("left", [0.9, 0.7, 0.5])
    def test_of_a_weaker_panel_is_what_is_left(self, left: float) -> None:
        ratio = column("yield_ratio", with_trends(table(weaker(left, AFTER))))
        assert ratio[date(26)] == pytest.approx(left, abs=0.04)

    def test_does_not_fall_with_the_whole_commune(self) -> None:
        ratio = column("yield_ratio", with_trends(table(weaker(0.75, pl.col("time") >= date(18)))))
        assert ratio[date(26)] == pytest.approx(1.0, abs=0.04)

    def test_what_an_hour_shows_of_most_lamps_is_no_shade_on_one(self) -> None:
        mornings = shifted(table(LONG), pl.col("time") >= date(18), -0.6, ("gain_08", "gain_09"))
        shade = column("shade", with_trends(mornings))[date(26)]
        assert shade == pytest.approx(0.0, abs=0.05)

    def test_is_not_known_on_a_day_without_enough_neighbours(self) -> None:
        few = LONG.filter(pl.col("lamp").is_in(LAMPS[:4]))
        values = column("yield_ratio", with_trends(table(few)))
        assert set(values.values()) == {None}


class TestTheReserve:
    def test_lasts_longest_where_days_fill_the_battery(self) -> None:
        full = column("autonomy", with_trends(table(LONG)))
        dead = spoilt(LONG, AFTER & (pl.col("target") == 0), pv_ma=0, pv_mv=200, bat_ma=-30, bat_mv=12_900)
        empty = column("autonomy", with_trends(table(dead)))
        for n in (20, 22):
            assert (empty[date(n)] or 0.0) < (full[date(n)] or 99.0)

    def test_risk_is_a_probability(self) -> None:
        risk = with_trends(table(weaker(0.3, AFTER)))["dark_risk"].drop_nulls()
        assert risk.len() > 0
        assert risk.is_between(0.0, 1.0).all()

    def test_risk_grows_as_the_battery_empties(self) -> None:
        dead = spoilt(LONG, AFTER & (pl.col("target") == 0), pv_ma=0, pv_mv=200, bat_ma=-30, bat_mv=12_900)
        risk = column("dark_risk", with_trends(table(dead)))
        assert (risk[date(17)] or 0.0) < 0.1 < (risk[date(18) + 2 * D] or 0.0)

    def test_after_a_cut_off_what_is_left_is_what_was_charged_since(self) -> None:
        """However much the battery holds: a tenth of a night's Ah lasts no night."""
        ledger = table(LONG)
        mine, after = pl.col("lamp") == LAMP, pl.col("time") > date(20)
        night = float(ledger.filter(mine)["discharge_ah"][17])
        for share, dark in ((0.1, True), (1.5, False)):
            poor = ledger.with_columns(
                cut_ah=pl.when(mine & (pl.col("time") == date(20))).then(0.8 * night).otherwise("cut_ah"),
                charge_ah=pl.when(mine & after).then(share * night).otherwise("charge_ah"),
                full_n=pl.when(mine & after).then(0).otherwise("full_n"),
            )
            risk = column("dark_risk", with_trends(poor))[date(21)]
            assert risk is not None
            assert (risk > 0.9) is dark
            assert (risk < 0.2) is not dark

    def test_an_edge_that_holds_night_after_night_is_trusted_more_and_more(self) -> None:
        """A battery that was cut off at the end of three nights and then lasts the same nights is soon no alarm."""
        ledger = table(village_days(40))
        mine = pl.col("lamp") == LAMP
        night = float(ledger.filter(mine)["discharge_ah"][17])
        cut = pl.when(mine & pl.col("time").is_between(date(20), date(22))).then(0.98 * night).otherwise("cut_ah")
        even = ledger.with_columns(cut_ah=cut, charge_ah=pl.col("discharge_ah").shift(1).over("lamp") / 0.96)
        risk = column("dark_risk", with_trends(even))
        assert (risk[date(19)] or 0.0) < 0.01
        assert (risk[date(23)] or 0.0) > 0.3
        assert (risk[date(33)] or 1.0) < 0.3 * (risk[date(23)] or 0.0)

    @pytest.mark.parametrize(("ohm", "owes"), [(4.0, True), (1.0, False)], ids=["a weak cell", "a sound battery"])
    def test_full_is_not_full_where_a_weak_cell_stops_the_charge(self, ohm: float, owes: bool) -> None:
        """Its resistance lifts the voltage: the charger says full when part of what the night took has come back."""
        sick = (pl.col("lamp") == LAMP) & (pl.col("time") >= date(18))
        ledger = table(LONG).with_columns(
            resistance=pl.when(sick).then(pl.col("resistance") * ohm).otherwise("resistance"),
            charge_ah=pl.when(sick).then(pl.col("charge_ah") * 0.7).otherwise("charge_ah"),
        )
        missing = column("missing", with_trends(ledger))
        assert missing[date(17)] == 0.0
        assert ((missing[date(24)] or 0.0) > 1.5 * (missing[date(20)] or 0.0) > 0.0) is owes
        assert (missing[date(24)] == 0.0) is not owes
