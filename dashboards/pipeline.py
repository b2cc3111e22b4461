"""Pipeline: do the lamps' messages arrive, how late, what was refused, what is lost, what does the store hold."""

from typing import Any

from dashboards import panels as p
from dashboards.queries import (
    ARRIVALS,
    ENDED,
    LOST,
    NIGHT,
    NIGHTS,
    QUARANTINE,
    RECENT,
    STATUS,
    STEP,
    UNKNOWN,
    WEEK,
    Query,
    equal,
)
from dashboards.view import View, board, row, to_board, variables

SECOND_US = 1_000_000
LATE_US = 3_600 * SECOND_US  # told an hour after it was sampled: from a lamp's memory, not live


def pipeline(view: View) -> Any:
    t, a, n = view.t, ARRIVALS, NIGHTS
    return board(
        view,
        "pipeline",
        t("TREZOR – Chaîne de données", "TREZOR – Pipeline"),
        t(
            "Les messages des lampes : combien, avec quel retard, refusés, perdus ; ce que le magasin "
            "garde. Rapports : au plus les 31 derniers jours de la période (7 pour les retards) ; nuits : tous.",
            "The lamps' messages: how many, how late, refused, lost; what the store holds. Reports: at most the "
            "last 31 days of the range (7 for delays); nights: all of them.",
        ),
        "now-24h",
        variables(view),
        [
            p.number(
                t("Rapports reçus", "Reports received"),
                t("Rapports écrits dans le magasin dans la période.", "Reports written to the store in the range."),
                [Query(a, f"SELECT count({a.seq}) FROM {a} WHERE {RECENT}")],
                none="0",
            ),
            p.number(
                t("Lampes entendues", "Lamps heard"),
                t("Lampes dont un rapport est arrivé dans la période.", "Lamps of which a report came in the range."),
                [
                    Query(
                        a,
                        f'SELECT count("n") FROM (SELECT count({a.seq}) AS "n" FROM {a} WHERE {RECENT} '
                        f"GROUP BY {a.lamp}) "
                        f"WHERE {RECENT}",
                    )
                ],
                none="0",
            ),
            p.number(
                t("Dernier rapport", "Last report"),
                t(
                    "Quand le dernier rapport de la période a été reçu.",
                    "When the last report of the range was received.",
                ),
                [Query(a, f"SELECT last({a.received}) / 1000 FROM {a} WHERE {RECENT}")],
                unit="dateTimeFromNow",
            ),
            p.number(
                t("Retard (95 %)", "Delay (95 %)"),
                t(
                    "De la dernière mesure d'un rapport à sa réception : 95 rapports sur 100 ont fait mieux.",
                    "From a report's last sample to its receipt: 95 of 100 reports did better.",
                ),
                [Query(a, f'SELECT percentile("s", 95) FROM ({delays()}) WHERE {WEEK}')],
                unit="s",
                decimals=0,
                steps=((None, p.BLUE), (3_600, p.AMBER), (86_400, p.VIOLET)),
            ),
            p.number(
                t("Quarantaine", "Quarantine"),
                t(
                    "Messages refusés dans la période, gardés avec leur raison.",
                    "Messages refused in the range, kept with the reason.",
                ),
                [Query(QUARANTINE, f"SELECT count({QUARANTINE.reason}) FROM {QUARANTINE} WHERE {RECENT}")],
                steps=((None, p.BLUE), (1, p.AMBER)),
                none="0",
            ),
            p.number(
                t("Trous définitifs", "Gaps for good"),
                t(
                    "Suites de rapports que la lampe n'a plus : perdues, la complétude en tient compte.",
                    "Runs of reports that the lamp no longer has: lost, and completeness says so.",
                ),
                [Query(LOST, f"SELECT count({LOST.boot}) FROM {LOST} WHERE {RECENT}")],
                steps=((None, p.BLUE), (1, p.AMBER)),
                none="0",
            ),
            row(t("Messages", "Messages")),
            counted(
                view,
                t("Rapports par commune", "Reports by commune"),
                t(
                    "Rapports écrits par pas de temps, une couleur par commune.",
                    "Reports written by time step, one colour per commune.",
                ),
                f"count({a.seq})",
                "none",
                f", {a.commune}",
                "$tag_commune",
            ),
            counted(
                view,
                t("Volume", "Volume"),
                t("Octets utiles des rapports, par pas de temps.", "Payload bytes of the reports, by time step."),
                f"sum({a.bytes})",
                "bytes",
                "",
                t("octets", "bytes"),
            ),
            row(t("Retard et arriéré", "Delay and backlog")),
            delay_curve(view),
            backlog(view),
            row(t("Refusé, perdu, hors ligne", "Refused, lost, offline")),
            quarantine_table(view),
            p.listing(
                t("Rapports perdus", "Lost reports"),
                t("Numéros que la lampe n'a plus, par démarrage.", "Numbers that the lamp no longer has, by start."),
                [
                    Query(
                        LOST,
                        f"SELECT {LOST.commune}, {LOST.lamp}, {LOST.boot}, {LOST.from_seq}, {LOST.to_seq} FROM {LOST} "
                        f"WHERE {RECENT} ORDER BY time DESC LIMIT 200",
                        as_table=True,
                    )
                ],
                {
                    **who(view),
                    "boot": {"displayName": t("Démarrage", "Start")},
                    "from_seq": {"displayName": t("Du n°", "From no.")},
                    "to_seq": {"displayName": t("Au n°", "To no.")},
                },
                w=12,
                show_time=t("Constaté le", "Found at"),
            ),
            connections(view),
            row(t("Magasin", "Store")),
            counted(
                view,
                t("Mesures écrites", "Samples written"),
                t(
                    "Mesures que les rapports contenaient, par pas de temps : ce que le magasin a gagné.",
                    "Samples that the reports held, by time step: what the store has gained.",
                ),
                f"sum({a.samples})",
                "none",
                "",
                t("mesures", "samples"),
            ),
            newest_by_lamp(view),
            row(t("Nuit par nuit, sur toute la période", "Night by night, over the whole range")),
            by_night(
                view,
                t("Mesures par date et commune", "Samples by date and commune"),
                t(
                    "Ce qui est arrivé de chaque date, tout retard compris, selon le registre : aussi sur une année.",
                    "What has come of each date, however late, by the ledger of nights: over a year too.",
                ),
                f"sum({n.samples})",
            ),
            by_night(
                view,
                t("Nuits inconnues, par commune", "Unknown nights, by commune"),
                t(
                    "Combien de lampes n'en ont pas dit assez de leur nuit pour un verdict : réseau, modem ou pertes.",
                    "How many lamps told too little of their night for a verdict: network, modem or losses.",
                ),
                f"count({n.verdict})",
                f" AND {equal(n.verdict, UNKNOWN)}",
            ),
        ],
    )


def by_night(view: View, title: str, about: str, what: str, where: str = "") -> Any:
    """From the ledger, which is small: the reports of a year are too many to be counted on a screen."""
    n = NIGHTS
    text = f"SELECT {what} FROM {n} WHERE {ENDED}{where} GROUP BY {NIGHT}, {n.commune} fill(0)"
    return p.curve(title, about, [Query(n, text, "$tag_commune")], decimals=0, lowest=0, stacked_bars=True)


def delays() -> str:
    a = ARRIVALS
    return f'SELECT ({a.received} - {a.last}) / {SECOND_US} AS "s" FROM {a} WHERE {WEEK}'


def counted(view: View, title: str, about: str, what: str, unit: str, by: str, alias: str) -> Any:
    text = f"SELECT {what} FROM {ARRIVALS} WHERE {RECENT} GROUP BY {STEP}{by} fill(0)"
    return p.curve(title, about, [Query(ARRIVALS, text, alias)], unit=unit, decimals=0, lowest=0, stacked_bars=True)


def delay_curve(view: View) -> Any:
    t = view.t

    def percent(n: int) -> Query:
        text = f'SELECT percentile("s", {n}) FROM ({delays()}) WHERE {WEEK} GROUP BY {STEP} fill(none)'
        return Query(ARRIVALS, text, f"{n} %")

    return p.curve(
        t("Retard des rapports", "Delay of the reports"),
        t(
            "De la dernière mesure à la réception, par l'horloge de la lampe : la moitié (50 %) et presque "
            "tous (95 %).",
            "From the last sample to the receipt, by the lamp's clock: half of them (50 %) and nearly all (95 %).",
        ),
        [percent(50), percent(95)],
        unit="s",
        lowest=0,
        points=True,
    )


def backlog(view: View) -> Any:
    t, a = view.t, ARRIVALS
    text = (
        f"SELECT count({a.seq}) FROM {a} WHERE {RECENT} AND {a.received} - {a.last} > {LATE_US} "
        f"GROUP BY {STEP}, {a.commune} fill(0)"
    )
    return p.curve(
        t("Arriéré qui rentre", "Backlog coming in"),
        t(
            "Rapports arrivés plus d'une heure après leur dernière mesure : des lampes vident leur mémoire.",
            "Reports that came more than an hour after their last sample: lamps are emptying their memory.",
        ),
        [Query(a, text, "$tag_commune")],
        decimals=0,
        lowest=0,
        stacked_bars=True,
    )


def who(view: View) -> dict[str, dict[str, object]]:
    t = view.t
    lamp = to_board(
        view,
        "lamp",
        t("Ouvrir la lampe", "Open the lamp"),
        commune="${__data.fields.commune}",
        lamp="${__data.fields.lamp}",
    )
    return {
        "commune": {"displayName": t("Commune", "Commune"), "noValue": "–"},
        "lamp": {"displayName": t("Lampe", "Lamp"), "links": [lamp.build()], "noValue": "–"},
    }


def quarantine_table(view: View) -> Any:
    t, q = view.t, QUARANTINE
    return p.listing(
        t("Quarantaine : derniers messages refusés", "Quarantine: newest refused messages"),
        t(
            "Ce qui est venu et n'a pas pu servir, avec la raison. Rien n'est jeté.",
            "What came and could not be used, with the reason. Nothing is thrown away.",
        ),
        [
            Query(
                q,
                f"SELECT {q.commune}, {q.lamp}, {q.topic}, {q.reason}, {q.bytes} FROM {q} WHERE {RECENT} "
                f"ORDER BY time DESC LIMIT 200",
                as_table=True,
            )
        ],
        {
            **who(view),
            "topic": {"displayName": t("Sujet MQTT", "MQTT topic")},
            "reason": {"displayName": t("Raison", "Reason"), "custom.width": 380},
            "bytes": {"displayName": t("Taille", "Size"), "unit": "bytes"},
        },
        w=24,
        show_time=t("Reçu le", "Received at"),
    )


def connections(view: View) -> Any:
    """Each lamp's newest connection state; the text comes first in this query, offline before online by name."""
    t, s = view.t, STATUS
    text = (
        f'SELECT {s.commune}, {s.lamp}, "state" FROM (SELECT last({s.state}) AS "state" FROM {s} '
        f"GROUP BY {s.commune}, {s.lamp})"
    )
    states = p.words({"online": (t("en ligne", "online"), p.BLUE), "offline": (t("hors ligne", "offline"), p.VIOLET)})
    shown = t("Connexion", "Connection")
    return p.listing(
        t("Connexions", "Connections"),
        t(
            "Dernier état connu de chaque lampe ; hors ligne : le courtier a vu la connexion se rompre. Les lampes à "
            "rapports groupés sont normalement hors ligne entre deux envois.",
            "Newest known state of each lamp; offline: the broker saw the connection break. Lamps that "
            "send their reports in batches are normally offline in between.",
        ),
        [Query(s, text, as_table=True)],
        {**who(view), "state": {"displayName": shown, "mappings": [states]}},
        w=12,
        sort=(shown, False),
        show_time=t("Depuis", "Since"),
    )


def newest_by_lamp(view: View) -> Any:
    """Who has been quiet the longest."""
    t, a = view.t, ARRIVALS
    text = (
        f'SELECT {a.commune}, {a.lamp}, "last" FROM (SELECT last({a.last}) / 1000 AS "last" FROM {a} '
        f"WHERE {RECENT} GROUP BY {a.commune}, {a.lamp}) WHERE {RECENT}"
    )
    last = t("Dernière mesure", "Newest sample")
    return p.listing(
        t("Dernière mesure de chaque lampe", "Newest sample of each lamp"),
        t("La plus ancienne en haut.", "The oldest on top."),
        [Query(a, text, as_table=True)],
        {**who(view), "last": {"displayName": last, "unit": "dateTimeAsIso"}},
        w=12,
        sort=(last, False),
    )
