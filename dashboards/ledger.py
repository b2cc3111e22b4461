"""The ledger of nights as every dashboard shows it: verdicts of the monitor, counted, never computed."""

from typing import Any, Final

from dashboards import panels as p
from dashboards.queries import ENDED, LIT, NIGHTS, UNKNOWN, VERDICTS, Query, last_night, per_night, served_share
from dashboards.view import View

SERVED_STEPS: Final[p.Steps] = ((None, p.VIOLET), (95, p.AMBER), (98, p.BLUE))


def service(view: View, where: str) -> list[Any]:
    """The first line of the screen: last night's lamps, the range's nights with both bounds, completeness."""
    t, n = view.t, NIGHTS
    lamps = [Query(n, last_night((verdict,), where), p.verdict_name(view, verdict)) for verdict in VERDICTS]
    last = p.number(
        t("Lampes, dernière nuit", "Lamps, last night"),
        t(
            "Verdicts du moniteur pour la dernière nuit terminée de la période. Inconnue : trop peu de "
            "mesures pour le dire.",
            "The monitor's verdicts for the last night of the range that has ended. Unknown: too few samples to tell.",
        ),
        lamps,
        w=8,
    )
    for verdict in VERDICTS:
        last = p.paint(last, p.verdict_name(view, verdict), p.COLOURS[verdict])
    low, high = t("au moins", "at least"), t("au plus", "at most")
    return [
        last,
        p.number(
            t("Nuits servies", "Nights served"),
            t(
                "Nuits allumées jusqu'au bout, sur toutes les nuits de la période. Au moins : nuits inconnues comptées "
                "perdues ; au plus : comptées servies. Promesse : 365 nuits par an ; 98 % est le niveau "
                "d'un parc suivi.",
                "Nights lit to the end, of all nights of the range. At least: unknown nights counted as lost; at most: "
                "counted as served. The promise: 365 nights a year; 98 % is the level of a managed fleet.",
            ),
            [
                Query(n, served_share((LIT,), where), low),
                Query(n, served_share((LIT, UNKNOWN), where), high),
            ],
            w=8,
            unit="percent",
            decimals=1,
            steps=SERVED_STEPS,
        ),
        p.number(
            t("Complétude des données", "Data completeness"),
            t(
                "Part des mesures attendues qui sont arrivées, moyenne des nuits de la période.",
                "Share of the expected samples that came, mean of the range's nights.",
            ),
            [Query(n, f"SELECT mean({n.completeness}) FROM {n} WHERE {ENDED}{f' AND {where}' if where else ''}")],
            unit="percentunit",
            decimals=1,
            steps=((None, p.VIOLET), (0.9, p.AMBER), (0.98, p.BLUE)),
        ),
    ]


def verdicts_by_night(view: View, where: str) -> Any:
    t = view.t
    panel = p.curve(
        t("Lampes par verdict, nuit par nuit", "Lamps by verdict, night by night"),
        t(
            "Chaque barre est une nuit (date de son crépuscule) : combien de lampes allumées, en partie, "
            "éteintes, inconnues.",
            "Each bar is a night (date of its dusk): how many lamps lit, partly, dark, unknown.",
        ),
        [Query(NIGHTS, per_night(verdict, where), p.verdict_name(view, verdict)) for verdict in VERDICTS],
        w=24,
        decimals=0,
        lowest=0,
        stacked_bars=True,
    )
    for verdict in VERDICTS:
        panel = p.paint(panel, p.verdict_name(view, verdict), p.COLOURS[verdict])
    return panel
