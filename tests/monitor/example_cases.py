"""One case of every kind as a rule would state it, in the communes of the demonstration fleet."""

from datetime import UTC, datetime, timedelta
from typing import Final

from monitor.case import Case
from monitor.fault import Cause, Figure, Kind

NOW: Final = datetime(2026, 3, 5, 10, 0, tzinfo=UTC)


def _at(days: int, hour: int, minute: int = 0) -> datetime:
    return (NOW - timedelta(days=days)).replace(hour=hour, minute=minute)


def _case(
    kind: Kind, lamp: str | None, since: datetime, causes: dict[str, float], *figures: Figure, commune: str = ""
) -> Case:
    return Case(
        id=1, commune=commune or str(lamp).rsplit("-", 1)[0], lamp=lamp, kind=kind, since=since,
        opened_at=since + timedelta(hours=1), figures=figures,
        causes=tuple(Cause(name, likelihood) for name, likelihood in causes.items()),
    )  # fmt: skip


EXAMPLES: Final = (
    _case(
        Kind.DARK, "fatoma-02", _at(2, 18, 24), {"driver": 0.8, "cable": 0.2},
        Figure("battery_v", 12.9, "V", _at(1, 20)), Figure("led_w", 0.0, "W", peers=29.4),
        Figure("target_pct", 100.0, "%"),
    ),
    _case(
        Kind.EARLY_OFF, "konna-11", _at(3, 18, 25),
        {Kind.BATTERY_WORN: 0.55, Kind.PANEL_SOILED: 0.3, "controller": 0.15},
        Figure("out_at", _at(1, 21, 10).isoformat()), Figure("lit_min", 165.0, "min", peers=725.0),
        Figure("scheduled_min", 725.0, "min"), Figure("battery_v", 11.0, "V"), Figure("cut_off_v", 11.0, "V"),
    ),
    _case(
        Kind.FLICKER, "sio-05", _at(1, 19), {"connector": 0.7, "driver": 0.3},
        Figure("switchings", 14.0, peers=0.0),
    ),
    _case(
        Kind.DIM, "soye-08", _at(6, 18, 30), {"luminaire_string": 0.97, "driver": 0.03},
        Figure("led_w", 19.6, "W", peers=29.3), Figure("ratio_pct", 67.0, "%"),
    ),
    _case(
        Kind.DAY_BURNING, "socoura-03", _at(2, 7), {"controller": 0.85, "profile": 0.15},
        Figure("day_lit_min", 312.0, "min", peers=0.0), Figure("led_w", 29.0, "W"),
    ),
    _case(
        Kind.SILENT, "kounari-14", _at(1, 14, 20), {"modem": 0.6, "controller": 0.4},
        Figure("last_heard", _at(1, 14, 20).isoformat()), Figure("silent_lamps", 1.0), Figure("lamps", 20.0),
    ),
    _case(
        Kind.COMMUNE_SILENT, None, _at(0, 8, 5), {"operator": 0.95, "theft": 0.05},
        Figure("silent_lamps", 19.0), Figure("lamps", 20.0), Figure("last_heard", _at(0, 8, 0).isoformat()),
        commune="fatoma",
    ),
    _case(
        Kind.PANEL_SOILED, "dialloube-10", _at(13, 12), {Kind.PANEL_SOILED: 0.9, Kind.PANEL_PARTIAL: 0.1},
        Figure("loss_pct", 18.2, "%", peers=4.0), Figure("loss_pct_day", 0.63, "%"), Figure("wash_in_days", 3.0),
        Figure("sunny_days", 12.0),
    ),
    _case(
        Kind.PANEL_PARTIAL, "bassirou-06", _at(4, 9), {"connector": 0.5, "shade": 0.35, Kind.PANEL_SOILED: 0.15},
        Figure("loss_pct", 34.0, "%"), Figure("charge_w", 41.0, "W"), Figure("peers_charge_w", 63.0, "W"),
        Figure("step_v", -6.1, "V"),
    ),
    _case(
        Kind.PANEL_LOST, "korombana-17", _at(1, 7, 40), {"theft": 0.6, "cable": 0.4},
        Figure("pv_a", 0.0, "A", peers=3.9), Figure("sun_hours", 9.0, "h"), Figure("battery_v", 12.6, "V"),
    ),
    _case(
        Kind.BATTERY_WORN, "ouro-modi-04", _at(40, 6), {"wear": 0.9, "cell": 0.1},
        Figure("capacity_pct", 62.0, "%", peers=93.0), Figure("capacity_ah", 37.2, "Ah"),
        Figure("capacity_pm_ah", 2.4, "Ah"), Figure("dusk_v", 13.3, "V"), Figure("dawn_v", 12.1, "V"),
    ),
    _case(
        Kind.BATTERY_WEAK_CELL, "bassirou-19", _at(5, 19), {"cell": 0.97, "sensor": 0.03},
        Figure("step_v", -3.3, "V"), Figure("battery_v", 9.9, "V", peers=13.2),
    ),
    _case(
        Kind.BATTERY_LOST, "fatoma-20", _at(1, 6, 50), {"theft": 0.5, "fuse": 0.3, "cable": 0.2},
        Figure("restarts", 3.0, peers=0.0), Figure("battery_v", 0.4, "V", peers=13.2),
    ),
    _case(
        Kind.CHARGER_STUCK, "konna-09", _at(2, 9), {"controller": 1.0},
        Figure("pv_v", 21.8, "V"), Figure("pv_a", 0.0, "A", peers=4.1), Figure("battery_v", 11.9, "V"),
        Figure("sun_hours", 16.0, "h"),
    ),
    _case(
        Kind.HOT, "sio-12", _at(0, 9, 15), {"heat": 0.7, "cell": 0.3},
        Figure("temperature_c", 58.2, "°C", peers=46.0, limit=55.0),
    ),
    _case(
        Kind.SENSOR_FAULTY, "soye-11", _at(7, 10), {"sensor": 0.9, "controller": 0.1},
        Figure("channel", "bat_dc"), Figure("temperature_c", 85.0, "°C", peers=38.0),
    ),
    _case(
        Kind.CLOCK_WRONG, "socoura-15", _at(3, 11), {"clock": 0.8, "controller": 0.2},
        Figure("offset_min", -95.0, "min"),
    ),
    _case(
        Kind.RESTART_LOOP, "kounari-01", _at(1, 12), {"controller": 0.6, "connector": 0.4},
        Figure("restarts", 31.0, peers=0.0),
    ),
    _case(
        Kind.MOVED, "dialloube-18", _at(1, 22, 40), {"theft": 0.5, "impact": 0.5},
        Figure("event", "tilt", at=_at(1, 22, 40)),
    ),
    _case(
        Kind.DARK_RISK, "korombana-05", _at(0, 6, 30), {Kind.PANEL_SOILED: 0.65, Kind.BATTERY_WORN: 0.35},
        Figure("dark_probability_pct", 72.0, "%", peers=3.0), Figure("autonomy_nights", 0.8, "nights", peers=2.4),
    ),
    _case(
        Kind.LOW_SUN, None, _at(3, 12), {"dust": 1.0},
        Figure("ratio_pct", 42.0, "%"), Figure("sun_hours", 3.2, "h"),
        commune="ouro-modi",
    ),
)  # fmt: skip
