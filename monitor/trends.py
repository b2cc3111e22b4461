"""What only many dates together show: each lamp's own usual gain, and how far it has fallen from it.

All of it is derived from the ledger, in the order of its dates and never from later ones; so what was "learnt" survives
a restart, and learning begins anew after a repair that people report.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import polars as pl

from monitor.capacity import battery
from monitor.case import Repair
from monitor.day import Day, Lamps
from monitor.outlook import outlook
from monitor.past import FEWEST_DATES, LEARNING_DATES, Bools, Floats, Past, deviation, least, median, most, quantile
from monitor.peers import HOURS, MIN_PEERS

MIN_SLOTS: Final = 2  # quarters of an hour in bulk; fewer tell nothing of the date

TRENDS: Final = ("yield_ratio", "soiling", "capacity", "autonomy", "dark_risk")  # columns of the table `nights`
CLEANEST: Final = 0.04  # log, above its usual place among the neighbours: more is their dirt, not its own cleanness
STEP_DAYS: Final = 4.0
ONE_HOUR: Final = 0.06  # log; what a shadow may take of a date of which one hour is known
MANY_HOURS: Final = 4
SHADE_DATES: Final = 5  # of an hour's latest values: a shadow that stays shows in most of them
LITTLE: Final = -0.25  # log; what lost less in no hour is in no shade
JUMP_DATES: Final = 6  # in which a step has had its one great fall
SUDDEN: Final = 0.85  # of a step falls within two dates; dirt takes a week for it
SUNNY: Final = 0.6  # of the clearness that one date in five of the last month surpassed
CLEARNESS_DATES: Final = 30
CLEAN_DATES: Final = 90
GAINS: Final = tuple(f"gain_{hour:02}" for hour in HOURS)
NEEDED: Final = (
    "clearness", "gain_n", *GAINS, "pv_v_bulk", "full_n", "soc_max", "bat_max_v",
    "rest_dusk_v", "rest_dawn_v", "dusk_a", "dawn_a",
    "refused_n", "idle_night_v", "resistance", "rest_ohm", "drawn_ah", "cut_ah", "charge_ah", "discharge_ah",
    "led_ratio", "led_balance", "charge_balance", "unexplained_high_w", "unexplained_low_w", "soc_leaps",
    "offset_min", "dead_n", "samples", "spacing_min",
)  # fmt: skip  # of the ledger, for what follows
FLAGS: Final = frozenset({"sunny", "began_full", "led_lies"})
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
ONE_DAY: Final = timedelta(days=1)
REMEMBERED: Final = 3  # dates that may be followed once more without beginning anew


class Trends:
    """Follows some lamps through their dates, once more from a late one on where that is near enough.

    plates: one row per lamp, see monitor.samples.nameplates.
    """

    def __init__(self, plates: pl.DataFrame) -> None:
        self._lamps = Lamps(plates)
        # What was known before a date began, of the last few dates; and after the last of them.
        self._before: dict[datetime, Past] = {}
        self._after: Past | None = None
        # What had been learnt when the first date began that is still in memory, and which date that is.
        self._learnt = Past(len(self._lamps))
        self._learnt_until: datetime | None = None

    def learn(self, rows: pl.DataFrame, until: datetime, repairs: Sequence[Repair] = ()) -> None:
        """Dates before `until` are no longer followed, but what they showed stays learnt. rows: of the ledger, of the
        dates before it, in order of time; of those that were learnt from already, nothing more is learnt."""
        if self._learnt_until is not None:
            rows = rows.filter(pl.col("time") >= self._learnt_until)
        for _ in self._followed(rows.filter(pl.col("time") < until), self._learnt, repairs):
            pass
        self._learnt_until = until

    def can_follow(self, since: datetime) -> bool:
        """Whether what was before this date is still known."""
        return since in self._before or (self._after is not None and since > max(self._before))

    def follow(self, rows: pl.DataFrame, repairs: Sequence[Repair] = (), *, anew: bool = False) -> pl.DataFrame:
        """rows: of the ledger, all from some date on, in order of time; of a date that can be followed, or of all
        dates in memory to begin `anew`. Returns what the trends say of each of these rows, in their order."""
        if rows.is_empty():
            return self._nothing()
        first = rows["time"][0]
        past = self._learnt.copy() if anew else self._known_before(first)
        before = {} if anew else {date: kept for date, kept in self._before.items() if date < first}
        at = (rows["time"].rle_id().to_numpy(), self._lamps.places(rows["lamp"]))
        told: dict[str, Floats] = {}
        dates = rows["time"].n_unique()
        for n, (moment, known, found) in enumerate(self._followed(rows, past, repairs, copies=REMEMBERED)):
            if known is not None:
                before[moment] = known
            for name, values in found.items():
                told.setdefault(name, np.empty((dates, len(self._lamps))))[n] = values
        self._before = {date: before[date] for date in sorted(before)[-REMEMBERED:]}
        self._after = past
        return _frame({name: values[at] for name, values in told.items()})

    def _followed(
        self, rows: pl.DataFrame, past: Past, repairs: Sequence[Repair], copies: int = 0
    ) -> Iterator[tuple[datetime, Past | None, dict[str, Floats]]]:
        """Each date of the rows: for the last `copies` of them what was known before, and what it adds; `past` comes to
        know it."""
        moments = rows["time"].unique().sort().to_list()
        at = (rows["time"].rle_id().to_numpy(), self._lamps.places(rows["lamp"]))
        ledger = {name: _grid(rows[name], at, (len(moments), len(self._lamps))) for name in NEEDED}
        renewed = self._renewed(repairs)
        for n, moment in enumerate(moments):
            known = past.copy() if n >= len(moments) - copies else None
            if moment in renewed:
                past.forget(renewed[moment])
            day = Day(self._lamps, (moment - EPOCH) / ONE_DAY, {name: values[n] for name, values in ledger.items()})
            yield moment, known, reckon(day, past)

    def _nothing(self) -> pl.DataFrame:
        """The columns, without a row."""
        unknown = {name: np.full(len(self._lamps), np.nan) for name in NEEDED}
        return _frame(reckon(Day(self._lamps, 0.0, unknown), Past(len(self._lamps)))).clear()

    def _known_before(self, date: datetime) -> Past:
        known = self._before.get(date, self._after)
        assert known is not None  # or nobody was told that it can be followed
        return known.copy()

    def _renewed(self, repairs: Sequence[Repair]) -> Mapping[datetime, Bools]:
        """By date: whose learning begins anew with it. What was learnt before a repair is not compared with what comes
        after."""
        numbers = {name: n for n, name in enumerate(self._lamps.names)}
        renewed: dict[datetime, Bools] = {}
        for repair in repairs:
            if repair.lamp in numbers:
                date = repair.at.replace(hour=0, minute=0, second=0, microsecond=0)
                renewed.setdefault(date, np.zeros(len(self._lamps), dtype=np.bool_))[numbers[repair.lamp]] = True
        return renewed


def with_trends(nights: pl.DataFrame, repairs: Sequence[Repair] = ()) -> pl.DataFrame:
    """Adds yield_ratio, soiling and what the slow rules need. `nights`: the ledger with nameplates joined."""
    nights = nights.drop(TRENDS, strict=False).with_row_index("row")
    rows = nights.sort("time", "lamp")
    trends = Trends(rows.unique("lamp", keep="first").sort("lamp")).follow(rows, repairs, anew=True)
    return rows.hstack(trends).sort("row").drop("row")


def reckon(day: Day, past: Past) -> dict[str, Floats]:
    """What one date adds: `past` is what was known before it, and after it knows the date as well."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found = _panel(day, past)
        found |= battery(day, past)
        found |= _balances(day, past)
        return found | outlook(day, past, found)


def _frame(told: Mapping[str, Floats]) -> pl.DataFrame:
    found = pl.DataFrame(told, nan_to_null=True)
    return found.with_columns(pl.col(FLAGS) > 0.5, pl.col(TRENDS).cast(pl.Float32))


def _grid(values: pl.Series, at: tuple[np.ndarray, np.ndarray], shape: tuple[int, int]) -> Floats:
    grid = np.full(shape, np.nan)
    grid[at] = values.cast(pl.Float64).to_numpy()
    return grid


def _panel(day: Day, past: Past) -> dict[str, Floats]:
    communes = day.lamps.communes
    # Haze and cloud scatter the light: a lamp half in the shade of a tree then loses less than on a clear day. Only
    # dates as clear as the month's better ones are compared.
    clearness = communes.most(day["clearness"])
    usual_clearness = quantile(past.window("clearness", clearness, CLEARNESS_DATES), 0.8, FEWEST_DATES)
    sunny = np.where(np.isnan(clearness + usual_clearness), np.nan, clearness >= SUNNY * usual_clearness)
    known = (day["gain_n"] >= MIN_SLOTS) & (sunny > 0)
    # The usual gain of each solar hour: the median of the first dates that had one.
    gains = np.where(known[:, None], np.stack([day[name] for name in GAINS], axis=1), np.nan)
    hourly = gains - past.usual("gains", gains)
    # What an hour shows of most lamps is the sky's or the season's, and nobody's own.
    hourly -= np.stack([communes.median(hour, MIN_PEERS, otherwise=0.0) for hour in hourly.T], axis=1)
    apart = median(hourly)
    best = _best(hourly)
    # Where most of a commune moves together it is the sky or the season, not the lamp.
    together = communes.median(apart, MIN_PEERS)
    apart, best = apart - together, best - together
    seen = ~np.isnan(apart)
    lately = past.window("apart", apart, 22, seen)
    calm = median(lately[:, -7:], FEWEST_DATES)
    before = median(lately[:, -9:-2], FEWEST_DATES)
    # A lamp in the shade of a tree swings with every haze; what is usual for it proves nothing.
    noise = deviation(lately[:, -22:-2], 5)
    calms = past.window("calm", calm, 8, seen)
    nth = past.count("seen dates", seen)
    # What it was while its usual gain was still being learnt was measured against something else.
    settled = past.window("settled", np.where(nth > LEARNING_DATES, calm, np.nan), CLEAN_DATES, seen)
    # Between the date before the last and this one: a string that breaks at noon shows half of it on that date.
    # Over a longer gap dirt does as much: a step is one where both sides of it were seen.
    dates = past.window("seen", np.full(len(day.lamps), day.number), 3, seen)
    near = dates[:, -1] - dates[:, -3] <= STEP_DAYS
    jump = least(past.window("jump", np.where(near, lately[:, -1] - lately[:, -3], np.nan), JUMP_DATES, seen))
    # The cleanest it usually gets: a maximum would count every lucky week as its own.
    clean = np.nan_to_num(np.clip(quantile(settled, 0.9), 0.0, CLEANEST))
    step = most(lately[:, -2:]) - before
    # What falls a little every day is no step, however fast it falls.
    step = np.where(jump <= SUDDEN * step, step, np.nan)
    level = median(lately[:, -3:])
    fallen = level - clean
    loss = np.clip(1.0 - np.exp(fallen), 0.0, 1.0)
    found = {
        "level": level, "noise": noise, "nth": nth,
        "best_level": median(past.window("best", best, 3, seen), 2),
        "clean": clean, "step": step, "fallen": fallen,
        "worst_step": least(past.window("step", step, 30, seen)),
        "slope": (calms[:, -1] - calms[:, -8]) / 7.0,
        "loss": loss, "soiling": loss, "yield_ratio": np.exp(fallen),
    }  # fmt: skip
    found |= _shade(past.window("lost by hour", _lost(hourly, apart), SHADE_DATES + LEARNING_DATES, seen))
    found = {name: np.where(seen, values, np.nan) for name, values in found.items()}
    return found | {"usual_clearness": usual_clearness, "sunny": sunny}


def _best(hourly: Floats) -> Floats:
    """Per date the hour that lost least (log): dirt takes its share of every one. NaN where the first is the only one
    known: with the season a roof or a tree takes it or lets it go."""
    hours = (~np.isnan(hourly)).sum(axis=1)
    ordered = np.sort(np.where(np.isnan(hourly), -np.inf, hourly), axis=1)
    # Of many hours the second best: an hour of which little is learnt may say anything. Of one hour alone, part may be
    # a shadow's.
    best = np.where(hours >= MANY_HOURS, ordered[:, -2], ordered[:, -1]) + np.where(hours == 1, ONE_HOUR, 0.0)
    return np.where((hours > 1) | ((hours == 1) & np.isnan(hourly[:, 0])), best, np.nan)


def _lost(hourly: Floats, apart: Floats) -> Floats:
    """Of each hour, against its usual and against the date's other hours, whichever is less."""
    return np.where(np.isnan(hourly), np.nan, np.fmax(hourly, hourly - apart[:, None]))


def _shade(lost: Floats) -> dict[str, Floats]:
    """`shade`: what the two neighbouring hours have lost (log) that lately lost most; `new_shade`: the same and less
    than before as well; `shade_hour`: the first of the two.

    lost: [lamps, hours, dates]. Each hour keeps its own latest values: those of the afternoon show on dull days only.
    An hour after which none is known stands alone.
    """
    now = median(lost[..., LEARNING_DATES:], 2)
    before = np.zeros_like(now)
    some = (now < LITTLE).any(axis=1)
    before[some] = np.nan_to_num(median(lost[some, :, :LEARNING_DATES], FEWEST_DATES))
    pairs, new = _pairs(now), _pairs(np.fmax(now, now - before))
    hour = np.where(np.isnan(new), np.inf, new).argmin(axis=1) + float(HOURS[0])
    return {
        "shade": np.fmin.reduce(pairs, axis=1),
        "new_shade": np.fmin.reduce(new, axis=1),
        "shade_hour": np.where(np.isnan(new).all(axis=1), np.nan, hour),
    }


def _pairs(values: Floats) -> Floats:
    """Of each hour and the next the lesser loss; the hour's own where the next is not known."""
    following = np.column_stack([values[:, 1:], np.full(len(values), np.nan)])
    return np.where(np.isnan(values), np.nan, np.fmax(values, following))


BALANCES: Final = (
    "led_ratio", "led_balance", "charge_balance", "pv_v_bulk",
    "soc_leaps", "offset_min", "unexplained_high_w", "unexplained_low_w",
)  # fmt: skip
LIES: Final = 0.12  # of the light's usual power: less is a driver's drift
LIES_ALIKE: Final = 0.1  # between what the light's figure lost and what the balance lost
TAPPED_W: Final = 1.5  # W that leave the battery at night and are not the lamp's own [K]
TAPPED_DATES: Final = 10  # that it is remembered: a lamp that goes out early shows no low light
TAPPED_ALIKE: Final = 0.6  # at low light of what it is at full light: a lying sensor shows a third


def _balances(day: Day, past: Past) -> dict[str, Floats]:
    now = np.stack([day[name] for name in BALANCES], axis=1)
    usual = past.usual("balances", now)
    level_ratio, balance_ratio, charge_ratio, pv_v_ratio, *_ = (now / usual).T
    *_, leaps, change, high_w, low_w = (now - usual).T
    # Somebody's own load takes as much at any level; a current sensor that lies errs in proportion.
    tapped = (low_w > TAPPED_W) & (low_w > TAPPED_ALIKE * high_w)
    # The light's figure fell and nothing else did: what the battery gives is as it was, and the balance fell alike.
    lies = (np.abs(level_ratio - balance_ratio) < LIES_ALIKE) & (np.abs(level_ratio - 1.0) > LIES)
    return {
        "led_level_ratio": level_ratio,
        "led_balance_ratio": balance_ratio,
        "charge_balance_ratio": charge_ratio,
        "pv_v_ratio": pv_v_ratio,
        "soc_leaps_more": leaps,
        "tap_w": past.filled("tap_w", np.where(tapped, np.fmin(low_w, high_w), np.nan), TAPPED_DATES),
        "led_lies": np.where(np.isnan(level_ratio + balance_ratio), np.nan, lies),
        # The season moves every lamp's dusk against the grid of its samples alike.
        "offset_change_min": change - day.lamps.communes.median(change, MIN_PEERS, otherwise=0.0),
    }
