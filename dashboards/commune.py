"""Commune: its twenty lamps as the strip of nights, its panels against each other, its silences."""

from typing import Any

from dashboards import panels as p
from dashboards.faults import case_table
from dashboards.ledger import service, verdicts_by_night
from dashboards.queries import (
    COMMUNE,
    ENDED,
    FAULTS,
    NIGHTS,
    RANGE,
    Query,
    equal,
    no_note,
    of_communes,
    open_case,
    real_case,
)
from dashboards.view import Episodes, View, board, row, to_board, to_page, variables

HERE = equal(NIGHTS.commune, COMMUNE)


def commune(view: View) -> Any:
    t, f = view.t, FAULTS
    made = board(
        view,
        "commune",
        t("TREZOR – Commune", "TREZOR – Commune"),
        t(
            "Les lampes d'une commune, nuit par nuit, comparées entre elles.",
            "The lamps of one commune, night by night, compared with each other.",
        ),
        "now-30d",
        variables(view, commune=True),
        [
            *service(view, HERE),
            p.number(
                t("Cas ouverts", "Open cases"),
                t("Cas ouverts maintenant dans cette commune.", "Cases open now in this commune."),
                [
                    Query(
                        f,
                        f"SELECT count({f.case}) FROM {f} WHERE {open_case()} AND {no_note()} AND "
                        f"{equal(f.commune, COMMUNE)}",
                    )
                ],
                steps=((None, p.BLUE), (1, p.AMBER), (5, p.RED)),
                none="0",
                links=to_page(view, t("Page de la commune", "The commune's page"), "communes/${commune:raw}"),
            ),
            strip(view),
            row(t("Les lampes", "The lamps")),
            lamp_table(view),
            case_table(
                view,
                t("Cas ouverts", "Open cases"),
                t("Cas ouverts maintenant dans cette commune.", "Cases open now in this commune."),
                f"{open_case()} AND {no_note()} AND {equal(f.commune, COMMUNE)}",
                h=8,
            ),
            row(t("Panneaux : chacun contre ses pairs", "Panels: each against its peers")),
            by_lamp(
                view,
                t("Rendement face aux pairs", "Yield against peers"),
                t(
                    "Énergie du panneau face à la médiane de la commune, gain propre de la lampe appris ; "
                    "100 % = comme les pairs.",
                    "The panel's energy against the commune's median, after learning the lamp's own gain; "
                    "100 % = as its peers.",
                ),
                NIGHTS.yield_ratio,
                lowest=0,
            ),
            by_lamp(
                view,
                t("Perte par salissure", "Loss by soiling"),
                t(
                    "Part de la puissance du panneau perdue par la saleté, selon le moniteur ; retombe au lavage.",
                    "Share of the panel's power lost to dirt, as the monitor estimates it; falls back when washed.",
                ),
                NIGHTS.soiling,
                lowest=0,
            ),
            row(t("Silences et coupures", "Silences and outages")),
            by_lamp(
                view,
                t("Mesures reçues", "Samples received"),
                t(
                    "Part des mesures attendues arrivées, par nuit et lampe ; toutes à 0 ensemble : le réseau, pas les "
                    "lampes.",
                    "Share of the expected samples that came, by night and lamp; all at 0 together: the "
                    "network, not the lamps.",
                ),
                NIGHTS.completeness,
                lowest=0,
                highest=1,
            ),
            case_table(
                view,
                t("Incidents de la commune", "The commune's incidents"),
                t(
                    "Commune muette ou soleil faible : un seul cas pour toutes ses lampes.",
                    "Commune silent or low sun: one case for all its lamps.",
                ),
                f"{RANGE} AND {of_communes()} AND {real_case()} AND {equal(f.commune, COMMUNE)}",
                ended=True,
                w=12,
                h=9,
            ),
            verdicts_by_night(view, HERE),
        ],
    )
    made.annotations.list_val = [incidents(view).build()]
    return made


def strip(view: View) -> Any:
    t, n = view.t, NIGHTS
    return p.calendar(
        view,
        t("Nuits, lampe par lampe", "Nights, lamp by lamp"),
        t(
            "Une case par nuit (date de son crépuscule) et par lampe : ✓ allumée jusqu'au bout, ◐ en "
            "partie, ✗ éteinte, ? inconnue (trop peu de mesures). Verdicts du moniteur ; un clic sur une "
            "case ouvre la lampe.",
            "One square per night (date of its dusk) and lamp: ✓ lit to the end, ◐ partly, ✗ dark, ? unknown (too few "
            "samples). The monitor's verdicts; a click on a square opens the lamp.",
        ),
        [Query(n, f"SELECT {n.verdict} FROM {n} WHERE {ENDED} AND {HERE} GROUP BY {n.lamp}", "$tag_lamp")],
        h=16,
        links=[
            to_board(
                view,
                "lamp",
                t("Ouvrir la lampe", "Open the lamp"),
                commune="${commune:raw}",
                lamp="${__field.labels.lamp}",
            )
        ],
    )


def by_lamp(view: View, title: str, about: str, column: str, lowest: float, highest: float | None = None) -> Any:
    """A column of the ledger as one line per lamp."""
    n = NIGHTS
    return p.curve(
        title,
        about,
        [Query(n, f"SELECT {column} FROM {n} WHERE {ENDED} AND {HERE} GROUP BY {n.lamp}", "$tag_lamp")],
        w=12,
        h=9,
        unit="percentunit",
        decimals=0,
        lowest=lowest,
        highest=highest,
        points=True,
        gap_hours=36,
        links=[
            to_board(
                view,
                "lamp",
                view.t("Ouvrir la lampe", "Open the lamp"),
                commune="${commune:raw}",
                lamp="${__field.labels.lamp}",
            )
        ],
    )


def lamp_table(view: View) -> Any:
    """Each lamp's newest figures, the monitor's, none of them computed here."""
    t, n = view.t, NIGHTS
    columns = {
        "verdict": n.verdict,
        "dark_risk": n.dark_risk,
        "autonomy": n.autonomy,
        "capacity": n.capacity,
        "yield_ratio": n.yield_ratio,
        "soiling": n.soiling,
        "dawn_v": n.dawn_v,
    }
    newest = ", ".join(f'last({column}) AS "{name}"' for name, column in columns.items())
    names = ", ".join(f'"{name}"' for name in columns)
    text = (
        f"SELECT {n.lamp}, {names} FROM (SELECT {newest} FROM {n} WHERE {ENDED} AND {HERE} GROUP BY {n.lamp}) "
        f"WHERE {RANGE}"
    )
    lamp = to_board(
        view, "lamp", t("Ouvrir la lampe", "Open the lamp"), commune="${commune:raw}", lamp="${__data.fields.lamp}"
    )
    share: dict[str, object] = {"unit": "percentunit", "decimals": 0, "custom.align": "right"}
    return p.listing(
        t("Chaque lampe, dernières valeurs connues", "Each lamp, newest known values"),
        t(
            "Dernières valeurs du moniteur dans la période. Risque : probabilité d'être éteinte la nuit "
            "suivante. Autonomie : nuits que la batterie tient sans soleil. Capacité : part de la batterie "
            "neuve. Salissure : part perdue.",
            "The monitor's newest values in the range. Risk: probability to be dark the next night. "
            "Autonomy: nights the battery lasts without sun. Capacity: share of a new battery. Soiling: share lost.",
        ),
        [Query(n, text, as_table=True)],
        {
            "lamp": {"displayName": t("Lampe", "Lamp"), "links": [lamp.build()]},
            "verdict": {"displayName": t("Dernière nuit", "Last night"), "mappings": p.verdicts(view)},
            "dark_risk": {"displayName": t("Risque", "Risk"), **share},
            "autonomy": {
                "displayName": t("Autonomie (nuits)", "Autonomy (nights)"),
                "unit": "none",
                "decimals": 1,
                "custom.align": "right",
            },
            "capacity": {"displayName": t("Capacité", "Capacity"), **share},
            "yield_ratio": {"displayName": t("Rendement / pairs", "Yield / peers"), **share},
            "soiling": {"displayName": t("Salissure", "Soiling"), **share},
            "dawn_v": {
                "displayName": t("Tension à l'aube", "Voltage at dawn"),
                "unit": "volt",
                "decimals": 2,
                "custom.align": "right",
            },
        },
        h=14,
        sort=(t("Risque", "Risk"), True),
        none="–",
    )


def incidents(view: View) -> Episodes:
    """The commune's incidents that are over, shaded over the curves."""
    f = FAULTS
    sentence = f.sentence_fr if view.language == "fr" else f.sentence_en
    text = (
        f'SELECT {f.kind}, {sentence} AS "sentence", {f.until} / 1000 AS "end_ms" FROM {f} WHERE '
        f"{equal(f.commune, COMMUNE)} AND {of_communes()} AND {real_case()} AND {f.until} > 0"
    )
    name = view.t("Incidents de la commune", "The commune's incidents")
    return Episodes(name, Query(f, text), p.GREY, "sentence", "end_ms", view)
