"""The lamp's curves: each measurement with the commanded night shaded and the commune's lamps behind it."""

from typing import Any, Final

from dashboards import panels as p
from dashboards.queries import ENDED, LAMP, NIGHTS, RANGE, STEP, TELEMETRY, Query, equal, mean, peers
from dashboards.view import View

NIGHT_SERIES: Final = "nuit"
MILLI: Final = 1000
HOT_C: Final = 55  # battery temperature; above it the kind `hot` is raised
ME: Final = equal(TELEMETRY.lamp, LAMP)


def night() -> Query:
    """The commanded level: over 0 from dusk to dawn. Drawn on a scale of its own that ends at 1, so any is full."""
    return Query(TELEMETRY, mean(TELEMETRY.target, ME, function="max"), NIGHT_SERIES)


def shaded(panel: Any) -> Any:
    return p.override(
        panel,
        NIGHT_SERIES,
        color={"mode": "fixed", "fixedColor": p.NIGHT_SHADE},
        min=0,
        max=1,
        unit="none",
        custom__axisPlacement="hidden",
        custom__fillOpacity=18,
        custom__lineWidth=0,
        custom__lineInterpolation="stepAfter",
        custom__hideFrom={"legend": True, "tooltip": True, "viz": False},
    )


def behind(panel: Any, name: str, colour: str = p.GREY) -> Any:
    """The peers: thin and grey, so that the lamp stands before them."""
    return p.override(panel, name, color={"mode": "fixed", "fixedColor": colour}, custom__lineWidth=1)


def measurements(view: View) -> list[Any]:
    t, m = view.t, TELEMETRY
    peer = t("pairs, médiane", "peers, median")
    low, high = t("pairs, 10 %", "peers, 10 %"), t("pairs, 90 %", "peers, 90 %")
    panel_w, led_w = t("panneau", "panel"), t("lumière", "light")
    # Power is voltage times current sample by sample; the product of two means would be wrong over a day.
    power = (
        f'SELECT mean("w") FROM (SELECT {m.pv_mv} * {m.pv_ma} / 1000000 AS "w" FROM {m} WHERE {RANGE} AND {ME}) '
        f"WHERE {RANGE} GROUP BY {STEP} fill(null)"
    )
    watts = p.curve(
        t("Puissance", "Power"),
        t(
            "Panneau : tension × courant, mesure par mesure. Lumière : puissance du luminaire.",
            "Panel: voltage × current, sample by sample. Light: power into the luminaire.",
        ),
        [night(), Query(m, power, panel_w), Query(m, mean(m.led_mw, ME, MILLI), led_w)],
        unit="watt",
        decimals=0,
        lowest=0,
    )
    watts = p.paint(p.paint(shaded(watts), panel_w, p.BLUE), led_w, p.AMBER)

    me = t("cette lampe", "this lamp")
    amps = p.curve(
        t("Courant du panneau, les pairs derrière", "Panel current, its peers behind"),
        t(
            "La bande va du dixième le plus faible au dixième le plus fort des lampes de la commune, le "
            "trait gris est leur médiane. Sous la bande au soleil : panneau sale, ombré ou en panne ; "
            "toutes basses : nuages ou poussière.",
            "The band goes from the weakest to the strongest tenth of the commune's lamps, the grey line "
            "is their median. Below the band in the sun: dirty, shaded or faulty; all of them low: cloud or dust.",
        ),
        [
            night(),
            Query(m, peers(m.pv_ma, 10, MILLI), low),
            Query(m, peers(m.pv_ma, 90, MILLI), high),
            Query(m, peers(m.pv_ma, 50, MILLI), peer),
            Query(m, mean(m.pv_ma, ME, MILLI), me),
        ],
        unit="amp",
        decimals=1,
        lowest=0,
    )
    amps = p.override(
        shaded(amps),
        high,
        color={"mode": "fixed", "fixedColor": p.GREY},
        custom__lineWidth=0,
        custom__fillBelowTo=low,
        custom__fillOpacity=25,
    )
    amps = p.override(amps, low, color={"mode": "fixed", "fixedColor": p.GREY}, custom__lineWidth=0)
    amps = p.override(behind(amps, peer), me, color={"mode": "fixed", "fixedColor": p.BLUE}, custom__lineWidth=2)

    current = t("courant (+ charge)", "current (+ charging)")
    battery = p.curve(
        t("Batterie", "Battery"),
        t(
            "Tension aux bornes, la médiane des pairs derrière ; courant, positif en charge, sur l'axe de droite.",
            "Voltage at the terminals, the peers' median behind; current, positive when charging, on the right axis.",
        ),
        [
            night(),
            Query(m, peers(m.bat_mv, 50, MILLI), peer),
            Query(m, mean(m.bat_mv, ME, MILLI), me),
            Query(m, mean(m.bat_ma, ME, MILLI), current),
        ],
        unit="volt",
        decimals=2,
    )
    battery = p.override(
        behind(shaded(battery), peer), me, color={"mode": "fixed", "fixedColor": p.VIOLET}, custom__lineWidth=2
    )
    battery = p.override(
        battery,
        current,
        color={"mode": "fixed", "fixedColor": p.SKY},
        unit="amp",
        decimals=1,
        custom__axisPlacement="right",
    )

    level, target = t("niveau", "level"), t("commandé", "commanded")
    light = p.curve(
        t("Lumière", "Light"),
        t(
            "Niveau commandé par le profil, niveau en effet, et charge que le régulateur annonce (souvent "
            "fausse sur une batterie usée : ne pas juger par elle seule).",
            "Level that the profile commands, level in effect, and the charge that the controller claims "
            "(often wrong on a worn battery: never judge by it alone).",
        ),
        [
            night(),
            Query(m, mean(m.target, ME), target),
            Query(m, mean(m.level, ME), level),
            Query(m, mean(m.soc, ME), "SoC"),
        ],
        unit="percent",
        decimals=0,
        lowest=0,
        highest=105,
    )
    light = p.override(
        shaded(light),
        target,
        color={"mode": "fixed", "fixedColor": p.GREY},
        custom__lineStyle={"fill": "dash", "dash": [6, 6]},
    )
    light = p.paint(
        p.override(light, level, color={"mode": "fixed", "fixedColor": p.AMBER}, custom__lineWidth=2), "SoC", p.SKY
    )

    warmth = p.curve(
        t("Température de la batterie", "Battery temperature"),
        t(
            "La médiane des pairs derrière ; au-dessus de 55 °C la batterie s'use vite. 85 ou −127 °C : "
            "capteur en défaut.",
            "The peers' median behind; above 55 °C the battery wears fast. 85 or −127 °C: a broken sensor.",
        ),
        [night(), Query(m, peers(m.bat_dc, 50, 10), peer), Query(m, mean(m.bat_dc, ME, 10), me)],
        unit="celsius",
        decimals=1,
        limit=HOT_C,
    )
    warmth = p.override(
        behind(shaded(warmth), peer), me, color={"mode": "fixed", "fixedColor": p.RED}, custom__lineWidth=2
    )

    voltage = p.curve(
        t("Tension du panneau", "Panel voltage"),
        t(
            "La médiane des pairs derrière. Une marche vers le bas : diode ou chaîne ; à vide tout le jour "
            ": rien ne charge.",
            "The peers' median behind. A step down: a diode or string; open voltage all day: nothing charges.",
        ),
        [night(), Query(m, peers(m.pv_mv, 50, MILLI), peer), Query(m, mean(m.pv_mv, ME, MILLI), me)],
        unit="volt",
        decimals=1,
        lowest=0,
    )
    voltage = p.override(
        behind(shaded(voltage), peer), me, color={"mode": "fixed", "fixedColor": p.BLUE}, custom__lineWidth=2
    )
    return [watts, amps, battery, light, warmth, voltage]


def days(view: View) -> list[Any]:
    t, n = view.t, NIGHTS

    def line(title: str, about: str, unit: str, names: dict[str, str]) -> Any:
        queries = [
            Query(n, f"SELECT {getattr(n, column)} FROM {n} WHERE {ENDED} AND {ME}", said)
            for column, said in names.items()
        ]
        return p.curve(
            title, about, queries, w=8, unit=unit, lowest=None if unit == "volt" else 0, points=True, gap_hours=36
        )

    return [
        line(
            t("Énergie par jour", "Energy by day"),
            t(
                "Du panneau et vers la batterie le jour, vers la lumière la nuit qui suit.",
                "From the panel and into the battery by day, into the light in the night after.",
            ),
            "watth",
            {
                "pv_wh": t("panneau", "panel"),
                "battery_in_wh": t("batterie", "battery"),
                "led_wh": t("lumière", "light"),
            },
        ),
        line(
            t("Tension au crépuscule et à l'aube", "Voltage at dusk and dawn"),
            t(
                "L'écart grandit quand la batterie s'use (et quand les nuits s'allongent).",
                "The gap grows as the battery wears (and as the nights grow longer).",
            ),
            "volt",
            {"dusk_v": t("crépuscule", "dusk"), "dawn_v": t("aube", "dawn")},
        ),
        line(
            t("Panneau face aux pairs", "Panel against its peers"),
            t(
                "Rendement (1 = comme les pairs), perte par salissure, soleil de la journée (1 = ciel clair).",
                "Yield (1 = as its peers), loss by soiling, the day's sun (1 = clear sky).",
            ),
            "percentunit",
            {
                "yield_ratio": t("rendement", "yield"),
                "soiling": t("salissure", "soiling"),
                "sun": t("soleil", "sun"),
            },
        ),
    ]
