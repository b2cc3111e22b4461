"""What was learnt of one lamp, read back from its stored nights: the watch keeps nothing else, so this is all of it."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

import polars as pl

from gateway.fleet import Lamp
from gateway.store import Store
from monitor.web.dates import midnight

NIGHTS: Final = 60
# One value a night scatters: the median of the last two weeks. The others are estimates already: the newest counts.
USUAL: Final = ("gain", "led_ratio", "resistance")
NEWEST: Final = ("yield_ratio", "soiling", "capacity", "autonomy", "dark_risk")
RECENT: Final = 14  # nights


def read_learned(store: Store, lamp: Lamp, last: date, repaired: datetime | None) -> Mapping[str, Any]:
    """By name: shares 0…1 (`gain`, `yield_ratio`, `soiling`, `capacity`, `dark_risk`, `led_ratio`), `resistance` ohm,
    `capacity_ah`, `autonomy` nights; `nights` looked at and `since`. {} when nothing is known. May raise StoreAway.

    Nothing before the day of the last repair counts: it was another lamp then.
    """
    since = midnight(last - timedelta(days=NIGHTS - 1))
    if repaired is not None:
        since = max(since, repaired.replace(hour=0, minute=0, second=0, microsecond=0))
    frame = store.read(
        "nights", since, midnight(last + timedelta(days=1)), lamps=[lamp.id], columns=["time", *USUAL, *NEWEST]
    ).sort("time")
    values: dict[str, Any] = {name: frame[name].drop_nulls().tail(RECENT).median() for name in USUAL}
    values.update({name: _newest(frame, name) for name in NEWEST})
    known = {name: value for name, value in values.items() if value is not None}
    if not known:
        return {}
    if "capacity" in known:
        known["capacity_ah"] = known["capacity"] * lamp.model.battery.amp_hours
    return {**known, "nights": frame.height, "since": frame["time"][0]}


def _newest(frame: pl.DataFrame, name: str) -> Any:
    known = frame[name].drop_nulls()
    return known[-1] if known.len() else None
