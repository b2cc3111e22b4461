"""Lamp: one pole's power, battery, light and warmth, the night shaded, its episodes marked, its peers behind it."""

from typing import Any

from dashboards import panels as p
from dashboards.faults import case_table
from dashboards.lamp_curves import ME, MILLI, days, measurements
from dashboards.queries import (
    ENDED,
    EVENTS,
    FAULTS,
    LAMP,
    NIGHTS,
    RANGE,
    TELEMETRY,
    Query,
    equal,
    newest,
    open_case,
    real_case,
)
from dashboards.view import Episodes, View, board, row, to_page, variables


def lamp(view: View) -> Any:
    t, n, m = view.t, NIGHTS, TELEMETRY
    made = board(
        view,
        "lamp",
        t("TREZOR – Lampe", "TREZOR – Lamp"),
        t(
            "Une lampe : puissance, batterie, lumière, température ; la nuit en gris, ses pannes, ses pairs derrière.",
            "One lamp: power, battery, light, temperature; the night in grey, its faults, its peers behind.",
        ),
        "now-7d",
        variables(view, commune=True, lamp=True),
        [
            p.number(
                t("Dernière nuit", "Last night"),
                t("Verdict du moniteur, dernière nuit terminée.", "The monitor's verdict, last night that has ended."),
                [Query(n, f"SELECT last({n.verdict}) FROM {n} WHERE {ENDED} AND {ME}", "verdict")],
                fields="/^verdict$/",
                mappings=p.verdicts(view),
                links=to_page(view, t("Page de la lampe", "The lamp's page"), "lamps/${lamp:raw}"),
            ),
            p.number(
                t("Risque d'extinction", "Risk to go dark"),
                t(
                    "Probabilité d'être éteinte la nuit suivante, selon le moniteur.",
                    "Probability to be dark the next night, according to the monitor.",
                ),
                [ledger("dark_risk")],
                unit="percentunit",
                decimals=0,
            ),
            p.number(
                t("Autonomie (nuits)", "Autonomy (nights)"),
                t("Nuits que la batterie tient sans soleil.", "Nights that the battery lasts without sun."),
                [ledger("autonomy")],
                decimals=1,
            ),
            p.number(
                t("Capacité de la batterie", "Battery capacity"),
                t("Part de la capacité d'une batterie neuve.", "Share of a new battery's capacity."),
                [ledger("capacity")],
                unit="percentunit",
                decimals=0,
            ),
            p.number(
                t("Batterie", "Battery"),
                t("Dernière tension mesurée dans la période.", "Newest voltage measured in the range."),
                [Query(m, newest(m.bat_mv, ME, MILLI))],
                unit="volt",
                decimals=2,
            ),
            p.number(
                t("Signal radio", "Radio signal"),
                t("Dernier niveau reçu ; au-dessous de −100 dBm, faible.", "Newest level; below −100 dBm, weak."),
                [Query(m, newest(m.rssi, ME))],
                unit="dBm",
            ),
            p.calendar(
                view,
                t("Nuits", "Nights"),
                t(
                    "Une case par nuit, date de son crépuscule : ✓ allumée, ◐ en partie, ✗ éteinte, ? inconnue.",
                    "One square per night, date of its dusk: ✓ lit, ◐ partly, ✗ dark, ? unknown.",
                ),
                [Query(n, f"SELECT {n.verdict} FROM {n} WHERE {ENDED} AND {ME}", t("verdict", "verdict"))],
                h=4,
            ),
            row(t("Mesures (la nuit commandée est en gris)", "Measurements (the commanded night is grey)")),
            *measurements(view),
            row(t("Jour après jour", "Day by day")),
            *days(view),
            row(t("Pannes et événements", "Faults and events")),
            case_table(
                view,
                t("Pannes de cette lampe", "This lamp's faults"),
                t(
                    "Tous ses cas, ouverts et clos, aussi ceux qui font partie d'un autre.",
                    "All its cases, open and closed, those too that are part of another.",
                ),
                f"{equal(FAULTS.lamp, LAMP)} AND {real_case()}",
                ended=True,
                h=8,
            ),
            p.listing(
                t("Événements du mât et du régulateur", "Events of the pole and the controller"),
                t(
                    "Ce que la lampe a signalé : inclinaison, porte ouverte, redémarrage, coupure.",
                    "What the lamp told: tilt, door open, restart, cut-off.",
                ),
                [
                    Query(
                        EVENTS,
                        f'SELECT {EVENTS.event}, {EVENTS.received} / 1000 AS "received" FROM {EVENTS} '
                        f"WHERE {RANGE} AND {ME}",
                        as_table=True,
                    )
                ],
                {
                    "event": {"displayName": t("Événement", "Event"), "mappings": [happenings(view)]},
                    "received": {"displayName": t("Reçu", "Received"), "unit": "dateTimeAsIso"},
                },
                h=6,
                show_time=t("Quand (heure de la lampe)", "When (the lamp's time)"),
            ),
        ],
    )
    made.annotations.list_val = [episode.build() for episode in episodes(view)]
    return made


def ledger(column: str) -> Query:
    return Query(NIGHTS, f"SELECT last({getattr(NIGHTS, column)}) FROM {NIGHTS} WHERE {ENDED} AND {ME}")


def happenings(view: View) -> Any:
    """The events that the lamp's language knows, as people say them."""
    words = {
        "tilt": ("mât incliné ou heurté", "pole tilted or hit"),
        "door_open": ("porte ouverte", "door open"),
        "restart": ("redémarrage", "restart"),
        "cutoff": ("coupure, batterie vide", "cut-off, battery empty"),
    }
    return p.words({event: (view.t(fr, en), None) for event, (fr, en) in words.items()})


def episodes(view: View) -> list[Episodes]:
    """Faults of this lamp over the curves: shaded from beginning to end, and a mark where an open one began."""
    t, f = view.t, FAULTS
    sentence = f.sentence_fr if view.language == "fr" else f.sentence_en
    mine = f"{equal(f.lamp, LAMP)} AND {real_case()}"
    what = f'{f.kind}, {sentence} AS "sentence"'
    over = f'SELECT {what}, {f.until} / 1000 AS "end_ms" FROM {f} WHERE {mine} AND {f.until} > 0'
    going_on = f"SELECT {what} FROM {f} WHERE {mine} AND {open_case()}"
    return [
        Episodes(t("Pannes passées", "Past faults"), Query(f, over), p.GREY, "sentence", "end_ms", view),
        Episodes(t("Pannes en cours", "Present faults"), Query(f, going_on), p.RED, "sentence", None, view),
    ]
