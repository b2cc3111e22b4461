"""Fleet: how many lamps lit last night, where not, what to do about it. From top to bottom as on the screen."""

from typing import Any

from grafana_foundation_sdk.builders import common, dashboard, geomap
from grafana_foundation_sdk.models import common as shared
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import geomap as geomap_model

from dashboards import panels as p
from dashboards.faults import case_table
from dashboards.ledger import service, verdicts_by_night
from dashboards.queries import (
    DARK,
    ENDED,
    FAULTS,
    LIT,
    NIGHT,
    NIGHTS,
    PARTLY,
    RANGE,
    VERDICTS,
    Query,
    any_of,
    equal,
    last_night,
    no_note,
    open_case,
)
from dashboards.view import View, board, row, source, to_board, variables
from gateway.fleet import Fleet


def fleet(view: View) -> Any:
    t, n = view.t, NIGHTS
    return board(
        view,
        "fleet",
        t("TREZOR – Parc", "TREZOR – Fleet"),
        t(
            "Toutes les lampes : la dernière nuit, les nuits de la période, les cas ouverts.",
            "All lamps: the last night, the nights of the range, the open cases.",
        ),
        "now-30d",
        variables(view),
        [
            *service(view, ""),
            p.number(
                t("Cas ouverts", "Open cases"),
                t(
                    "Cas que le moniteur tient ouverts maintenant, quelle que soit la période ; sans les notes météo.",
                    "Cases that the monitor holds open now, whatever the range; without notes about the weather.",
                ),
                [Query(FAULTS, f"SELECT count({FAULTS.case}) FROM {FAULTS} WHERE {open_case()} AND {no_note()}")],
                steps=((None, p.BLUE), (1, p.AMBER), (10, p.RED)),
                none="0",
            ),
            row(t("Dernière nuit", "Last night")),
            lit_by_commune(view),
            *([place_map(view, view.fleet)] if view.fleet else []),
            commune_table(view),
            row(t("Ce qu'il y a à faire", "What there is to do")),
            case_table(
                view,
                t("Cas ouverts", "Open cases"),
                t(
                    "Un cas par ligne : depuis quand, la phrase du moniteur avec ses preuves, la cause la "
                    "plus probable.",
                    "One case a line: since when, the monitor's sentence with its evidence, the likeliest cause.",
                ),
                f"{open_case()} AND {no_note()}",
            ),
            row(t("Période", "Range")),
            worst_lamps(view),
            p.curve(
                t("Complétude des données, par commune", "Data completeness, by commune"),
                t(
                    "Part des mesures attendues qui sont arrivées, par nuit ; 100 % = rien ne manque.",
                    "Share of the expected samples that came, by night; 100 % = nothing is missing.",
                ),
                [
                    Query(
                        n,
                        f"SELECT mean({n.completeness}) FROM {n} WHERE {ENDED} "
                        f"GROUP BY {NIGHT}, {n.commune} fill(none)",
                        "$tag_commune",
                    )
                ],
                unit="percentunit",
                lowest=0,
                highest=1,
                gap_hours=36,
                points=True,
            ),
            verdicts_by_night(view, ""),
        ],
    )


def lit_by_commune(view: View) -> Any:
    t = view.t
    most = max(map(len, view.fleet.by_commune.values())) if view.fleet else None
    return p.bars(
        t("Lampes allumées la dernière nuit, par commune", "Lamps lit last night, by commune"),
        t(
            "Allumées toute la nuit selon le moniteur. Un clic ouvre la commune.",
            "Lit all night according to the monitor. A click opens the commune.",
        ),
        [Query(NIGHTS, last_night((LIT,), by=NIGHTS.commune), "$tag_commune")],
        w=8,
        h=10,
        highest=most,
        steps=((None, p.AMBER),),
        links=[
            to_board(view, "commune", t("Ouvrir la commune", "Open the commune"), commune="${__field.labels.commune}")
        ],
    )


def place_map(view: View, fleet: Fleet) -> Any:
    """Communes where they lie, by the fleet file: one query each, for InfluxDB holds no places."""
    t, n = view.t, NIGHTS
    panel = geomap.Panel().title(t("Carte : lampes éteintes ou en partie", "Map: lamps dark or partly")).description(
        t(
            "Chaque commune à sa place (fichier du parc) ; le nombre et la taille disent combien de ses lampes ont été "
            "éteintes, toute la nuit ou en partie, la dernière nuit.",
            "Each commune where it lies (fleet file); number and size tell how many of its lamps were "
            "dark, all night or partly, last night.",
        )
    )  # fmt: skip
    panel = panel.span(8).height(10)
    for number, commune in enumerate(fleet.communes.values(), 1):
        show = (
            f'sum("n") AS "dark", {constant(commune.latitude, "latitude")}, {constant(commune.longitude, "longitude")}'
        )
        text = last_night((DARK, PARTLY), equal(n.commune, commune.id), n.commune, show)
        panel = panel.with_target(Query(n, text, as_table=True, ref=f"C{number}"))
    panel = panel.datasource(source(n.source)).unit("none").decimals(0)
    panel = panel.thresholds(
        dashboard.ThresholdsConfig()
        .mode(model.ThresholdsMode.ABSOLUTE)
        .steps([model.Threshold(value=None, color=p.AMBER), model.Threshold(value=1, color=p.VIOLET)])
    )
    panel = panel.with_transformation(model.DataTransformerConfig(id_val="merge", options={}))
    panel = panel.color_scheme(dashboard.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
    panel = p.override(panel, "dark", displayName=t("Lampes éteintes ou en partie", "Lamps dark or partly"))
    panel = p.override(panel, "commune", displayName=t("Commune", "Commune"))
    link = to_board(view, "commune", t("Ouvrir la commune", "Open the commune"), commune="${__data.fields.commune}")
    marker = {
        "showLegend": False,
        "style": {
            "color": {"field": "dark", "fixed": p.VIOLET},
            "opacity": 0.8,
            "size": {"field": "dark", "fixed": 8, "min": 8, "max": 22},
            "symbol": {"mode": "fixed", "fixed": "img/icons/marker/circle.svg"},
            "text": {"mode": "field", "field": "dark", "fixed": ""},
            "textConfig": {"fontSize": 12, "offsetX": 0, "offsetY": 0, "textAlign": "center", "textBaseline": "middle"},
        },
    }
    return (
        panel.data_links([link])
        .view(geomap.MapViewConfig().id("fit").all_layers(True).padding(15))
        .basemap(common.MapLayerOptions().type("default").name(t("Fond de carte", "Base map")).config({}))
        .layers(
            [
                common.MapLayerOptions()
                .type("markers")
                .name(t("Communes", "Communes"))
                .tooltip(True)
                .config(marker)
                .location(
                    common.FrameGeometrySource()
                    .mode(shared.FrameGeometrySourceMode.COORDS)
                    .latitude("latitude")
                    .longitude("longitude")
                )
            ]
        )
        .controls(geomap.ControlsOptions().show_zoom(True).mouse_wheel_zoom(False).show_attribution(True))
        .tooltip(geomap.TooltipOptions().mode(geomap_model.TooltipMode.DETAILS))
    )


def constant(value: float, name: str) -> str:
    """A number of ours as a column: InfluxQL selects no bare number."""
    return f'sum("n") * 0 + {value} AS "{name}"'


def commune_table(view: View) -> Any:
    t, n = view.t, NIGHTS
    shown: dict[str, dict[str, object]] = {
        "commune": {
            "displayName": t("Commune", "Commune"),
            "links": [
                to_board(
                    view, "commune", t("Ouvrir la commune", "Open the commune"), commune="${__data.fields.commune}"
                ).build()
            ],
        }
    }
    for verdict in VERDICTS:
        shown[verdict] = {
            "displayName": p.verdict_name(view, verdict),
            "color": {"mode": "fixed", "fixedColor": p.COLOURS[verdict]},
            "custom.align": "right",
        }
    return p.listing(
        t("Dernière nuit, par commune", "Last night, by commune"),
        t(
            "Nombre de lampes de chaque verdict du moniteur, dernière nuit terminée de la période.",
            "Number of lamps of each verdict of the monitor, last night of the range that has ended.",
        ),
        [Query(n, last_night((verdict,), by=n.commune), as_table=True) for verdict in VERDICTS],
        shown,
        w=8,
        h=10,
        sort=(p.verdict_name(view, DARK), True),
    )


def worst_lamps(view: View) -> Any:
    """Where the most nights were not served."""
    t, n = view.t, NIGHTS
    text = (
        f'SELECT {n.commune}, {n.lamp}, "nights" FROM (SELECT count({n.verdict}) AS "nights" FROM {n} '
        f"WHERE {ENDED} AND {any_of(n.verdict, (DARK, PARTLY))} GROUP BY {n.commune}, {n.lamp}) WHERE {RANGE}"
    )
    lamp = to_board(
        view,
        "lamp",
        t("Ouvrir la lampe", "Open the lamp"),
        commune="${__data.fields.commune}",
        lamp="${__data.fields.lamp}",
    )
    nights = t("Nuits éteintes ou en partie", "Nights dark or partly")
    return p.listing(
        t("Lampes les plus touchées", "Worst lamps"),
        t(
            "Nuits de la période où le moniteur a vu la lampe éteinte, toute la nuit ou en partie ; les "
            "plus touchées en haut.",
            "Nights of the range in which the monitor saw the lamp dark, all night or partly; the worst on top.",
        ),
        [Query(n, text, as_table=True)],
        {
            "commune": {"displayName": t("Commune", "Commune")},
            "lamp": {"displayName": t("Lampe", "Lamp"), "links": [lamp.build()]},
            "nights": {"displayName": nights, "custom.align": "right", "unit": "none"},
        },
        w=12,
        h=8,
        sort=(nights, True),
    )
