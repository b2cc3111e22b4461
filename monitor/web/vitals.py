"""How the watch itself is doing: /health for whoever restarts it, /metrics for Prometheus."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from flask import Blueprint, Response, g, jsonify
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from gateway.store import Store, StoreAway
from monitor.fault import Kind
from monitor.web import view
from monitor.web.context import last_night, now, seen_lamps, world
from monitor.web.ledger import VERDICTS, read_ledger
from monitor.web.world import World

TICK_LATE: Final = timedelta(minutes=15)  # many ticks missed: the monitor stands still
WRITE_LATE_S: Final = 15  # a batch takes well under a second
ARRIVAL_LATE: Final = timedelta(hours=12)  # two six-hourly reports missed by every lamp at once

log = logging.getLogger(__name__)


def add_vitals(site: Blueprint, counters: Callable[[], Mapping[str, float]] | None) -> None:
    """Registers /health and /metrics on the blueprint of one world."""

    def numbers() -> Mapping[str, float]:
        return counters() if counters and g.site == "live" else {}

    def health() -> tuple[Response, int]:
        found = check(world(), now(), numbers())
        return jsonify(found), 200 if found["well"] else 503

    def metrics() -> Response:
        registry = CollectorRegistry()
        registry.register(_Figures(numbers()))
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    site.add_url_rule("/health", "health", health)
    site.add_url_rule("/metrics", "metrics", metrics)


def check(looked_at: World, when: datetime, gateway: Mapping[str, float] = {}) -> dict[str, Any]:
    """`well` is false when store or casebook do not answer or the monitor has stopped going round.

    That nothing arrives is a warning and no illness: restarting the monitor would not bring a network back. Nor would
    it empty a full disk, so a store that takes nothing from the gateway is one too.
    """
    troubles: list[str] = []
    warnings: list[str] = []
    arrived: datetime | None = None
    store = casebook = True
    try:
        arrived = newest_arrival(looked_at.store)
    except StoreAway as error:
        store = False
        troubles.append(f"store: {error}")
    try:
        looked_at.casebook.cases(open_only=True, limit=1)
    except Exception as error:  # whatever its database raises: health must answer
        log.warning("casebook: %s", error)
        casebook = False
        troubles.append(f"casebook: {type(error).__name__}")
    tick = looked_at.last_tick() if looked_at.last_tick else None
    tick_age = (when - tick).total_seconds() if tick else None
    if tick_age is not None and tick_age > TICK_LATE.total_seconds():
        troubles.append(f"monitor: last tick {tick_age / 60:.0f} min ago")
    age = max(0.0, (when - arrived).total_seconds()) if arrived else None
    if gateway.get("queued", 0) and (waited := gateway.get("lag_s", 0)) > WRITE_LATE_S:
        warnings.append(f"the store has taken nothing for {waited:.0f} s: see the log; lamps and broker keep the rest")
    if store and arrived is None:
        warnings.append("nothing has arrived yet")
    elif age is not None and age > ARRIVAL_LATE.total_seconds():
        warnings.append(f"nothing has arrived for {age / 3600:.0f} h")
    return {
        "well": not troubles,
        "store": store,
        "casebook": casebook,
        "newest_arrival_age_seconds": None if age is None else round(age, 1),
        "last_tick_age_seconds": None if tick_age is None else round(tick_age, 1),
        "troubles": troubles,
        "warnings": warnings,
    }


def newest_arrival(store: Store) -> datetime | None:
    """The world's clock when the newest report came. May raise StoreAway."""
    extent = store.extent("arrivals")
    if extent is None:
        return None
    frame = store.read("arrivals", extent[1] - timedelta(seconds=1), columns=["received"])
    newest = frame["received"].max() if frame.height else None
    return newest if isinstance(newest, datetime) else extent[1]


GOES_DOWN: Final = frozenset({"queued", "lag_s", "connected"})  # what the gateway tells of now, not since its start


class _Figures(Collector):
    """Counted at each scrape from store and casebook: nothing is kept, so nothing can drift."""

    def __init__(self, counters: Mapping[str, float]) -> None:
        self._counters = counters

    def collect(self) -> Iterable[Metric]:
        for name, value in self._counters.items():
            family = GaugeMetricFamily if name in GOES_DOWN else CounterMetricFamily
            yield family(f"trezor_gateway_{name}", f"Gateway: {name.replace('_', ' ')}", value=value)
        cases = GaugeMetricFamily("trezor_cases_open", "Open cases that somebody should act on", labels=["kind"])
        counts = Counter(case.kind for case in world().casebook.cases(open_only=True) if view.actionable(case))
        for kind in Kind:
            cases.add_metric([kind.value], counts[kind])
        yield cases
        lamps = seen_lamps()
        letters = read_ledger(world().store, lamps, last_night(), 1).letters(lamps)
        nights = GaugeMetricFamily("trezor_lamps_last_night", "Lamps by verdict of last night", labels=["verdict"])
        for verdict, letter in VERDICTS.items():
            nights.add_metric([verdict], letters.count(letter))
        yield nights
        arrived = newest_arrival(world().store)
        if arrived:
            yield GaugeMetricFamily(
                "trezor_arrival_age_seconds", "Since the newest report came", value=(now() - arrived).total_seconds()
            )
        tick = world().last_tick
        last = tick() if tick else None
        if last:
            yield GaugeMetricFamily(
                "trezor_tick_age_seconds", "Since the monitor last went round", value=(now() - last).total_seconds()
            )
